"""Files of many blocks, written once: whole or not at all, and never changed.

A pack holds zstd frames, one a block, then a table that says where each block is, then a trailer
that says where the table is and what its SHA-256 is. A block's name is the SHA-256 of its content.
"""

from __future__ import annotations

import hashlib
import os
import struct
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from indexing.errors import DamagedError
from indexing.files import reporting_full_disk, sync_folder

if TYPE_CHECKING:
    from pathlib import Path

Digests = npt.NDArray[np.uint8]
"""uint8 (n, 32): SHA-256 of n blocks."""

BLOCK_BYTES = 1 << 20
"""No block is larger."""
PACK_BYTES = 64 << 20
"""A pack that has grown so large takes no more."""
SUFFIX = ".pack"
_MAGIC = b"MEARIPK1"
_END = b"MEARIEND"
_TRAILER = struct.Struct("<QQ32s8s")
_LEVEL = 3

ENTRY = np.dtype([("digest", "u1", (32,)), ("offset", "<u8"), ("stored", "<u4"), ("size", "<u4")])
"""Of a pack's table: the block's name, where its frame is, and its bytes packed and unpacked."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A block on its way into a pack."""

    digest: bytes
    frame: bytes
    size: int


class Packing:
    """Packs and unpacks blocks; for one thread."""

    @cached_property
    def _compressor(self):  # type: ignore[no-untyped-def]  # noqa: ANN202 - zstandard's own
        import zstandard

        return zstandard.ZstdCompressor(level=_LEVEL)

    @cached_property
    def _decompressor(self):  # type: ignore[no-untyped-def]  # noqa: ANN202 - zstandard's own
        import zstandard

        return zstandard.ZstdDecompressor()

    def pack(self, digest: bytes, content: bytes) -> Packed:
        """The block as a pack holds it."""
        return Packed(digest, self._compressor.compress(content), len(content))

    def unpack(self, frame: bytes, size: int, digest: bytes) -> bytes:
        """The content of a frame.

        Raises:
            ValueError: it is not the block of that name and size.
        """
        import zstandard

        try:
            if zstandard.frame_content_size(frame) != size or size > BLOCK_BYTES:
                message = "its size is another"
                raise ValueError(message)
            content: bytes = self._decompressor.decompress(frame)
        except zstandard.ZstdError as error:
            message = "it cannot be unpacked"
            raise ValueError(message) from error
        if hashlib.sha256(content).digest() != digest:
            message = "its checksum is wrong"
            raise ValueError(message)
        return content


class PackWriter:
    """Writes one pack; nothing is there under its name before `finish`.

    Args:
        folder: where packs are.

    Raises:
        StorageFullError: the disk is full; in each method the pack is given up then.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / f".{os.getpid()}-{os.urandom(4).hex()}.tmp"
        self._entries: list[tuple[bytes, int, int, int]] = []
        with reporting_full_disk(self._path):
            self._file = self._path.open("xb")
            self._file.write(_MAGIC)
        self.bytes = len(_MAGIC)

    def __len__(self) -> int:
        """How many blocks it holds."""
        return len(self._entries)

    def add(self, block: Packed) -> None:
        """Take in a block."""
        with reporting_full_disk(self._path):
            self._file.write(block.frame)
        self._entries.append((block.digest, self.bytes, len(block.frame), block.size))
        self.bytes += len(block.frame)

    def finish(self) -> Path:
        """Give the pack its name once all of it is on disk."""
        table = np.empty(len(self._entries), dtype=ENTRY)
        digests, table["offset"], table["stored"], table["size"] = zip(*self._entries, strict=True)
        table["digest"] = np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, 32)
        content = table.tobytes()
        digest = hashlib.sha256(content).digest()
        path = self._folder / f"{digest.hex()}{SUFFIX}"
        try:
            with reporting_full_disk(self._path):
                self._file.write(content)
                self._file.write(_TRAILER.pack(self.bytes, len(table), digest, _END))
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
                self._path.replace(path)
                sync_folder(self._folder)
        except BaseException:
            self.abandon()
            raise
        return path

    def abandon(self) -> None:
        """Leave nothing behind."""
        with suppress(OSError):  # a full disk refuses what is still to be written
            self._file.close()
        self._path.unlink(missing_ok=True)


class PackFile:
    """A pack that is there, open for reading; for one thread.

    Args:
        path: a regular file: links are refused.

    Raises:
        DamagedError: it is no pack, or its table is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._packing = Packing()
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            message = f"{path} cannot be read ({error.strerror})"
            raise DamagedError(message) from error
        try:
            self.table = self._read_table()
        except (ValueError, struct.error, OSError) as error:
            os.close(self._file)
            message = f"{path} is not a whole pack of blocks ({error})"
            raise DamagedError(message) from error

    def close(self) -> None:
        """Give back the file."""
        os.close(self._file)

    def read(self, place: int) -> bytes:
        """The content of the block at that place of the table.

        Raises:
            DamagedError: it is not what its name says.
        """
        digest = self.table["digest"][place].tobytes()
        offset, stored = int(self.table["offset"][place]), int(self.table["stored"][place])
        try:
            frame = os.pread(self._file, stored, offset)
            return self._packing.unpack(frame, int(self.table["size"][place]), digest)
        except (ValueError, OSError) as error:
            message = f"block {digest.hex()[:16]} in {self.path} is damaged: {error}"
            raise DamagedError(message) from error

    def frame(self, place: int) -> Packed:
        """The block at that place as it is packed, checked."""
        size = len(self.read(place))
        offset, stored = int(self.table["offset"][place]), int(self.table["stored"][place])
        digest = self.table["digest"][place].tobytes()
        return Packed(digest, os.pread(self._file, stored, offset), size)

    def _read_table(self) -> npt.NDArray[np.void]:
        size = os.fstat(self._file).st_size
        if os.pread(self._file, len(_MAGIC), 0) != _MAGIC:
            message = "it does not begin as one"
            raise ValueError(message)
        offset, count, digest, end = _TRAILER.unpack(
            os.pread(self._file, _TRAILER.size, max(0, size - _TRAILER.size))
        )
        length = count * ENTRY.itemsize
        if end != _END or offset + length + _TRAILER.size != size:
            message = "it was cut"
            raise ValueError(message)
        content = b""
        while len(content) < length:
            part = os.pread(self._file, length - len(content), offset + len(content))
            if not part:
                message = "it was cut"
                raise ValueError(message)
            content += part
        if hashlib.sha256(content).digest() != digest:
            message = "the checksum of its table is wrong"
            raise ValueError(message)
        table: npt.NDArray[np.void] = np.frombuffer(content, dtype=ENTRY)
        ends = table["offset"].astype(np.float64) + table["stored"]
        if ends.max(initial=0) > offset or table["size"].max(initial=0) > BLOCK_BYTES:
            message = "its table points outside of it"
            raise ValueError(message)
        return table
