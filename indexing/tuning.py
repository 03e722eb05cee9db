"""How hard an index looks, what it then finds, and which of it a search takes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from indexing.index import Effort

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

MEASURED_AT = 10
"""Recall is measured at this k."""
FILTERED_RECALL = 0.99
"""What filtered searches shall reach at least."""

_FURTHER = 2.0
"""Questions lie further from documents than those from one another: up to so many times more of
their neighbours are missed (docs/decisions/0010-index-kinds.md)."""


def aim(recall: float, *, asked: bool) -> float:
    """The recall to measure for questions to reach the given one.

    Args:
        recall: wished for, 0 to 1.
        asked: True if it is measured with questions, False if with documents.
    """
    return recall if asked else 1 - (1 - recall) / _FURTHER


@dataclass(frozen=True, slots=True)
class Point:
    """What an effort finds and costs.

    Attributes:
        effort: how hard the index looked.
        recall: share of the true 10 nearest found, 0 to 1.
        microseconds: a query, in a batch, smoothed over the efforts measured.
    """

    effort: Effort
    recall: float
    microseconds: float


@dataclass(frozen=True, slots=True)
class FilteredPoint:
    """What it takes to reach `FILTERED_RECALL` under a filter.

    Attributes:
        share: of the rows that the filter keeps, above 0 to 1.
        effort: the least tried that reaches it, else the greatest.
        recall: reached.
        microseconds: a query asked alone.
    """

    share: float
    effort: Effort
    recall: float
    microseconds: float


@dataclass(frozen=True, slots=True)
class Tuning:
    """What an index finds, measured.

    Attributes:
        curve: efforts none of which is beaten in both recall and time, by rising recall.
        filtered: by falling share.
        row_microseconds: time to compare one vector where it lies, for one query.
        queries: how many the figures are means of.
        asked: True if those were questions that were asked, False if documents held back.
        seconds: that measuring took.
    """

    curve: tuple[Point, ...]
    filtered: tuple[FilteredPoint, ...] = ()
    row_microseconds: float = 0.0
    queries: int = 0
    asked: bool = False
    seconds: float = 0.0

    def at(self, recall: float) -> Point | None:
        """The cheapest point at which questions reach that recall; None: no curve.

        Where documents were measured with, fewer neighbours may be missed; where no point reaches
        it, it is the one of the most recall.
        """
        least = aim(recall, asked=self.asked)
        return next((point for point in self.curve if point.recall >= least), self._last())

    def under(self, rows: int, share: float) -> FilteredPoint | None:
        """How hard to look under a filter that keeps so many rows; None: compare them all."""
        point = next((point for point in self.filtered if point.share <= share), None)
        if point is None or point.recall < FILTERED_RECALL:
            return None
        return None if rows * self.row_microseconds <= point.microseconds else point

    def _last(self) -> Point | None:
        return self.curve[-1] if self.curve else None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, `from_json`'s inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The tuning of `to_json`.

        Raises:
            KeyError: a part is missing.
            TypeError: a part is of another type.
        """
        return cls(
            curve=tuple(Point(**{**p, "effort": Effort(**p["effort"])}) for p in data["curve"]),
            filtered=tuple(
                FilteredPoint(**{**p, "effort": Effort(**p["effort"])}) for p in data["filtered"]
            ),
            row_microseconds=float(data["row_microseconds"]),
            queries=int(data["queries"]),
            asked=bool(data["asked"]),
            seconds=float(data.get("seconds", 0.0)),
        )
