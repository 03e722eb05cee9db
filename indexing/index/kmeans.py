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

from indexing.index.centroids import BLOCK, Space, assign, means, middles, silent

if TYPE_CHECKING:
    from collections.abc import Callable

    from embeddings.types import Vectors
    from indexing.index.centroids import Labels, Told
    from indexing.types import Metric, Scores

_TRAINING_PER_CENTROID = 256
_LEAST_TRAINING = 16_384
_MOST_TRAINING = 262_144
"""Vectors copied to iterate over: 400 MB of 384 numbers each."""
_SEEDING_PER_CENTROID = 50
_LEAST_SEEDING = 4_096
_MOST_SEEDING = 65_536
_SEEDED_BETWEEN = 32
"""Beginnings of centroids between two reports."""
_MOST_ITERATIONS = 50
_TOLERANCE = 1e-4
"""It ends when an iteration lessens the mean squared distance by less than this share."""
_TRIES = 3
"""Rounds in which an empty group may find members; one that finds none is left out."""


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


def fit_kmeans(
    vectors: Vectors,
    k: int,
    metric: Metric,
    *,
    seed: int = 0,
    restarts: int = 1,
    told: Told = silent,
) -> KMeans:
    """Centroids of k groups, or of fewer where some would be empty.

    Of many vectors a sample of 256 for each centroid, 262,144 at most, is iterated over; then all
    of them move the centroids once more.

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
    space, draw = Space(metric), np.random.default_rng(seed)
    blocks = math.ceil(len(vectors) / BLOCK)
    before, steps = 0, restarts * _MOST_ITERATIONS + 2 * blocks

    def step(done: int, _: int = 0) -> None:
        told(before + done, steps)

    sample = _training(vectors, k, space, draw)
    starts = []
    for _ in range(restarts):
        try:
            centroids = _begin(sample, k, space, draw, step)
        except TooFewVectorsError:
            centroids = _begin_apart(vectors, k, space, draw, step)
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


def _training(vectors: Vectors, k: int, space: Space, draw: np.random.Generator) -> Vectors:
    most = min(max(k * _TRAINING_PER_CENTROID, _LEAST_TRAINING), _MOST_TRAINING)
    if len(vectors) <= most:
        return space.ready(vectors)
    return space.ready(vectors[np.sort(draw.choice(len(vectors), most, replace=False))])


def _begin(
    sample: Vectors, k: int, space: Space, draw: np.random.Generator, step: Callable[[int], None]
) -> Vectors:
    """First centroids by greedy k-means++ over some of the sample.

    Raises:
        TooFewVectorsError: fewer than k different vectors among those.
    """
    most = min(max(k * _SEEDING_PER_CENTROID, _LEAST_SEEDING), _MOST_SEEDING)
    if len(sample) > most:
        sample = sample[np.sort(draw.choice(len(sample), most, replace=False))]
    return _seed(sample, k, space, draw, step)


def _seed(
    rows: Vectors, k: int, space: Space, draw: np.random.Generator, step: Callable[[int], None]
) -> Vectors:
    """Each next row is drawn by its squared distance to those before; the best of several draws.

    Raises:
        TooFewVectorsError: fewer than k different rows.
    """
    trials = 2 + int(math.log(k))
    chosen = [int(draw.integers(len(rows)))]
    distances = space.between(rows, rows[chosen])[:, 0]
    while len(chosen) < k:
        if len(chosen) % _SEEDED_BETWEEN == 0:
            step(0)
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


def _begin_apart(
    vectors: Vectors, k: int, space: Space, draw: np.random.Generator, step: Callable[[int], None]
) -> Vectors:
    """First centroids where a sample has too few different vectors: among all different ones.

    Raises:
        TooFewVectorsError: fewer than k different vectors.
    """
    seen: dict[bytes, int] = {}
    for position, vector in enumerate(vectors):
        seen.setdefault(blake2b(vector, digest_size=16).digest(), position)
    rows = np.fromiter(seen.values(), dtype=np.int64, count=len(seen))
    return _seed(space.ready(vectors[rows]), k, space, draw, step)


def _iterate(
    sample: Vectors, centroids: Vectors, space: Space, step: Callable[[int], None]
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
        centroids = middles(sample, labels, k, space, similarity)
    return last, centroids, _MOST_ITERATIONS


def _without_empty(centroids: Vectors, labels: Labels) -> tuple[Vectors, Labels]:
    there, places = np.unique(labels, return_inverse=True)
    return centroids[there], places.astype(np.int32)
