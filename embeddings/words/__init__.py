"""Word vectors: a folder of them, what can be asked of them, and the encoder made from them.

Importing this package loads nothing heavy; training is in `embeddings.training.words`.
"""
