"""Vectors and centroids: which is nearest to which, and what the middle of a group is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from indexing.index.exact import unit
from indexing.types import Metric

if TYPE_CHECKING:
    from collections.abc import Callable

    import faiss
    import numpy.typing as npt

    from embeddings.types import Vectors
    from indexing.types import Ids, Scores

    Told = Callable[[int, int], None]
    """Called with steps done and steps in all; may raise to stop."""
    Labels = npt.NDArray[np.int32]

BLOCK = 32_768
"""Rows compared with the centroids between two reports."""
_SAME = 1e-6
"""Squared distance, relative to the squared length, below which vectors count as equal."""


def silent(done: int, total: int) -> None:
    """Nobody is told."""
    del done, total


def assign(
    vectors: Vectors, centroids: Vectors, metric: Metric, *, told: Told = silent
) -> tuple[Labels, Scores]:
    """The nearest centroid of each vector, int32 (n,), and the similarity to it, float32 (n,).

    Args:
        vectors: float32 (n, dim), `comparable`.
        centroids: float32 (k, dim), as `fit_kmeans` gives them.
        metric: what they were found under.
        told: how many blocks are done.
    """
    ids, similarity = nearest_centroids(vectors, centroids, 1, metric, told=told)
    return ids[:, 0].astype(np.int32), np.ascontiguousarray(similarity[:, 0])


def nearest_centroids(
    vectors: Vectors, centroids: Vectors, count: int, metric: Metric, *, told: Told = silent
) -> tuple[Ids, Scores]:
    """The nearest centroids of each vector, best first: int64 and float32 (n, count).

    Args:
        vectors: float32 (n, dim), `comparable`.
        centroids: float32 (k, dim).
        count: 1 to k.
        metric: cosine and dot give cosines, Euclidean gives minus the distance.
        told: how many blocks are done.
    """
    space = Space(metric)
    ids: Ids = np.empty((len(vectors), count), dtype=np.int64)
    similarity: Scores = np.empty((len(vectors), count), dtype=np.float32)
    index = space.index(centroids)
    blocks = math.ceil(len(vectors) / BLOCK)
    for number in range(blocks):
        told(number, blocks)
        part = slice(number * BLOCK, (number + 1) * BLOCK)
        found, ids[part] = index.search(space.ready(vectors[part]), count)
        similarity[part] = space.similarity(found)
    told(blocks, blocks)
    return ids, similarity


def similarity_to(vectors: Vectors, centroids: Vectors, labels: Labels, metric: Metric) -> Scores:
    """float32 (n,): similarity of each vector to the centroid of its own group.

    Args:
        vectors: float32 (n, dim), `comparable`.
        centroids: float32 (k, dim).
        labels: int32 (n,), 0 to k-1.
        metric: cosine and dot give cosines, Euclidean gives minus the distance.
    """
    space = Space(metric)
    similarity: Scores = np.empty(len(vectors), dtype=np.float32)
    for first in range(0, len(vectors), BLOCK):
        part = slice(first, first + BLOCK)
        own, ready = centroids[labels[part]], space.ready(vectors[part])
        if space.spherical:
            similarity[part] = np.einsum("ij,ij->i", ready, own)
        else:
            similarity[part] = -np.linalg.norm(ready - own, axis=1)
    return similarity


def similarities(vectors: Vectors, others: Vectors, metric: Metric) -> Scores:
    """float32 (n, m), of each vector to each of the others: cosine, or minus the distance."""
    space = Space(metric)
    ready, other = space.ready(vectors), space.ready(others)
    if space.spherical:
        return ready @ other.T
    return space.similarity(space.between(ready, other))


def means(
    vectors: Vectors,
    labels: Labels,
    k: int,
    metric: Metric,
    *,
    similarity: Scores | None = None,
) -> Vectors:
    """The centroid of each group, float32 (k, dim); an empty group gets a far vector.

    Args:
        vectors: float32 (n, dim), `comparable`.
        labels: int32 (n,), 0 to k-1; -1 belongs nowhere.
        k: groups.
        metric: cosine and dot give centroids of length 1.
        similarity: float32 (n,), to the centroids so far, from which far vectors are known; None
            leaves the centroid of an empty group at zero.
    """
    return middles(vectors, labels, k, Space(metric), similarity)


class Space:
    """How vectors lie to each other: on a sphere, or in Euclid's space."""

    def __init__(self, metric: Metric) -> None:
        self.spherical = metric is not Metric.EUCLIDEAN
        self._scales = metric is Metric.DOT

    def ready(self, vectors: Vectors) -> Vectors:
        """As they are compared here; those of `dot` have any length."""
        scaled = unit(vectors) if self._scales else vectors
        return np.ascontiguousarray(scaled, dtype=np.float32)

    def index(self, centroids: Vectors) -> faiss.IndexFlat:
        """What finds the nearest of them."""
        import faiss

        dim = centroids.shape[1]
        index = faiss.IndexFlatIP(dim) if self.spherical else faiss.IndexFlatL2(dim)
        index.add(np.ascontiguousarray(centroids))
        return index

    def similarity(self, found: Scores) -> Scores:
        """From what the index says: cosines, or minus distances."""
        return found if self.spherical else -np.sqrt(np.maximum(found, 0))

    def squared(self, similarity: Scores) -> Scores:
        """Squared distances."""
        return np.maximum(2 - 2 * similarity, 0) if self.spherical else similarity * similarity

    def between(self, rows: Vectors, others: Vectors) -> Scores:
        """Squared distances float32 (n, m); what is equal but for rounding gives 0."""
        squares = _squares(rows)
        distances: Scores = rows @ others.T
        distances *= -2
        distances += squares[:, None]
        distances += _squares(others)
        distances[distances < _SAME * max(float(squares.mean()), 1e-30)] = 0
        return distances


def _squares(rows: Vectors) -> Scores:
    found: Scores = np.einsum("ij,ij->i", rows, rows)
    return found


def middles(
    vectors: Vectors, labels: Labels, k: int, space: Space, similarity: Scores | None
) -> Vectors:
    """`means` in a space."""
    sums = np.zeros((k, vectors.shape[1]), dtype=np.float32)
    for first in range(0, len(vectors), BLOCK):
        part = slice(first, first + BLOCK)
        sums += _sums(space.ready(vectors[part]), labels[part], k)
    counts = np.bincount(labels[labels >= 0], minlength=k)
    empty = np.flatnonzero(counts == 0)
    if len(empty) and similarity is not None:
        far = np.argpartition(similarity, len(empty) - 1)[: len(empty)]
        sums[empty] = space.ready(vectors[np.sort(far)])
    if space.spherical:
        return unit(sums)
    sizes = np.maximum(counts, 1).astype(np.float32)
    return np.divide(sums, sizes[:, None], dtype=np.float32)


def _sums(ready: Vectors, labels: Labels, k: int) -> Vectors:
    """float32 (k, dim), the sum of each group's vectors."""
    from scipy.sparse import csr_matrix

    kept = labels >= 0
    starts = np.concatenate([[0], np.cumsum(kept)])
    ones = np.ones(int(starts[-1]), dtype=np.float32)
    members = csr_matrix((ones, labels[kept], starts), shape=(len(ready), k))
    sums: Vectors = np.asarray(members.T @ ready, dtype=np.float32)
    return sums
