"""Documents and vectors to hits: storage, nearest-neighbour search, filters and ingest.

Importing this package loads neither torch nor faiss.
"""
