"""Changes of documents that an index is to follow later."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(slots=True)
class Backlog:
    """Rows that came and rows that went, of writes told of one after the other.

    Attributes:
        version: of the documents after the last write told of; -1 if some were not told of, and
            only a comparison of everything can say what is missing.
        deferred: True if there is something to follow.
        came: rows, in the order they were written; some may be gone again.
        gone: rows that hold no document any more.
    """

    version: int
    deferred: bool = False
    came: list[int] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """True if it names everything there is to follow."""
        return self.version >= 0

    def defer(self, version: int, came: Iterable[int], gone: Iterable[int]) -> None:
        """Keep a write for later."""
        self.deferred = True
        if self.is_whole and version == self.version + 1:
            self.came += came
            self.gone += (row for row in gone if row >= 0)
            self.version = version
        else:
            self.forget()

    def forget(self) -> None:
        """Something was missed."""
        self.version, self.came, self.gone = -1, [], []
