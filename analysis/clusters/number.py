"""How many groups vectors fall into, tried out on a sample."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from analysis.clusters.silhouette import measure_silhouette
from analysis.errors import UnsuitableCorpusError
from indexing.index.kmeans import TooFewVectorsError, fit_kmeans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.clusters.request import ClusterRequest
    from analysis.progress import Progress
    from embeddings.types import Vectors
    from indexing.types import Metric

_SAMPLE = 10_000
_STEPS = 12
_MOST = 300
_MEMBERS = 5
"""Fewest documents of the sample for each cluster tried."""
_ENOUGH = 0.9


def numbers_to_try(documents: int, min_size: int) -> list[int]:
    """Numbers of groups worth trying, ascending, about equally far apart on a scale of logs.

    At most twice the root of the number of documents: silhouettes go on rising towards groups of
    a few texts each, which nobody calls topics.
    """
    sample = min(documents, _SAMPLE)
    most = min(_MOST, round(2 * documents**0.5), sample // _MEMBERS, documents // min_size)
    if most < 3:
        return [2]
    grid = np.geomspace(2, most, _STEPS)
    return sorted({round(value) for value in grid.tolist()})


def choose_k(
    vectors: Vectors, metric: Metric, request: ClusterRequest, progress: Progress
) -> tuple[int, tuple[tuple[int, float], ...]]:
    """The number of groups by their simplified silhouettes, and all those tried; see `pick`.

    Args:
        vectors: float32 (n, dim), `comparable`.
        metric: how they are compared.
        request: whose `seed` and `min_size` count.
        progress: told how many were tried.

    Raises:
        UnsuitableCorpusError: fewer than two different vectors.
    """
    draw = np.random.default_rng(request.seed)
    sample = vectors
    if len(vectors) > _SAMPLE:
        sample = vectors[np.sort(draw.choice(len(vectors), _SAMPLE, replace=False))]
    numbers = numbers_to_try(len(vectors), request.min_size or 1)
    tried: list[tuple[int, float]] = []
    for place, k in enumerate(numbers):
        progress("number", place, len(numbers))
        try:
            found = fit_kmeans(sample, k, metric, seed=request.seed)
        except TooFewVectorsError:
            break
        value = measure_silhouette(sample, found.centroids, metric)
        tried.append((k, round(-math.inf if value is None else value, 6)))
    progress("number", len(numbers), len(numbers))
    if not tried:
        message = f"{len(vectors):,} documents have hardly a different vector; there are no groups"
        raise UnsuitableCorpusError(message)
    return pick(tried, len(vectors)), tuple(tried)


def pick(tried: Sequence[tuple[int, float]], documents: int) -> int:
    """Of the numbers whose silhouette is 90 % of the best one or more, that nearest to a rule.

    The rule is the root of the number of documents, and nearness a ratio. Silhouettes of texts
    rise slowly with the number of groups long after people would stop; and a collection in two
    languages falls into two halves as well as into many topics, of which it tells nobody anything.

    Args:
        tried: numbers of groups, ascending, and their silhouettes; at least one.
        documents: how many there are.
    """
    best = max(value for _, value in tried)
    good = [k for k, value in tried if value >= _ENOUGH * best]
    return min(good, key=lambda k: abs(math.log(k * k / documents)))
