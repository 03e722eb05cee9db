"""`train classifier`: labelled texts to a folder that `classify` answers from.

The head learns on an encoder's frozen vectors, or encoder and head learn together.
"""
