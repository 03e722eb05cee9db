"""Training word vectors: a corpus of any size to a folder that answers and encodes."""
