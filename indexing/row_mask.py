"""Which rows may be found."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from indexing.types import Ids


class RowMask:
    """One truth value for each row, and what searches need of it, each worked out once.

    Args:
        allowed: bool (rows,), made read-only.
    """

    def __init__(self, allowed: npt.NDArray[np.bool_]) -> None:
        allowed.flags.writeable = False
        self.allowed = allowed
        self._head: RowMask | None = None

    @classmethod
    def of_rows(cls, rows: Ids, length: int) -> RowMask:
        """A mask of that length with the rows set; rows outside of it are left out."""
        allowed = np.zeros(length, dtype=bool)
        allowed[rows[(rows >= 0) & (rows < length)]] = True
        return cls(allowed)

    def __len__(self) -> int:
        return len(self.allowed)

    def __and__(self, other: RowMask) -> RowMask:
        """Rows that both allow; of the shorter one's length."""
        shared = min(len(self), len(other))
        return RowMask(self.allowed[:shared] & other.allowed[:shared])

    def head(self, rows: int) -> RowMask:
        """The first rows of it; the same object for the same number as last time."""
        if rows >= len(self):
            return self
        head = self._head
        if head is None or len(head) != rows:
            head = self._head = RowMask(self.allowed[:rows])
        return head

    @cached_property
    def count(self) -> int:
        """How many rows are allowed."""
        return int(np.count_nonzero(self.allowed))

    @cached_property
    def rows(self) -> Ids:
        """int64 (count,), ascending: the allowed rows."""
        return np.flatnonzero(self.allowed)

    @cached_property
    def bits(self) -> npt.NDArray[np.uint8]:
        """uint8 (ceil(rows / 8),), the first row in the lowest bit, as FAISS reads bitmaps."""
        return np.packbits(self.allowed, bitorder="little")
