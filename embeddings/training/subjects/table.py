"""Examples as a recipe's files have them: what statistics and the search for leaks read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Part = Literal["train", "dev", "test"]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The examples of one source.

    Attributes:
        part: what they are for.
        name: of the source.
        texts: columns of texts by name, all of one length.
        place: row number to `FILE, line N`.
        identity: columns that make an example what it is: two rows alike in them are one
            example. Of searches that is the query; their documents may be found again.
        symmetric: True if the columns of the identity have no order (sentence pairs).
        scores: 0 to 1, one a row; None where there are none.
        labels: names of classes, one a row; several are joined by a bar; None likewise.
    """

    part: Part
    name: str
    texts: dict[str, Sequence[str]]
    place: Callable[[int], str]
    identity: tuple[str, ...]
    symmetric: bool = False
    scores: Sequence[float] | None = None
    labels: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.texts.values())))

    def example(self, row: int) -> tuple[str, ...]:
        """The texts that identify a row, in a fixed order where there is none."""
        texts = tuple(self.texts[name][row] for name in self.identity)
        return tuple(sorted(texts)) if self.symmetric else texts
