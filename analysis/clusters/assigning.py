"""Which clusters new documents belong to, without grouping all of them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.errors import InvalidAnalysisError
from indexing.index.centroids import assign as nearest
from indexing.index.exact import comparable

if TYPE_CHECKING:
    from analysis.clusters.result import Clusters, Labels
    from embeddings.types import Vectors
    from indexing.types import Scores


def assign(clusters: Clusters, vectors: Vectors) -> tuple[Labels, Scores]:
    """The cluster id of each vector, int32 (n,), and its similarity to the centroid, float32 (n,).

    The nearest centroid decides. Where clusters are dense groups (`Cluster.least`), a vector that
    is further off than 95 % of the cluster's documents is an outlier, -1.

    Args:
        clusters: found before.
        vectors: float32 (n, dim) of any length, by the encoder the clusters were found with.

    Raises:
        InvalidAnalysisError: vectors of another width, NaN or infinity among them, or for cosine
            one of zeros.
    """
    dim = clusters.centroids.shape[1]
    if vectors.ndim != 2 or vectors.shape[1] != dim:
        message = f"vectors have the shape {vectors.shape}; the clusters' have {dim} numbers each"
        raise InvalidAnalysisError(message, "vectors")
    if not bool(np.isfinite(vectors).all()):
        message = "vectors hold NaN or infinity; finite numbers are needed"
        raise InvalidAnalysisError(message, "vectors")
    rows, similarity = nearest(
        comparable(vectors, clusters.metric), clusters.centroids, clusters.metric
    )
    ids = np.array([cluster.id for cluster in clusters.clusters], dtype=np.int32)
    least = np.array(
        [-np.inf if c.least is None else c.least for c in clusters.clusters], dtype=np.float32
    )
    return np.where(similarity >= least[rows], ids[rows], -1).astype(np.int32), similarity
