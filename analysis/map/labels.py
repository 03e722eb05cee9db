"""Names of clusters on a map, each where its documents are densest, from the zoom it fits at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from analysis.map.layout import Points
    from analysis.map.tiles import Tiles

_DEEPEST = 8
_ACROSS = 7
"""Labels that fit side by side into a tile's width."""
_DOWN = 20
"""Labels that fit one above the other."""
_CELLS = 64


@dataclass(frozen=True, slots=True)
class LabelPlace:
    """Where the name of a cluster stands.

    Attributes:
        cluster: its number.
        label: its name.
        x: of the middle of the label.
        y: of the middle of the label.
        level: the first level of zoom at which it does not cover that of a larger cluster; it is
            shown from there on.
        size: documents of the cluster on the map.
    """

    cluster: int
    label: str
    x: float
    y: float
    level: int
    size: int


def place_labels(
    points: Points,
    tiles: Tiles,
    clusters: npt.NDArray[np.integer],
    names: Mapping[int, str],
) -> list[LabelPlace]:
    """A place for every cluster that is named and on the map, the largest first.

    A label stands at the middle document of the densest of 64 x 64 cells, over which its cluster's
    documents are counted with those of the cells around: the mean of a cluster in two parts
    would lie in neither. Larger clusters are placed first; one that would cover a label
    already there waits for a deeper level, where the same label takes half the width, up to 8.

    Args:
        points: float32 (n, 2).
        tiles: of these points.
        clusters: (n,), each point's; those without name are left out.
        names: by cluster.
    """
    numbers, sizes = np.unique(clusters, return_counts=True)
    by_size = np.lexsort((numbers, -sizes))
    placed: list[LabelPlace] = []
    for which in by_size.tolist():
        cluster = int(numbers[which])
        if cluster not in names:
            continue
        x, y = _densest(points[clusters == cluster], tiles)
        level = _first_free(placed, x, y, tiles.side)
        placed.append(LabelPlace(cluster, names[cluster], x, y, level, int(sizes[which])))
    return placed


def _densest(members: Points, tiles: Tiles) -> tuple[float, float]:
    from scipy.ndimage import uniform_filter

    cells = ((members - np.array(tiles.low)) / tiles.side * _CELLS).astype(np.int64)
    cells = np.clip(cells, 0, _CELLS - 1)
    counts = np.zeros((_CELLS, _CELLS))
    np.add.at(counts, (cells[:, 0], cells[:, 1]), 1)
    around = uniform_filter(counts, size=3, mode="constant")
    peak = np.array(np.unravel_index(np.argmax(around), around.shape))
    near = (np.abs(cells - peak) <= 1).all(axis=1)
    x, y = np.median(members[near], axis=0)
    return float(x), float(y)


def _first_free(placed: list[LabelPlace], x: float, y: float, side: float) -> int:
    for level in range(_DEEPEST):
        wide, high = side / 2**level / _ACROSS, side / 2**level / _DOWN
        if not any(
            abs(other.x - x) < wide and abs(other.y - y) < high
            for other in placed
            if other.level <= level
        ):
            return level
    return _DEEPEST
