"""Groups of few vectors by joining the most alike again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.clusters.number import numbers_to_try, pick
from analysis.clusters.partition import Partition
from analysis.clusters.silhouette import measure_silhouette
from indexing.index.centroids import means, similarity_to
from indexing.types import Metric

if TYPE_CHECKING:
    from analysis.clusters.request import ClusterRequest
    from analysis.clusters.result import Labels
    from analysis.progress import Progress
    from embeddings.types import Vectors


def join(
    vectors: Vectors, metric: Metric, request: ClusterRequest, progress: Progress
) -> Partition:
    """Groups by Ward's criterion: those are joined whose joining adds least squared distance.

    Ward, "Hierarchical grouping to optimize an objective function", JASA 58, 1963. Time and
    memory grow with the square of the number of vectors, so the request bounds it.

    Args:
        vectors: float32 (n, dim), `comparable`.
        metric: cosine and dot join by direction.
        request: whose `k` and `min_size` count; without k, the number is chosen as for k-means.
        progress: told before the tree is made and behind it.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    progress("tree", 0, 1)
    tree = linkage(directions(vectors, metric), "ward")
    progress("tree", 1, 1)

    def cut(k: int) -> tuple[Labels, Vectors]:
        labels = fcluster(tree, k, "maxclust").astype(np.int32) - 1
        return labels, means(vectors, labels, int(labels.max()) + 1, metric)

    tried: list[tuple[int, float]] = []
    if request.k is None:
        for k in numbers_to_try(len(vectors), request.min_size or 1):
            _, centroids = cut(k)
            value = measure_silhouette(vectors, centroids, metric)
            if value is not None:
                tried.append((k, round(value, 6)))
    k = request.k or (pick(tried, len(vectors)) if tried else 2)
    labels, centroids = cut(k)
    similarity = similarity_to(vectors, centroids, labels, metric)
    warnings: tuple[str, ...] = ()
    if len(centroids) < k:
        warnings = (f"{k:,} clusters were asked for; equal vectors leave {len(centroids):,}",)
    size = request.min_size or 1
    return Partition(
        labels, similarity, centroids, len(vectors), size, tuple(tried), warnings=warnings
    )


def directions(vectors: Vectors, metric: Metric) -> Vectors:
    """float32 (n, dim) whose Euclidean distances order as the metric's do."""
    from indexing.index.exact import unit

    return unit(vectors) if metric is Metric.DOT else vectors
