"""Tokenizers: learned from a corpus, or an existing model's with pieces added."""
