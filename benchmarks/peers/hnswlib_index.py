"""hnswlib: a graph in memory, saved as one file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.peers.protocol import K, main, make_labels

if TYPE_CHECKING:
    from benchmarks.peers.protocol import Ids, Raw, Setting, Task, Vectors


class HnswlibSide:
    """M=32, ef_construction=100, inner product."""

    packages = ("hnswlib",)
    filters = True
    durable = "nothing: memory alone"
    settings: tuple[Setting, ...] = tuple(
        {"ef": ef} for ef in (16, 24, 32, 48, 64, 96, 128, 192, 256, 384)
    )

    def __init__(self, task: Task) -> None:
        self._task = task
        self._path = str(task.store / "index.bin")
        self._labels: list[int] = []

    def build(self, vectors: Vectors, labels: Ids) -> None:
        """Add on all threads and save."""
        import hnswlib

        index = hnswlib.Index("ip", vectors.shape[1])
        index.init_index(len(vectors), M=32, ef_construction=100, random_seed=100)
        index.add_items(vectors, np.arange(len(vectors)), num_threads=self._task.threads)
        index.save_index(self._path)

    def open(self) -> None:
        """Read the file into memory."""
        import hnswlib

        dim = self._task.load_queries().shape[1]
        self._index = hnswlib.Index("ip", dim)
        self._index.load_index(self._path, max_elements=self._task.rows)

    def many(self, queries: Vectors, setting: Setting, below: int | None) -> Raw:
        """One call on all threads, but for filters, which call Python and so take one."""
        self._index.set_ef(int(setting["ef"]))
        threads = self._task.threads if below is None else 1
        return self._query(queries, threads, below)

    def one(self, query: Vectors, setting: Setting, below: int | None) -> Raw:
        """One call on one thread."""
        self._index.set_ef(int(setting["ef"]))
        return self._query(query, 1, below)

    def _query(self, queries: Vectors, threads: int, below: int | None) -> Raw:
        if below is None:
            return self._index.knn_query(queries, K, num_threads=threads)[0]
        if not self._labels:
            self._labels = make_labels(self._task.rows).tolist()
        labels = self._labels

        def keeps(row: int) -> bool:
            return labels[row] < below

        try:
            return self._index.knn_query(queries, K, num_threads=threads, filter=keeps)[0]
        except RuntimeError:  # it found fewer than K for one of them, and so gives nothing at all
            return np.full((len(np.atleast_2d(queries)), K), -1)

    def ids(self, raw: Raw) -> Ids:
        """Its uint64 as int64."""
        found: np.ndarray[Any, np.dtype[np.uint64]] = raw
        return found.astype(np.int64)

    def upsert(self, ids: Ids, vectors: Vectors, labels: Ids) -> None:
        """Replace in memory."""
        self._index.add_items(vectors, ids, num_threads=self._task.threads)

    def delete(self, ids: Ids) -> None:
        """Mark as deleted in memory."""
        for row in ids.tolist():
            self._index.mark_deleted(row)

    def close(self) -> None:
        """Nothing is held."""


if __name__ == "__main__":
    main(HnswlibSide)
