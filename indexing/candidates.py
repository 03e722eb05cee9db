"""The part of a ranking that a page shows: in order, equal scores by id, with its documents."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from operator import neg
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from indexing.cursor import Cursor
    from indexing.documents import DocumentStore
    from indexing.ranking import Ranking
    from indexing.types import Grouping, StoredDocument

SLACK = 8
"""Rows ranked beyond the page, so that scores equal to its last are seen."""
GROWTH = 4
MOST_TIES = 4096
"""Equal scores beyond this many are cut without regard to their ids."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which matches of an answer to take.

    Attributes:
        limit: how many.
        offset: behind how many.
        cursor: behind which, instead.
        grouping: `parents` counts the chunks of a parent as one match.
        threshold: only matches of at least this score.
        excluded: rows that are no match.
    """

    limit: int
    offset: int = 0
    cursor: Cursor | None = None
    grouping: Grouping = "documents"
    threshold: float | None = None
    excluded: frozenset[int] = frozenset()

    @property
    def end(self) -> int:
        """Matches up to the end of the window, those before it counted."""
        before = self.offset if self.cursor is None else self.cursor.rank
        return before + self.limit

    def widened(self, limit: int) -> Window:
        """The first `limit` matches of the same answer."""
        return replace(self, limit=limit, offset=0)

    @property
    def depth(self) -> int:
        """Rows to rank at first."""
        return self.end + len(self.excluded) + SLACK


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document that may become a match."""

    score: float
    stored: StoredDocument
    channels: Mapping[str, float]
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What a window shows.

    Attributes:
        candidates: best first, equal scores by id.
        more: True if matches follow.
        whole: False if a row had no document any more.
    """

    candidates: list[Candidate]
    more: bool
    whole: bool


class _Entry(NamedTuple):
    """A row in its place: higher scores first, equal ones by id."""

    minus_score: float
    id: str
    row: int


def take(
    ranking: Ranking, window: Window, documents: DocumentStore, *, complete: bool
) -> Taken | None:
    """The window's part of a ranking.

    Args:
        ranking: best first.
        window: which part.
        documents: where rows have documents.
        complete: True if nothing ranks behind what is there.

    Returns:
        None if only a deeper ranking can tell.
    """
    rows, scores, cut = _possible(ranking, window)
    choose = _documents if window.grouping == "documents" else _parents
    try:
        entries, settled = choose(rows, scores, window, documents)
    except KeyError:  # a row without a document
        return Taken([], more=False, whole=False)
    too_many = len(entries) > window.limit and len(rows) > window.end + MOST_TIES
    if not (settled or complete or cut or too_many):
        return None
    shown = entries[: window.limit]
    stored = documents.by_rows([entry.row for entry in shown])
    candidates = [
        Candidate(
            score=-entry.minus_score,
            stored=stored[entry.row],
            channels=ranking.channels[entry.row],
            confidence=ranking.confidence.get(entry.row),
        )
        for entry in shown
        if entry.row in stored
    ]
    return Taken(candidates, len(entries) > window.limit, len(candidates) == len(shown))


def _possible(ranking: Ranking, window: Window) -> tuple[list[int], list[float], bool]:
    """Rows and scores that the window may show, and True if the ranking ends with them."""
    there = ranking.ids >= 0
    if window.threshold is not None:
        there &= ranking.scores >= window.threshold
    cut = not there.all()
    rows, scores = ranking.ids[there].tolist(), ranking.scores[there].tolist()
    if window.excluded:
        kept = [place for place, row in enumerate(rows) if row not in window.excluded]
        rows, scores = [rows[place] for place in kept], [scores[place] for place in kept]
    return rows, scores, cut


def _documents(
    rows: Sequence[int], scores: Sequence[float], window: Window, documents: DocumentStore
) -> tuple[list[_Entry], bool]:
    """The window's rows and at least one behind them, and False if equal scores may follow.

    Ids are looked up only where scores are equal or a cursor asks for them.
    """
    cursor = window.cursor
    if cursor is None:
        first = behind = min(window.offset, len(rows))
        while 0 < first < len(rows) and scores[first - 1] == scores[first]:
            first -= 1
    else:
        first = bisect_left(scores, -cursor.score, key=neg)
        behind = bisect_right(scores, -cursor.score, key=neg)
    end = min(behind + window.limit + 2, len(rows))
    while end < len(rows) and scores[end] == scores[end - 1]:
        end += 1
    tied = any(scores[place] == scores[place + 1] for place in range(first, end - 1))
    names = documents.names(rows[first:end]) if tied or cursor is not None else {}
    entries = [
        _Entry(-scores[place], names[rows[place]][0] if names else "", rows[place])
        for place in range(first, end)
    ]
    if names:
        entries.sort()
    if cursor is not None:
        entries = [entry for entry in entries if cursor.is_before(-entry.minus_score, entry.id)]
        return entries, end < len(rows)
    return entries[behind - first :], end < len(rows)


def _parents(
    rows: Sequence[int], scores: Sequence[float], window: Window, documents: DocumentStore
) -> tuple[list[_Entry], bool]:
    """The best row of each parent behind the window's beginning, and False if others may follow."""
    names = documents.names(rows)
    best: dict[str, _Entry] = {}
    for entry in sorted(
        _Entry(-score, names[row][0], row) for row, score in zip(rows, scores, strict=True)
    ):
        best.setdefault(names[entry.row][1] or entry.id, entry)
    entries, cursor = list(best.values()), window.cursor
    if cursor is None:
        entries = entries[window.offset :]
    else:
        entries = [entry for entry in entries if cursor.is_before(-entry.minus_score, entry.id)]
    settled = len(entries) > window.limit and -entries[window.limit].minus_score > scores[-1]
    return entries, settled
