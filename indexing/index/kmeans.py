"""Groups of vectors around centroids, by k-means.

Lloyd, "Least squares quantization in PCM", IEEE Transactions on Information Theory 1982; begun by
greedy k-means++ (Arthur, Vassilvitskii, "k-means++: the advantages of careful seeding", SODA
2007, with several draws a step); for cosine with centroids of length 1 (Dhillon, Modha, "Concept
decompositions for large sparse text data using clustering", Machine Learning 2001), which
maximises the sum of cosines to the own centroid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import blake2b
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

_BLOCK = 32_768
"""Rows compared with the centroids between two reports."""
_TRAINING_PER_CENTROID = 256
_LEAST_TRAINING = 16_384
_SEEDING_PER_CENTROID = 50
_LEAST_SEEDING = 4_096
_MOST_ITERATIONS = 50
_TOLERANCE = 1e-4
"""It ends when an iteration lessens the mean squared distance by less than this share."""
_TRIES = 3
"""Rounds in which an empty group may find members; one that finds none is left out."""
_SAME = 1e-6
"""Squared distance, relative to the squared length, below which vectors count as equal."""


@dataclass(frozen=True, slots=True, eq=False)
class KMeans:
    """Centroids and the group of each vector.

    Attributes:
        centroids: float32 (k, dim); of length 1 unless the metric is Euclidean.
        labels: int32 (n,), 0 to k-1: the nearest centroid.
        similarity: float32 (n,) to it: cosine, or minus the Euclidean distance.
        trained: vectors the centroids were found with, before all were looked at.
        iterations: over those, of the best start.
        distortion: mean squared distance of the vectors to their centroids.
    """

    centroids: Vectors
    labels: Labels
    similarity: Scores
    trained: int
    iterations: int
    distortion: float


class TooFewVectorsError(ValueError):
    """Fewer different vectors than centroids wanted; `different` says how many there are."""

    def __init__(self, message: str, different: int) -> None:
        super().__init__(message)
        self.different = different


def _silent(done: int, total: int) -> None:
    del done, total


def fit_kmeans(
    vectors: Vectors,
    k: int,
    metric: Metric,
    *,
    seed: int = 0,
    restarts: int = 1,
    told: Told = _silent,
) -> KMeans:
    """Centroids of k groups, or of fewer where some would be empty.

    Of many vectors a sample of 256 for each centroid is iterated over; then all of them move the
    centroids once more.

    Args:
        vectors: float32 (n, dim), `comparable`; may be mapped from a file.
        k: 1 to n.
        metric: cosine and dot group by direction, Euclidean by place.
        seed: the same seed gives the same groups on the same machine.
        restarts: starts of which the best goes on.
        told: how far it is.

    Raises:
        TooFewVectorsError: fewer than k different vectors.
    """
    if not 1 <= k <= len(vectors) or restarts < 1:
        message = f"k is {k} and restarts {restarts}; 1 to {len(vectors)} and 1 or more are needed"
        raise ValueError(message)
    space, draw = _Space(metric), np.random.default_rng(seed)
    blocks = math.ceil(len(vectors) / _BLOCK)
    before, steps = 0, restarts * _MOST_ITERATIONS + 2 * blocks

    def step(done: int, _: int = 0) -> None:
        told(before + done, steps)

    sample = _training(vectors, k, space, draw)
    starts = []
    for _ in range(restarts):
        try:
            centroids = _begin(sample, k, space, draw)
        except TooFewVectorsError:
            centroids = _begin_apart(vectors, k, space, draw)
        starts.append(_iterate(sample, centroids, space, step))
        before += _MOST_ITERATIONS
    _, centroids, iterations = min(starts, key=lambda start: start[0])
    labels, similarity = assign(vectors, centroids, metric, told=step)
    before += blocks
    for _ in range(_TRIES):
        centroids = means(vectors, labels, k, metric, similarity=similarity)
        labels, similarity = assign(vectors, centroids, metric, told=step)
        if len(np.unique(labels)) == k:
            break
    centroids, labels = _without_empty(centroids, labels)
    distortion = float(space.squared(similarity).mean(dtype=np.float64))
    return KMeans(centroids, labels, similarity, len(sample), iterations, distortion)


def assign(
    vectors: Vectors, centroids: Vectors, metric: Metric, *, told: Told = _silent
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
    vectors: Vectors, centroids: Vectors, count: int, metric: Metric, *, told: Told = _silent
) -> tuple[Ids, Scores]:
    """The nearest centroids of each vector, best first: int64 and float32 (n, count).

    Args:
        vectors: float32 (n, dim), `comparable`.
        centroids: float32 (k, dim).
        count: 1 to k.
        metric: cosine and dot give cosines, Euclidean gives minus the distance.
        told: how many blocks are done.
    """
    space = _Space(metric)
    ids: Ids = np.empty((len(vectors), count), dtype=np.int64)
    similarity: Scores = np.empty((len(vectors), count), dtype=np.float32)
    index = space.index(centroids)
    blocks = math.ceil(len(vectors) / _BLOCK)
    for number in range(blocks):
        told(number, blocks)
        part = slice(number * _BLOCK, (number + 1) * _BLOCK)
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
    space = _Space(metric)
    similarity: Scores = np.empty(len(vectors), dtype=np.float32)
    for first in range(0, len(vectors), _BLOCK):
        part = slice(first, first + _BLOCK)
        own, ready = centroids[labels[part]], space.ready(vectors[part])
        if space.spherical:
            similarity[part] = np.einsum("ij,ij->i", ready, own)
        else:
            similarity[part] = -np.linalg.norm(ready - own, axis=1)
    return similarity


def similarities(vectors: Vectors, others: Vectors, metric: Metric) -> Scores:
    """float32 (n, m), of each vector to each of the others: cosine, or minus the distance."""
    space = _Space(metric)
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
    return _means(vectors, labels, k, _Space(metric), similarity)


class _Space:
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


def _training(vectors: Vectors, k: int, space: _Space, draw: np.random.Generator) -> Vectors:
    most = max(k * _TRAINING_PER_CENTROID, _LEAST_TRAINING)
    if len(vectors) <= most:
        return space.ready(vectors)
    return space.ready(vectors[np.sort(draw.choice(len(vectors), most, replace=False))])


def _begin(sample: Vectors, k: int, space: _Space, draw: np.random.Generator) -> Vectors:
    """First centroids by greedy k-means++ over some of the sample.

    Raises:
        TooFewVectorsError: fewer than k different vectors among those.
    """
    most = max(k * _SEEDING_PER_CENTROID, _LEAST_SEEDING)
    if len(sample) > most:
        sample = sample[np.sort(draw.choice(len(sample), most, replace=False))]
    return _seed(sample, k, space, draw)


def _seed(rows: Vectors, k: int, space: _Space, draw: np.random.Generator) -> Vectors:
    """Each next row is drawn by its squared distance to those before; the best of several draws.

    Raises:
        TooFewVectorsError: fewer than k different rows.
    """
    trials = 2 + int(math.log(k))
    chosen = [int(draw.integers(len(rows)))]
    distances = space.between(rows, rows[chosen])[:, 0]
    while len(chosen) < k:
        reach = np.cumsum(distances, dtype=np.float64)
        if not reach[-1] > 0:
            message = f"{len(chosen):,} of {len(rows):,} vectors are different; {k:,} are needed"
            raise TooFewVectorsError(message, len(chosen))
        drawn = np.searchsorted(reach, draw.random(trials) * reach[-1], side="right")
        drawn = np.minimum(drawn, len(rows) - 1)
        nearer = np.minimum(space.between(rows, rows[drawn]), distances[:, None])
        best = int(nearer.sum(axis=0, dtype=np.float64).argmin())
        distances = np.ascontiguousarray(nearer[:, best])
        chosen.append(int(drawn[best]))
    return rows[chosen]


def _begin_apart(vectors: Vectors, k: int, space: _Space, draw: np.random.Generator) -> Vectors:
    """First centroids where a sample has too few different vectors: among all different ones.

    Raises:
        TooFewVectorsError: fewer than k different vectors.
    """
    seen: dict[bytes, int] = {}
    for position, vector in enumerate(vectors):
        seen.setdefault(blake2b(vector, digest_size=16).digest(), position)
    rows = np.fromiter(seen.values(), dtype=np.int64, count=len(seen))
    return _seed(space.ready(vectors[rows]), k, space, draw)


def _iterate(
    sample: Vectors, centroids: Vectors, space: _Space, step: Callable[[int], None]
) -> tuple[float, Vectors, int]:
    """Lloyd's iterations; mean squared distance, centroids and how many iterations there were."""
    k, last = len(centroids), math.inf
    for iteration in range(_MOST_ITERATIONS):
        step(iteration)
        found, ids = space.index(centroids).search(sample, 1)
        similarity, labels = space.similarity(found[:, 0]), ids[:, 0].astype(np.int32)
        distortion = float(space.squared(similarity).mean(dtype=np.float64))
        if last - distortion <= _TOLERANCE * distortion:
            return distortion, centroids, iteration
        last = distortion
        centroids = _means(sample, labels, k, space, similarity)
    return last, centroids, _MOST_ITERATIONS


def _means(
    vectors: Vectors, labels: Labels, k: int, space: _Space, similarity: Scores | None
) -> Vectors:
    sums = np.zeros((k, vectors.shape[1]), dtype=np.float32)
    for first in range(0, len(vectors), _BLOCK):
        part = slice(first, first + _BLOCK)
        sums += _sums(space.ready(vectors[part]), labels[part], k)
    counts = np.bincount(labels[labels >= 0], minlength=k)
    empty = np.flatnonzero(counts == 0)
    if len(empty) and similarity is not None:
        far = np.argpartition(similarity, len(empty) - 1)[: len(empty)]
        sums[empty] = space.ready(vectors[np.sort(far)])
    if space.spherical:
        return unit(sums)
    centroids: Vectors = sums / np.maximum(counts, 1)[:, None].astype(np.float32)
    return centroids


def _without_empty(centroids: Vectors, labels: Labels) -> tuple[Vectors, Labels]:
    there, labels = np.unique(labels, return_inverse=True)
    return centroids[there], labels.astype(np.int32)


def _sums(ready: Vectors, labels: Labels, k: int) -> Vectors:
    """float32 (k, dim), the sum of each group's vectors."""
    from scipy.sparse import csr_matrix

    kept = labels >= 0
    starts = np.concatenate([[0], np.cumsum(kept)])
    ones = np.ones(int(starts[-1]), dtype=np.float32)
    members = csr_matrix((ones, labels[kept], starts), shape=(len(ready), k))
    sums: Vectors = np.asarray(members.T @ ready, dtype=np.float32)
    return sums
