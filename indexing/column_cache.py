"""Masks kept for filters that are asked again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING
from weakref import ref

if TYPE_CHECKING:
    from collections.abc import Hashable

    from indexing.column_values import BoolArray
    from indexing.row_mask import RowMask

CACHE_BYTES = 64 * 2**20
"""Of masks kept, the one not asked for longest going first."""


class MaskCache:
    """Masks by name, up to `CACHE_BYTES` of them, the last used ones."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._masks: OrderedDict[Hashable, tuple[RowMask, ref[BoolArray] | None]] = OrderedDict()
        self._bytes = 0

    def get(self, name: Hashable, live: BoolArray | None = None) -> RowMask | None:
        """The mask kept by that name, beside that very array."""
        with self._guard:
            mask, kept = self._masks.get(name, (None, None))
            if mask is None or (kept and kept()) is not live:
                return None
            self._masks.move_to_end(name)
            return mask

    def put(self, name: Hashable, mask: RowMask, live: BoolArray | None = None) -> None:
        """Keep a mask for as long as there is the array that its name speaks of, if any."""
        with self._guard:
            self._drop(self._masks.pop(name, None))
            self._masks[name] = (mask, None if live is None else ref(live))
            self._bytes += _size(mask)
            while self._bytes > CACHE_BYTES and len(self._masks) > 1:
                self._drop(self._masks.popitem(last=False)[1])

    def clear(self) -> None:
        """Keep nothing."""
        with self._guard:
            self._masks.clear()
            self._bytes = 0

    def _drop(self, entry: tuple[RowMask, object] | None) -> None:
        self._bytes -= 0 if entry is None else _size(entry[0])


def _size(mask: RowMask) -> int:
    """Bytes of a mask and its bits."""
    return len(mask.allowed) + len(mask.allowed) // 8
