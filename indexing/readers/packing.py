"""Bytes of packed files; one that was cut off is an error, never a shorter file."""

from __future__ import annotations

import gzip
import io
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

Packing = Literal["", "gz", "zst"]

PACKINGS: dict[str, Packing] = {".gz": "gz", ".zst": "zst"}
BLOCK_BYTES = 1 << 16
_STEP_BYTES = 1 << 11
"""Packed bytes taken at once: Zstandard makes up to 32,000 times as many of them."""


class PackingError(Exception):
    """Packed data that is damaged, cut off or of another kind; the message is a clause."""


@contextmanager
def unpacked(packed: BinaryIO, packing: Packing) -> Iterator[BinaryIO]:
    """What is packed in `packed`, several frames or members as one; buffered, not seekable.

    Args:
        packed: open for buffered reading, at its start.
        packing: how; `""` gives `packed` itself.

    Raises:
        PackingError: while reading: it is empty, not packed so, damaged, cut off, or followed
            by something else. `readline` and `read1` have then given all that is good.
    """
    if packing == "":
        yield packed
        return
    if not cast("io.BufferedReader", packed).peek(1):
        message = "it is empty, and packed files never are"
        raise PackingError(message)
    yield io.BufferedReader(_Unpacked(packed, packing), BLOCK_BYTES)


class _DamagedError(Exception):
    """What the library says of data it cannot unpack."""


class _Unpacked(io.RawIOBase):
    """The bytes, and an error that says how far they were good."""

    def __init__(self, packed: BinaryIO, packing: Packing) -> None:
        self._blocks = _gzip(packed) if packing == "gz" else _zstandard(packed)
        self._name = "gzip" if packing == "gz" else "Zstandard"
        self._ready = memoryview(b"")
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        if not self._ready:
            self._ready = self._next_block()
        room = memoryview(buffer).cast("B")
        count = min(len(room), len(self._ready))
        room[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        self._given += count
        return count

    def _next_block(self) -> memoryview:
        """What comes next; nothing at the end."""
        try:
            return memoryview(next(self._blocks, b""))
        except EOFError as error:
            message = f"it is cut off: the {self._name} data has no end"
            raise PackingError(message) from error
        except _DamagedError as error:
            where = f"damaged behind byte {self._given:,} of what is unpacked"
            message = f"it is {where if self._given else f'not {self._name}'} ({error})"
            raise PackingError(message) from error


def _gzip(packed: BinaryIO) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=packed) as members:
        try:
            while block := members.read1(BLOCK_BYTES):
                yield block
        except (gzip.BadGzipFile, zlib.error) as error:
            raise _DamagedError(str(error)) from error


def _zstandard(packed: BinaryIO) -> Iterator[bytes]:
    """One frame after the other; the library's own reader ends quietly in a torn one."""
    from zstandard import ZstdDecompressor, ZstdError

    decompressor = ZstdDecompressor()
    frame, in_frame = decompressor.decompressobj(), False
    while block := packed.read(_STEP_BYTES):
        while block:
            try:
                content = frame.decompress(block)
            except ZstdError as error:
                raise _DamagedError(str(error)) from error
            if content:
                yield content
            in_frame, block = not frame.eof, frame.unused_data
            if not in_frame:
                frame = decompressor.decompressobj()
    if in_frame:
        raise EOFError
