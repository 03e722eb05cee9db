"""Documents that stand for a group: near its middle, and different from each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexing.index.centroids import similarities

if TYPE_CHECKING:
    from analysis.clusters.result import Labels
    from embeddings.types import Vectors
    from indexing.types import Ids, Metric, Scores

REPRESENTATIVES = 3
_NEAREST = 50
_NEARNESS = 0.5


def represent(
    vectors: Vectors, labels: Labels, similarity: Scores, k: int, metric: Metric
) -> list[Ids]:
    """Positions of up to three documents of each group, the nearest to its centroid first.

    Of the 50 nearest each next one has the greatest marginal relevance, half its similarity to
    the centroid minus half its greatest similarity to those chosen before. Carbonell, Goldstein,
    "The use of MMR, diversity-based reranking", SIGIR 1998.

    Args:
        vectors: float32 (n, dim), `comparable`.
        labels: int32 (n,), 0 to k-1, -1 for outliers.
        similarity: float32 (n,), to the centroids.
        k: groups.
        metric: how vectors are compared.
    """
    order = np.lexsort((-similarity, labels))
    sizes = np.bincount(labels[labels >= 0], minlength=k)
    starts = int((labels < 0).sum()) + np.concatenate([[0], np.cumsum(sizes)[:-1]])
    chosen = []
    for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
        nearest = order[start : start + min(size, _NEAREST)]
        chosen.append(nearest[_diverse(vectors[nearest], similarity[nearest], metric)])
    return chosen


def _diverse(vectors: Vectors, relevance: Scores, metric: Metric) -> list[int]:
    if not len(vectors):
        return []
    chosen = [0]
    likeness = similarities(vectors, vectors, metric)
    while len(chosen) < min(REPRESENTATIVES, len(vectors)):
        marginal = _NEARNESS * relevance - (1 - _NEARNESS) * likeness[:, chosen].max(axis=1)
        marginal[chosen] = -np.inf
        chosen.append(int(marginal.argmax()))
    return chosen
