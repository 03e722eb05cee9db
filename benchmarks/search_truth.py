"""Exact neighbours for the search benchmark, kept in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers.protocol import BOUNDS, K, make_labels

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.peers.protocol import Ids, Vectors

FILTERED_QUERIES = 1000


def find_truth(vectors: Vectors, queries: Vectors, folder: Path) -> None:
    """Write `ROWS.npy` and `ROWS-below-BOUND.npy` of the vectors, where they are missing.

    Each holds int64 (queries, K), best inner product first, padded with -1; under filters of the
    first `FILTERED_QUERIES` queries. The folder belongs to one pair of sets of vectors.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = len(vectors)
    path = folder / f"{rows}.npy"
    if not path.is_file():
        np.save(path, nearest(vectors, queries, np.arange(rows)))
    labels = make_labels(rows)
    for below in BOUNDS:
        path = folder / f"{rows}-below-{below}.npy"
        if not path.is_file():
            kept = np.flatnonzero(labels < below)
            np.save(path, nearest(vectors, queries[:FILTERED_QUERIES], kept))


def nearest(vectors: Vectors, queries: Vectors, kept: Ids) -> Ids:
    """int64 (n, K): rows among those kept (ascending), compared in blocks of 200,000."""
    import faiss

    scores = np.full((len(queries), 0), 0, dtype=np.float32)
    ids = np.full((len(queries), 0), 0, dtype=np.int64)
    for start in range(0, len(kept), 200_000):
        block = kept[start : start + 200_000]
        most = min(K, len(block))
        part = np.ascontiguousarray(vectors[block])
        near, places = faiss.knn(queries, part, most, metric=faiss.METRIC_INNER_PRODUCT)
        scores, ids = np.hstack([scores, near]), np.hstack([ids, block[places]])
    order = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    found = np.take_along_axis(ids, order, axis=1)
    padding = np.full((len(queries), K - found.shape[1]), -1, dtype=np.int64)
    return np.hstack([found, padding])
