"""USearch: a graph in memory, saved as one file; it has no filters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers.protocol import K, main

if TYPE_CHECKING:
    from benchmarks.peers.protocol import Ids, Raw, Setting, Task, Vectors


class UsearchSide:
    """connectivity=32, expansion_add=100, inner product; option `dtype`, `f32` or `i8`."""

    packages = ("usearch",)
    filters = False
    durable = "nothing: memory alone"
    settings: tuple[Setting, ...] = tuple(
        {"expansion_search": ef} for ef in (16, 32, 48, 64, 96, 128, 192, 256, 384)
    )

    def __init__(self, task: Task) -> None:
        self._task = task
        self._path = str(task.store / "index.usearch")
        self._dtype: str = task.options.get("dtype", "f32")

    def build(self, vectors: Vectors, labels: Ids) -> None:
        """Add on all threads and save."""
        from usearch.index import Index

        index = Index(
            ndim=vectors.shape[1],
            metric="ip",
            dtype=self._dtype,
            connectivity=32,
            expansion_add=100,
        )
        index.add(np.arange(len(vectors)), vectors, threads=self._task.threads)
        index.save(self._path)

    def open(self) -> None:
        """Read the file into memory."""
        from usearch.index import Index

        self._index = Index.restore(self._path)

    def many(self, queries: Vectors, setting: Setting, below: int | None) -> Raw:
        """One call on all threads."""
        return self._search(queries, setting, self._task.threads)

    def one(self, query: Vectors, setting: Setting, below: int | None) -> Raw:
        """One call on one thread."""
        return self._search(query, setting, 1)

    def _search(self, queries: Vectors, setting: Setting, threads: int) -> Raw:
        self._index.expansion_search = int(setting["expansion_search"])
        return self._index.search(queries, K, threads=threads).keys

    def ids(self, raw: Raw) -> Ids:
        """Its uint64 as int64."""
        return np.atleast_2d(np.asarray(raw)).astype(np.int64)

    def upsert(self, ids: Ids, vectors: Vectors, labels: Ids) -> None:
        """Remove and add in memory."""
        self._index.remove(ids, threads=self._task.threads)
        self._index.add(ids, vectors, threads=self._task.threads)

    def delete(self, ids: Ids) -> None:
        """Remove in memory."""
        self._index.remove(ids, threads=self._task.threads)

    def close(self) -> None:
        """Nothing is held."""


if __name__ == "__main__":
    main(UsearchSide)
