"""How many threads FAISS takes for what the calling thread asks of it."""

from __future__ import annotations


def use_threads(count: int) -> None:
    """Let FAISS compute on that many threads, 1 or more, for the calling thread.

    OpenMP keeps this number by thread, so others keep theirs.
    """
    import faiss

    faiss.omp_set_num_threads(count)
