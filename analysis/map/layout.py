"""Points on a plane whose nearness follows that of documents, by t-SNE on a neighbour graph.

Attraction goes along the edges of the graph; repulsion, between all pairs, is summed on a grid by
fast Fourier transforms, so a step costs O(n + edges) and nothing is drawn at random.

van der Maaten and Hinton, "Visualizing Data using t-SNE", 2008, eq. 5; Linderman et al.,
"Fast interpolation-based t-SNE for improved visualization of single-cell RNA-seq data", 2019,
arXiv:1712.09005 (the grid); Belkina et al., "Automated optimized parameters for t-distributed
stochastic neighbor embedding", 2019 (step size n / exaggeration); Böhm, Berens and Kobak,
"Attraction-repulsion spectrum in neighbor embeddings", 2022, arXiv:2007.08902 (exaggeration).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    from scipy.sparse import csr_matrix

    Points = npt.NDArray[np.float32]
    """float32 (n, 2)."""

_SPACING = 0.5
"""Between knots of the grid, where the kernel 1 / (1 + d²) has width 1; halved on small planes."""
_LEAST_KNOTS, _MOST_KNOTS = 64, 1024
_MOST_STEP = 5.0
_FEW = 1_000
"""Up to so many points all pairs are summed, which is exact and then takes less time."""


class Watch(Protocol):
    """Called after every step; may raise."""

    def __call__(self, done: int, total: int) -> None:
        """Take note of steps done and in all."""


def lay_out(
    affinities: csr_matrix,
    start: Points,
    *,
    gathering: int,
    settling: int,
    exaggeration: float,
    watch: Watch,
) -> Points:
    """Points after gradient descent from `start`.

    Args:
        affinities: float32 (n, n), symmetric, sums to 1, without diagonal.
        start: float32 (n, 2), with a standard deviation about 1e-4 times the plane's.
        gathering: first steps, with attraction times 12, which bring clusters together.
        settling: steps after these.
        exaggeration: attraction in the latter; 1 is t-SNE, about 4 resembles UMAP.
        watch: told of every step.

    Returns:
        float32 (n, 2), mean 0.
    """
    points = start.astype(np.float32).copy()
    velocity = np.zeros_like(points)
    gains = np.ones_like(points)
    edges = _Edges(affinities)
    total = gathering + settling
    for step in range(total):
        early = step < gathering
        strength = 12.0 if early else exaggeration
        rate = len(points) / strength
        momentum = 0.5 if early else 0.8
        gradient = 4 * (np.float32(strength) * edges.attraction(points) - repulsion(points))
        same = (gradient > 0) == (velocity > 0)
        gains = np.maximum(np.where(same, gains * np.float32(0.8), gains + np.float32(0.2)), 0.01)
        velocity = np.float32(momentum) * velocity - np.float32(rate) * gains * gradient
        np.clip(velocity, -_MOST_STEP, _MOST_STEP, out=velocity)
        points += velocity
        points -= points.mean(axis=0)
        watch(step + 1, total)
    return points


class _Edges:
    """The graph, ready to be summed over at every step."""

    def __init__(self, affinities: csr_matrix) -> None:
        self._graph = affinities.astype(np.float32)
        self._weights = self._graph.data.copy()
        self._counts = np.diff(self._graph.indptr)

    def attraction(self, points: Points) -> Points:
        """float32 (n, 2): sum over j of p_ij (y_i - y_j) / (1 + |y_i - y_j|²)."""
        graph = self._graph
        squares = np.ones(graph.nnz, dtype=np.float32)
        for axis in range(2):
            column = np.ascontiguousarray(points[:, axis])
            difference = np.repeat(column, self._counts)
            difference -= column[graph.indices]
            difference *= difference
            squares += difference
        np.divide(self._weights, squares, out=graph.data)
        sums = graph @ np.column_stack([points, np.ones(len(points), dtype=np.float32)])
        pulled: Points = points * sums[:, 2:] - sums[:, :2]
        return pulled


def repulsion(points: Points) -> Points:
    """float32 (n, 2): sum over j of (y_i - y_j) / (1 + d²)², over Z, the sum of all 1 / (1 + d²).

    Of many, points are spread over the nine nearest knots of a grid by quadratic interpolation,
    the sums for all knots are convolutions, and a point's own is interpolated back.
    """
    return _of_pairs(points) if len(points) <= _FEW else _by_grid(points)


def _of_pairs(points: Points) -> Points:
    lengths = (points * points).sum(axis=1)
    near = points @ (-2 * points.T)
    near += lengths
    near += 1 + lengths[:, None]
    np.divide(1, near, out=near)
    normaliser = max(float(near.sum(dtype=np.float64)) - len(points), 1e-6)
    near *= near
    pushed: Points = points * near.sum(axis=1, keepdims=True) - near @ points
    return pushed / np.float32(normaliser)


def _by_grid(points: Points) -> Points:
    from scipy.fft import irfft2, next_fast_len, rfft2
    from scipy.sparse import csr_matrix

    low, high = points.min(axis=0), points.max(axis=0)
    width = float((high - low).max())
    step = _step(width)
    knots = int(np.ceil(width / step)) + 5
    spread = _spread(points, low, step, knots)
    padded = next_fast_len(-(-2 * knots // 32) * 32, real=True)
    density = np.zeros((padded, padded), dtype=np.float32)
    density[:knots, :knots] = np.bincount(
        spread.indices, weights=spread.data, minlength=knots * knots
    ).reshape(knots, knots)
    transformed = rfft2(density, workers=-1)
    fields = np.empty((knots * knots, 3), dtype=np.float32)
    for number, kernel in enumerate(_kernels(padded, step)):
        field = irfft2(transformed * kernel, s=(padded, padded), workers=-1)
        fields[:, number] = field[:knots, :knots].ravel()
    found = csr_matrix((spread.data, spread.indices, spread.indptr), spread.shape) @ fields
    normaliser = max(float(found[:, 2].sum(dtype=np.float64)) - len(points), 1e-6)
    pushed: Points = found[:, :2] / np.float32(normaliser)
    return pushed


def _step(width: float) -> float:
    """A power of two, so that kernels can be used again while the plane grows."""
    step = _SPACING
    while width / step < _LEAST_KNOTS and step > 2**-40:
        step /= 2
    while width / step > _MOST_KNOTS:
        step *= 2
    return step


def _spread(points: Points, low: Points, step: float, knots: int) -> csr_matrix:
    """float32 (n, knots²): a point's weight at each knot, nine a row."""
    from scipy.sparse import csr_matrix

    places = (points - low) / np.float32(step) + np.float32(2)
    nearest = np.rint(places).astype(np.int32)
    t = places - nearest
    weights = np.stack([t * (t - 1) / 2, 1 - t * t, t * (t + 1) / 2], axis=2)
    data = (weights[:, 0, :, None] * weights[:, 1, None, :]).astype(np.float32)
    around = np.arange(-1, 2, dtype=np.int32)
    columns = (nearest[:, 0, None, None] + around[:, None]) * np.int32(knots) + (
        nearest[:, 1, None, None] + around
    )
    starts = np.arange(0, 9 * len(points) + 1, 9, dtype=np.int32)
    return csr_matrix((data.ravel(), columns.ravel(), starts), (len(points), knots * knots))


@lru_cache(maxsize=1)
def _kernels(padded: int, step: float) -> tuple[npt.NDArray[np.complex64], ...]:
    """Transforms of x / (1 + d²)², y / (1 + d²)² and 1 / (1 + d²) on a grid that wraps round."""
    from scipy.fft import fftfreq, rfft2

    offsets = (fftfreq(padded, d=1 / padded) * step).astype(np.float32)
    near = 1 / (1 + offsets[:, None] ** 2 + offsets[None, :] ** 2)
    squared = near * near
    return tuple(
        rfft2(kernel.astype(np.float32), workers=-1)
        for kernel in (offsets[:, None] * squared, offsets[None, :] * squared, near)
    )
