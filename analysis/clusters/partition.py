"""Vectors in groups, before anything is known of the documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.clusters.result import Labels
    from embeddings.types import Vectors
    from indexing.types import Scores


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """Vectors in groups.

    Attributes:
        labels: int32 (n,), 0 to k-1, -1 for outliers.
        similarity: float32 (n,) to the centroid of its group (an outlier's: the nearest): cosine,
            or minus the distance for the Euclidean metric.
        centroids: float32 (k, dim).
        found_with: vectors the groups were found with; the others were assigned.
        min_size: fewest vectors of a group.
        tried: numbers of groups tried and their simplified silhouettes, where k was chosen.
        iterations: of k-means.
        silhouette: simplified silhouette of the groups; None for a single one.
        warnings: what a reader should know.
    """

    labels: Labels
    similarity: Scores
    centroids: Vectors
    found_with: int
    min_size: int
    tried: tuple[tuple[int, float], ...] = ()
    iterations: int | None = None
    silhouette: float | None = None
    warnings: tuple[str, ...] = ()
