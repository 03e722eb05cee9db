"""Vectors of recent queries: people ask the same, and leaf through pages of one answer."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embeddings.types import Encoding

_MOST_CHARACTERS = 2_048
"""Longer queries are rarely asked twice, and would take more memory than their vectors."""


class QueryCache:
    """The latest queries and their vectors; for use in one thread.

    Args:
        size: queries kept; 0 keeps none.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._kept: OrderedDict[tuple[str, str], Encoding] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, fingerprint: str, text: str) -> Encoding | None:
        """The encoding (one row) of a query by the encoder of that fingerprint, if it is kept."""
        key = (fingerprint, text)
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, fingerprint: str, text: str, encoding: Encoding) -> None:
        """Keep an encoding of one row; nobody may change its arrays any more."""
        if not self.size or len(text) > _MOST_CHARACTERS:
            return
        for array in (encoding.vectors, encoding.tokens, encoding.truncated, encoding.unknown):
            array.flags.writeable = False
        self._kept[fingerprint, text] = encoding
        self._kept.move_to_end((fingerprint, text))
        while len(self._kept) > self.size:
            self._kept.popitem(last=False)
