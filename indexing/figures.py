"""What decides whether a collection's files need something done, and what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Phase = Literal["idle", "extending", "rebuilding", "compacting", "analysing", "calibrating"]

TAIL_NUMBERS = 1_000_000
"""Numbers (rows * dim) behind the index that a search compares in a quarter of a millisecond."""
TAIL_SHARE = 0.005
"""Of the indexed rows: below it, saving the index costs more than scanning the tail does."""
CALIBRATED_AHEAD = 10_000
"""Smaller collections are calibrated in no time by the first search that needs it."""
MOST_TOMBSTONES = 10_000
TOMBSTONE_SHARE = 0.2
"""Above this share of rows deleted, a graph is walked through many rows that no one may find."""

OUTGROWN = 2
"""Times as many rows as an index was made from: its centres fit them no more."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What decides whether something is due.

    Attributes:
        rows: vectors on disk, tombstones included.
        tombstones: vectors of deleted or replaced documents.
        indexed: rows in the sealed index.
        dim: width of a vector.
        kind: kind of the sealed index, `flat` for none.
        planned: kind that the planner chooses for so many rows.
        held: vectors in the sealed index; rows deleted before it was built are not.
        trained: vectors it was made from, the others were put in later.
        unread: True if words of some documents were not looked for yet.
        uncalibrated: True if scores are to be calibrated for so many documents.
    """

    rows: int
    tombstones: int
    indexed: int
    dim: int
    kind: str
    planned: str
    unread: bool = False
    held: int = 0
    trained: int = 0
    uncalibrated: bool = False


def due(figures: Figures) -> Phase:
    """What to do first; `idle` for nothing.

    | phase        | when                                                                     |
    |--------------|--------------------------------------------------------------------------|
    | `analysing`  | documents came without words                                             |
    | `compacting` | 10,000 tombstones at least, and a fifth of the rows                      |
    | `rebuilding` | the planner chooses another kind of index for so many rows, or there are |
    |              | twice as many as it was made from                                        |
    | `extending`  | 1,000,000 numbers stand behind the index, and a two-hundredth of its rows |
    | `calibrating`| documents became half as many again or two thirds, and are 10,000 at least |
    """
    if figures.unread:
        return "analysing"
    if figures.tombstones >= max(MOST_TOMBSTONES, TOMBSTONE_SHARE * figures.rows):
        return "compacting"
    outgrown = figures.held > OUTGROWN * figures.trained
    if figures.planned != figures.kind or outgrown:
        return "rebuilding"
    if has_tail(figures):
        return "extending"
    if figures.uncalibrated and figures.rows - figures.tombstones >= CALIBRATED_AHEAD:
        return "calibrating"
    return "idle"


def has_tail(figures: Figures) -> bool:
    """True if so many rows stand behind the index that every search takes longer for them."""
    tail = figures.rows - figures.indexed
    least = max(TAIL_NUMBERS / figures.dim, TAIL_SHARE * figures.indexed)
    return figures.kind != "flat" and tail >= least
