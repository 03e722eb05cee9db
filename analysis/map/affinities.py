"""From lists of neighbours to the graph along which points attract one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from analysis.map.layout import Points
    from embeddings.types import Vectors
    from indexing.types import Ids

_START = 1e-4
_BLOCK = 16_384


def affinities(neighbours: Ids) -> csr_matrix:
    """Symmetric affinities, the same for every neighbour of a row.

    p_ij = (a_ij + a_ji) / 2n with a_ij = 1 / k where j is one of i's k neighbours; about as good
    as affinities of a chosen perplexity (Böhm, Berens and Kobak, 2022), with a third of the edges.

    Args:
        neighbours: int64 (n, k), padded with -1.

    Returns:
        float32 (n, n), sums to 1 where every row has a neighbour.
    """
    from scipy.sparse import csr_matrix

    n = len(neighbours)
    there = neighbours >= 0
    counts = there.sum(axis=1)
    starts = np.concatenate([[0], np.cumsum(counts)])
    weights = np.repeat(1 / np.maximum(counts, 1), counts).astype(np.float32)
    directed = csr_matrix((weights, neighbours[there].astype(np.int32), starts), (n, n))
    both: csr_matrix = ((directed + directed.T) / np.float32(2 * n)).tocsr().astype(np.float32)
    both.sort_indices()
    return both


def principal_start(vectors: Vectors, seed: int) -> Points:
    """The two directions of most variance, scaled to a standard deviation of 1e-4.

    A hundredth of it is noise, so that equal vectors part. Kobak and Linderman, "Initialization
    is critical for preserving global data structure in both t-SNE and UMAP", 2021.

    Args:
        vectors: float32 (n, dim).
        seed: of the noise.
    """
    from scipy.linalg import eigh

    n, dim = vectors.shape
    total, products = np.zeros(dim), np.zeros((dim, dim))
    for first in range(0, n, _BLOCK):
        block = np.asarray(vectors[first : first + _BLOCK], dtype=np.float64)
        total += block.sum(axis=0)
        products += block.T @ block
    mean = total / n
    axes = eigh(products / n - np.outer(mean, mean), subset_by_index=[max(dim - 2, 0), dim - 1])[1]
    axes = axes[:, ::-1]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), range(axes.shape[1])] < 0, -1, 1)
    points = np.zeros((n, 2), dtype=np.float32)
    for first in range(0, n, _BLOCK):
        block = np.asarray(vectors[first : first + _BLOCK], dtype=np.float64) - mean
        points[first : first + _BLOCK, : axes.shape[1]] = block @ axes
    points *= _START / max(float(points[:, 0].std()), 1e-12)
    noise = np.random.default_rng(seed).normal(0, _START / 100, points.shape)
    return points + noise.astype(np.float32)
