"""Which lines of a corpus are kept out of training."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEYS = 1 << 32
_MOST_SHARE = 0.02
"""Of the lines of a small corpus that are held out."""


class HeldOut:
    """An even sample of lines, chosen by what they say: equal lines fall on one side.

    A line is held out while the checksum of it is below a limit. Whenever more than `most` are,
    the limit is halved and those above go back to training (Gibbons and Tirthapura, "Estimating
    Simple Functions on the Union of Data Streams", 2001).

    Args:
        most: lines at most; 0 holds none out.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = int(_KEYS * _MOST_SHARE) if most else 0
        self._held: list[tuple[int, str]] = []

    def takes(self, line: str) -> bool:
        """True if the line is held out for now."""
        if not self._limit:
            return False
        key = zlib.crc32(line.encode())
        if key >= self._limit:
            return False
        self._held.append((key, line))
        return True

    def release(self) -> Iterator[str]:
        """Lines that are too many; they belong to training."""
        while len(self._held) > self._most:
            self._limit //= 2
            yield from (line for key, line in self._held if key >= self._limit)
            self._held = [each for each in self._held if each[0] < self._limit]

    @property
    def lines(self) -> list[str]:
        """The lines held out, in the order of the corpus."""
        return [line for _, line in self._held]
