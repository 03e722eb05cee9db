"""A key's elements of all rows, in blocks that are never changed once made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from indexing.column_planes import Plane
from indexing.column_values import Elements, Vocabulary, read_elements

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from indexing.column_planes import Places
    from indexing.filter_values import Key

BLOCK_ROWS = 65_536
_MOST_PLANES = 8
_SPARSE = 16
"""A plane that fewer than one row in so many would use is not laid out by row."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The elements of consecutive rows, numbered from 0 here.

    Attributes:
        rows: how many.
        dense: the first element of each row, the second, ...; up to 8, perhaps none.
        sparse: all elements beyond those.
    """

    rows: int
    dense: tuple[Plane, ...] = ()
    sparse: Plane | None = None

    @classmethod
    def of(cls, elements: Elements, rows: int) -> Block:
        """The elements over so many rows."""
        count = len(elements.rows)
        if not count:
            return cls(rows)
        new = np.flatnonzero(np.diff(elements.rows, prepend=-1))
        ordinals = np.arange(count) - np.repeat(new, np.diff(new, append=count))
        uses = np.bincount(ordinals, minlength=_MOST_PLANES)[:_MOST_PLANES]
        planes = int(np.count_nonzero((uses * _SPARSE >= rows) & (uses > 0)))
        dense = tuple(
            Plane.of(elements, np.flatnonzero(ordinals == ordinal), rows)
            for ordinal in range(planes)
        )
        rest = np.flatnonzero(ordinals >= planes)
        return cls(rows, dense, Plane.of(elements, rest, None) if len(rest) else None)

    def elements(self) -> Elements:
        """All elements, by row."""
        planes = [plane for plane in (*self.dense, self.sparse) if plane is not None]
        elements = Elements.joined([plane.elements() for plane in planes or [Plane.blank(0)]])
        if len(planes) < 2 and self.sparse is None:
            return elements
        return elements.picked(np.argsort(elements.rows, kind="stable"))

    def joined(self, other: Block) -> Block:
        """These rows and the other's behind them; laid out anew when the block is full."""
        rows, fresh = self.rows + other.rows, other.sparse
        dense = tuple(
            self._plane(place).joined(other._plane(place))
            for place in range(max(len(self.dense), len(other.dense)))
        )
        if fresh is not None and fresh.rows is not None:
            fresh = fresh.moved(fresh.rows + self.rows)
        joined = Block(rows, dense, _join(self.sparse, fresh))
        return Block.of(joined.elements(), rows) if rows == BLOCK_ROWS else joined

    def relabelled(self, places: Places, other: Block) -> Block:
        """These rows, row `places[i]` holding what row i of the other block holds."""
        fresh = other.sparse
        dense = tuple(
            self._plane(place).overwritten(places, other._plane(place))
            for place in range(max(len(self.dense), len(other.dense)))
        )
        if fresh is not None and fresh.rows is not None:
            fresh = fresh.moved(places[fresh.rows])
        kept = None if self.sparse is None else self.sparse.without(places)
        return Block(self.rows, dense, _join(kept, fresh))

    def _plane(self, place: int) -> Plane:
        return self.dense[place] if place < len(self.dense) else Plane.blank(self.rows)


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """What one key leads to in rows 0 to `rows` - 1.

    Attributes:
        blocks: of `BLOCK_ROWS` rows each, the last perhaps of fewer.
        vocabulary: grows with every column made from this one.
    """

    key: Key
    vocabulary: Vocabulary
    rows: int = 0
    blocks: tuple[Block, ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays, without the vocabulary."""
        planes = [plane for block in self.blocks for plane in (*block.dense, block.sparse) if plane]
        return sum(plane.nbytes for plane in planes)

    def parts(self, rows: int) -> Iterator[tuple[int, Block]]:
        """The blocks of the first so many rows, each behind the row it begins with."""
        return zip(range(0, rows, BLOCK_ROWS), self.blocks, strict=False)

    def extended(self, metadata: Sequence[Mapping[str, Any]]) -> Column:
        """With these rows behind, in values of `json.loads`; copies one block at most."""
        blocks, start = list(self.blocks), 0
        while start < len(metadata):
            if not blocks or blocks[-1].rows == BLOCK_ROWS:
                blocks.append(Block(0))
            part = metadata[start : start + BLOCK_ROWS - blocks[-1].rows]
            fresh = Block.of(read_elements(self.key, part, self.vocabulary), len(part))
            blocks[-1] = blocks[-1].joined(fresh)
            start += len(part)
        return replace(self, rows=self.rows + len(metadata), blocks=tuple(blocks))

    def relabelled(self, rows: Places, metadata: Sequence[Mapping[str, Any]]) -> Column:
        """With other metadata in those rows, each named once; copies the blocks they are in."""
        blocks = list(self.blocks)
        for number in np.unique(rows // BLOCK_ROWS).tolist():
            those = np.flatnonzero(rows // BLOCK_ROWS == number)
            part = [metadata[place] for place in those.tolist()]
            fresh = Block.of(read_elements(self.key, part, self.vocabulary), len(part))
            blocks[number] = blocks[number].relabelled(rows[those] % BLOCK_ROWS, fresh)
        return replace(self, blocks=tuple(blocks))

    def selected(self, kept: Places) -> Column:
        """Row i holding what row `kept[i]` does, as far as the column has come.

        Args:
            kept: rows, ascending.
        """
        kept = kept[: np.searchsorted(kept, self.rows)]
        parts = [block.elements() for block in self.blocks]
        for first, part in zip(range(0, self.rows, BLOCK_ROWS), parts, strict=True):
            part.rows[:] += first
        elements = Elements.joined(parts or [Block(0).elements()])
        places = np.searchsorted(kept, elements.rows)
        there = np.flatnonzero(np.append(kept, -1)[places] == elements.rows)
        elements = elements.picked(there)
        elements.rows[:] = places[there]
        vocabulary, codes = self.vocabulary.only(elements.codes)
        elements = replace(elements, codes=codes)
        starts = range(0, len(kept), BLOCK_ROWS)
        return replace(
            self,
            vocabulary=vocabulary,
            rows=len(kept),
            blocks=tuple(_cut(elements, first, len(kept) - first) for first in starts),
        )


def _cut(elements: Elements, first: int, rows: int) -> Block:
    """The block that begins with row `first` where so many rows are left."""
    rows = min(rows, BLOCK_ROWS)
    start, stop = np.searchsorted(elements.rows, [first, first + rows])
    part = elements.picked(np.arange(start, stop))
    part.rows[:] -= first
    return Block.of(part, rows)


def _join(first: Plane | None, second: Plane | None) -> Plane | None:
    """All elements of planes that keep rows beside them."""
    return first.joined(second) if first and second else first or second
