"""Detectors: each learns something of a corpus and says how far a vector lies from the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from analysis.outliers.calibration import Raw
    from analysis.outliers.nearness import Nearness
    from embeddings.types import Vectors
    from indexing.types import Scores

_LARGE = 0.9
"""Share of the vectors that lie in large clusters."""
_BLOCK = 8_192


class Detector(Protocol):
    """What one way of looking has learned; a dataclass of arrays alone, so that it can be kept."""

    def score(self, vectors: Vectors, near: Nearness) -> Raw:
        """float64 (m,), higher is more outlying; only the order of them means something.

        Args:
            vectors: float32 (m, dim), as the corpus's metric compares them.
            near: their nearest documents, which some detectors need.
        """


@dataclass(frozen=True, slots=True)
class NeighbourDistance:
    """The mean distance to the k nearest documents.

    Angiulli, Pizzuti, "Fast outlier detection in high dimensional spaces", PKDD 2002, definition
    1: the weight of a point, here over k. It moves less with k than the distance to the k-th.
    """

    def score(self, vectors: Vectors, near: Nearness) -> Raw:
        """The mean itself."""
        del vectors
        mean: Raw = near.distances.mean(axis=1, dtype=np.float64)
        return mean


@dataclass(frozen=True, slots=True, eq=False)
class LocalDensity:
    """LOF: how much thinner it is around a vector than around its neighbours.

    Breunig, Kriegel, Ng, Sander, "LOF: identifying density-based local outliers", SIGMOD 2000,
    definitions 5 to 7.

    Attributes:
        reach: float32 (n,), of each document the distance to its k-th nearest.
        density: float64 (n,), of each document its local reachability density.
    """

    reach: Scores
    density: Raw

    @classmethod
    def fit(cls, near: Nearness) -> LocalDensity:
        """From the neighbours of all documents."""
        reach = near.distances[:, -1]
        return cls(reach, _density(near, reach))

    def score(self, vectors: Vectors, near: Nearness) -> Raw:
        """LOF: about 1 in the midst of a cluster, whatever its density."""
        del vectors
        own = _density(near, self.reach)
        around = self.density[near.positions].mean(axis=1, dtype=np.float64)
        lof: Raw = around / own
        return lof


@dataclass(frozen=True, slots=True, eq=False)
class CentroidDistance:
    """The distance to the mean of all documents.

    Attributes:
        centre: float32 (dim,).
    """

    centre: Vectors

    @classmethod
    def fit(cls, vectors: Vectors) -> CentroidDistance:
        """The mean, of length 1 or less for cosine."""
        return cls(vectors.mean(axis=0, dtype=np.float64).astype(np.float32))

    def score(self, vectors: Vectors, near: Nearness) -> Raw:
        """Euclidean."""
        del near
        apart: Raw = np.linalg.norm(vectors - self.centre, axis=1).astype(np.float64)
        return apart


@dataclass(frozen=True, slots=True, eq=False)
class ClusterDistance:
    """The distance to the nearest centroid of a large cluster.

    He, Xu, Deng, "Discovering cluster-based local outliers", Pattern Recognition Letters 2003,
    definitions 2 and 3, without its weight for the cluster's size: outliers that lie together make
    a cluster of their own, which must not count as a place where documents belong.

    Attributes:
        centroids: float32 (large clusters, dim).
    """

    centroids: Vectors

    @classmethod
    def fit(cls, vectors: Vectors, centroids: Vectors) -> ClusterDistance:
        """Of centroids, the largest whose clusters hold nine tenths of the vectors together."""
        labels = np.concatenate(
            [
                _squares_apart(vectors[first : first + _BLOCK], centroids).argmin(axis=1)
                for first in range(0, len(vectors), _BLOCK)
            ]
        )
        sizes = np.bincount(labels, minlength=len(centroids))
        order = np.argsort(-sizes, kind="stable")
        large = 1 + np.searchsorted(np.cumsum(sizes[order]), _LARGE * len(vectors))
        return cls(np.ascontiguousarray(centroids[np.sort(order[:large])]))

    def score(self, vectors: Vectors, near: Nearness) -> Raw:
        """Euclidean."""
        del near
        nearest: Raw = np.sqrt(_squares_apart(vectors, self.centroids).min(axis=1))
        return nearest


def _squares_apart(vectors: Vectors, centroids: Vectors) -> Raw:
    """float64 (m, clusters), squared Euclidean distances."""
    squares = (centroids.astype(np.float64) ** 2).sum(axis=1)
    own = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    apart: Raw = np.maximum(0, own[:, None] + squares - 2 * (vectors @ centroids.T))
    return apart


def _density(near: Nearness, reach: Scores) -> Raw:
    """One over the mean reachability distance; equal vectors are 1e-10 apart, not 0."""
    distances = np.maximum(near.distances, reach[near.positions])
    density: Raw = 1 / (distances.mean(axis=1, dtype=np.float64) + 1e-10)
    return density
