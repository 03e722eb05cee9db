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
    """The distance to the k-th nearest document.

    Ramaswamy, Rastogi, Shim, "Efficient algorithms for mining outliers from large data sets",
    SIGMOD 2000, definition 2.1.
    """

    def score(self, vectors: Vectors, near: Nearness) -> Raw:
        """The distance itself."""
        del vectors
        return near.distances[:, -1].astype(np.float64)


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
    """The distance to the nearest centroid.

    Attributes:
        centroids: float32 (k, dim).
    """

    centroids: Vectors

    def score(self, vectors: Vectors, near: Nearness) -> Raw:
        """Euclidean."""
        del near
        squares = (self.centroids.astype(np.float64) ** 2).sum(axis=1)
        own = (vectors.astype(np.float64) ** 2).sum(axis=1)
        apart = own[:, None] + squares - 2 * (vectors @ self.centroids.T)
        nearest: Raw = np.sqrt(np.maximum(0, apart.min(axis=1)))
        return nearest


def _density(near: Nearness, reach: Scores) -> Raw:
    """One over the mean reachability distance; equal vectors are 1e-10 apart, not 0."""
    distances = np.maximum(near.distances, reach[near.positions])
    density: Raw = 1 / (distances.mean(axis=1, dtype=np.float64) + 1e-10)
    return density
