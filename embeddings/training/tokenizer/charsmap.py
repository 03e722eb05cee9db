"""A table of replacements as one step of a normaliser, in SentencePiece's binary form."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_BLOCK = 256
"""Units that a byte can lead to; a table of whole blocks is never left by a lookup."""
_LEAF = 1 << 8
_VALUE = 1 << 31
_FARTHEST = 1 << 21

Node = dict[int, "Node | int"]


def make_charsmap(replacements: Mapping[str, str]) -> bytes:
    """The argument of `normalizers.Precompiled`: a double-array trie, then the replacements.

    A lookup is of a grapheme of less than six bytes, else of each of its characters. What is found
    is the shortest key that the grapheme begins with, and all of the grapheme is replaced by it. An
    unmodified text costs a lookup for each character, however large the table.

    Args:
        replacements: what each key becomes; keys are not empty.
    """
    strings = bytearray()
    places: dict[str, int] = {}
    root: Node = {}
    for key, value in replacements.items():
        if value not in places:
            places[value] = len(strings)
            strings += value.encode() + b"\0"
        node = root
        for byte in key.encode():
            below = node.setdefault(byte, {})
            if isinstance(below, int):
                message = f"{key!r} holds a zero byte, which ends keys"
                raise ValueError(message)
            node = below
        node[0] = places[value]
    table = _DoubleArray()
    table.put(root, 0)
    units = struct.pack(f"<{len(table.units)}I", *table.units)
    return struct.pack("<I", len(units)) + units + bytes(strings)


class _DoubleArray:
    """Units of 32 bits as in darts-clone: a node's child for byte b is at its offset XOR b."""

    def __init__(self) -> None:
        self.units = [0] * _BLOCK
        self._taken = [True] + [False] * (_BLOCK - 1)
        self._offsets = {0}
        self._gap = 1

    def put(self, node: Node, place: int) -> None:
        """Write what is below the node whose own unit is at `place`."""
        offset = self._free(list(node))
        self._offsets.add(offset)
        for byte in node:
            self._taken[offset ^ byte] = True
        distance = offset ^ place
        if distance >= _FARTHEST:
            message = f"a table of {len(self.units):,} units is too large; give fewer keys"
            raise ValueError(message)
        self.units[place] |= distance << 10 | (_LEAF if 0 in node else 0)
        for byte, below in node.items():
            if isinstance(below, int):
                self.units[offset] = _VALUE | below
            else:
                self.units[offset ^ byte] = byte
        for byte, below in node.items():
            if not isinstance(below, int):
                self.put(below, offset ^ byte)

    def _free(self, labels: list[int]) -> int:
        """An offset that no other node has, with a free unit for each label."""
        taken = self._taken
        lone = len(labels) == 1
        # Lone children fill the gaps one after another; many at once find room near the end.
        place = self._gap if lone else max(self._gap, len(taken) - 2 * _BLOCK)
        while True:
            if place >= len(taken):
                self.units += [0] * _BLOCK
                taken += [False] * _BLOCK
            offset = place ^ labels[0]
            fits = not taken[place] and offset not in self._offsets
            if fits and not any(taken[offset ^ label] for label in labels):
                if lone:
                    self._gap = place + 1
                return offset
            place += 1
