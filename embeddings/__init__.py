"""Text to vectors: encoders, their cards, and how they are loaded.

Importing this package loads nothing heavy; `embeddings.load.load_encoder` imports
the library an encoder needs when that encoder is asked for.
"""
