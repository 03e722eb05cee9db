"""Pages of a kept result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.errors import BadValueError

if TYPE_CHECKING:
    from service.analyses.kept import Kept


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of a list is on a page.

    Attributes:
        first: place of the first that is.
        last: place behind the last that is.
        cursor: of the next page; None on the last.
    """

    first: int
    last: int
    cursor: str | None

    @property
    def places(self) -> slice:
        """The part."""
        return slice(self.first, self.last)


def span_of(kept: Kept[Any], cursor: str | None, limit: int, total: int) -> Span:
    """The page behind a cursor.

    Args:
        kept: the result; a cursor is good for the one that gave it alone.
        cursor: of the page before; None for the first page.
        limit: how many on a page.
        total: how many there are.

    Raises:
        BadValueError: no page of this result gave that cursor.
    """
    stamp = f"{kept.stamp[0]:x}"
    first = 0
    if cursor is not None:
        made_by, _, text = cursor.partition(".")
        if made_by != stamp or not (text.isascii() and text.isdecimal() and len(text) < 10):
            message = (
                f"cursor {cursor!r} is not one that a page of this result gave; begin again "
                "without one"
            )
            raise BadValueError(message, "cursor")
        first = int(text)
    last = min(first + limit, total)
    return Span(first, last, f"{stamp}.{last}" if last < total else None)
