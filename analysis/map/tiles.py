"""A map cut into tiles, so that a page shows all of it at once and more of it while zooming in.

Tiles form a quadtree: tile (0, 0, 0) is the whole square, and a tile of one level is four of the
next. Every point belongs to exactly one tile; a tile holds at most `capacity` points, those that
show its part of the plane most evenly, and the others are in the tiles below. What there is to be
seen of a region are the points of the tiles over it, from the first level down to the level
of the zoom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from analysis.map.layout import Points
    from indexing.types import Ids

CAPACITY = 4_096
DEEPEST = 16
_CELLS = 128
"""Cells along a tile's side, among which its points are spread."""


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """The pyramid.

    Attributes:
        low: x and y of the square's corner.
        side: of the square.
        capacity: most points of a tile; only tiles of the deepest level may hold more.
        keys: int64 (tiles, 3), level, column and row, ascending.
        firsts: int64 (tiles + 1,), where in `order` a tile's points begin.
        below: int64 (tiles,), points in the tiles under it.
        order: int64 (n,), positions of the points, tile by tile; a tile's own come evenly: its
            first thousand show its part as a whole.
    """

    low: tuple[float, float]
    side: float
    capacity: int
    keys: Ids
    firsts: Ids
    below: Ids
    order: Ids

    def positions(self, level: int, column: int, row: int) -> Ids:
        """int64 (m,): the points of one tile, none if there is no such tile."""
        found = np.flatnonzero((self.keys == (level, column, row)).all(axis=1))
        if not len(found):
            return np.empty(0, dtype=np.int64)
        return self.order[self.firsts[found[0]] : self.firsts[found[0] + 1]]

    def to_json(self) -> dict[str, Any]:
        """Bounds, and every tile with its number of points and of those below it."""
        counts = np.diff(self.firsts)
        return {
            "bounds": [*self.low, self.low[0] + self.side, self.low[1] + self.side],
            "capacity": self.capacity,
            "points": len(self.order),
            "tiles": [
                {"level": key[0], "column": key[1], "row": key[2], "points": count, "below": below}
                for key, count, below in zip(
                    self.keys.tolist(), counts.tolist(), self.below.tolist(), strict=True
                )
            ],
        }


def tiles(points: Points, *, capacity: int = CAPACITY, seed: int = 0) -> Tiles:
    """The pyramid of a map's points; the same for the same seed.

    A tile takes, of the points in its part that no tile above took, one of each of 128 x 128 cells,
    then a second one of each and so on, in random order, until it is full.

    Args:
        points: float32 (n, 2).
        capacity: most points of a tile, at least 1.
        seed: of the order among points of equal claim.
    """
    if capacity < 1:
        message = f"capacity is {capacity}; 1 or more is possible"
        raise ValueError(message)
    low, high = points.min(axis=0), points.max(axis=0)
    side = float((high - low).max()) * 1.0001 or 1.0
    corner = (low + high) / 2 - side / 2
    unit = np.clip((points.astype(np.float64) - corner) / side, 0, 1 - 2**-30)
    luck = np.random.default_rng(seed).permutation(len(points))
    left = np.arange(len(points), dtype=np.int64)
    parts: list[Ids] = []
    keys: list[npt.NDArray[np.int64]] = []
    for level in range(DEEPEST + 1):
        if not len(left):
            break
        tile = np.floor(unit[left] * 2**level).astype(np.int64)
        number = tile[:, 0] * 2**level + tile[:, 1]
        rank = _ranks(unit[left], level, luck[left])
        order = np.lexsort((luck[left], rank, number))
        place = _within(number[order])
        taken = order if level == DEEPEST else order[place < capacity]
        parts.append(left[taken])
        keys.append(np.column_stack([np.full(len(taken), level), tile[taken]]))
        rest = np.ones(len(left), dtype=bool)
        rest[taken] = False
        left = left[rest]
    return _assembled(parts, keys, (float(corner[0]), float(corner[1])), side, capacity)


def _ranks(unit: npt.NDArray[np.float64], level: int, luck: Ids) -> Ids:
    """int64 (m,): how many points of its cell come before each."""
    cells = np.floor(unit * (2**level * _CELLS)).astype(np.int64)
    number = cells[:, 0] * (2**level * _CELLS) + cells[:, 1]
    order = np.lexsort((luck, number))
    ranks: Ids = np.empty(len(unit), dtype=np.int64)
    ranks[order] = _within(number[order])
    return ranks


def _within(groups: Ids) -> Ids:
    """int64 (m,): the place of each in its run of equal numbers."""
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    lengths = np.diff(np.r_[starts, len(groups)])
    return np.arange(len(groups)) - np.repeat(starts, lengths)


def _assembled(
    parts: list[Ids], keys: list[Ids], low: tuple[float, float], side: float, capacity: int
) -> Tiles:
    order, listed = np.concatenate(parts), np.concatenate(keys)
    firsts = np.flatnonzero(np.r_[True, (listed[1:] != listed[:-1]).any(axis=1)])
    own = listed[firsts]
    firsts = np.r_[firsts, len(order)]
    counts = np.diff(firsts)
    below = np.zeros(len(own), dtype=np.int64)
    for level in range(int(own[-1, 0])):
        deeper = own[:, 0] > level
        shift = own[deeper, 0] - level
        ancestors = own[deeper, 1:] >> shift[:, None]
        sums: dict[tuple[int, int], int] = {}
        for ancestor, count in zip(ancestors.tolist(), counts[deeper].tolist(), strict=True):
            key = (ancestor[0], ancestor[1])
            sums[key] = sums.get(key, 0) + count
        for place in np.flatnonzero(own[:, 0] == level).tolist():
            below[place] = sums.get((int(own[place, 1]), int(own[place, 2])), 0)
    return Tiles(low, side, capacity, own, firsts, below, order)
