"""How well groups stand apart, measured against their centroids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexing.index.centroids import nearest_centroids
from indexing.types import Metric

if TYPE_CHECKING:
    from embeddings.types import Vectors
    from indexing.types import Scores

_SAMPLE = 10_000


def measure_silhouette(vectors: Vectors, centroids: Vectors, metric: Metric) -> float | None:
    """The simplified silhouette, -1 to 1: mean of (b - a) / max(a, b).

    a is a vector's distance to its own centroid, b that to the nearest other one; here each
    vector's own is the nearest, so it is 0 or more. The distance is Euclidean, between directions
    where the metric compares those. Every 1-in-so-many vector is looked at, 10,000 at most.

    Hruschka, Campello, de Castro, "Evolving clusters in gene-expression data", Information
    Sciences 176, 2006; after Rousseeuw's silhouettes, which need all pairs.

    Args:
        vectors: float32 (n, dim), `comparable`.
        centroids: float32 (k, dim).
        metric: how they are compared.

    Returns:
        None for a single group.
    """
    if len(centroids) < 2:
        return None
    sample = vectors[:: max(1, -(-len(vectors) // _SAMPLE))]
    _, similarity = nearest_centroids(sample, centroids, 2, metric)
    return float(silhouettes(similarity, metric).mean(dtype=np.float64))


def silhouettes(similarity: Scores, metric: Metric) -> Scores:
    """float32 (n,) from the similarity to the nearest two centroids, float32 (n, 2)."""
    if metric is Metric.EUCLIDEAN:
        distances = -similarity
    else:
        distances = np.sqrt(np.maximum(2 - 2 * similarity, 0))
    own, other = distances[:, 0], distances[:, 1]
    found: Scores = np.divide(other - own, other, out=np.zeros_like(own), where=other > 0)
    return found
