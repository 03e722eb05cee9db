"""The append-only file of vectors: row r is the r-th float32 vector of `vectors.f32`."""

from __future__ import annotations

import logging
import os
import zlib
from typing import TYPE_CHECKING

import numpy as np

from indexing.errors import StorageFailedError, StorageFullError
from indexing.files import reporting_full_disk, sync_folder

if TYPE_CHECKING:
    from pathlib import Path

    from embeddings.types import Vectors

logger = logging.getLogger(__name__)

VECTORS_FILE = "vectors.f32"
_BLOCK = 1 << 22


class VectorFile:
    """Rows of float32 on disk, little-endian, read through the page cache.

    Args:
        path: the file; made if missing in write mode.
        dim: width of a row.
        writable: False opens for reading alone.
        durable: False leaves waiting for the disk to `sync`.
    """

    def __init__(self, path: Path, dim: int, *, writable: bool, durable: bool = True) -> None:
        self.path = path
        self._durable = durable
        self.dim = dim
        self._row_bytes = 4 * dim
        flags = os.O_RDWR | os.O_CREAT if writable else os.O_RDONLY
        created = writable and not path.exists()
        with reporting_full_disk(path):
            self._file = os.open(path, flags | os.O_CLOEXEC, 0o644)
            try:
                if created:
                    sync_folder(path.parent)
            except BaseException:
                self.close()
                raise

    @property
    def rows(self) -> int:
        """Whole rows in the file."""
        return os.fstat(self._file).st_size // self._row_bytes

    def read(self, rows: int) -> Vectors:
        """float32 (rows, dim), the first rows, mapped and not copied; do not write to it."""
        if rows == 0:
            return np.empty((0, self.dim), dtype=np.float32)
        return np.memmap(self.path, dtype="<f4", mode="r", shape=(rows, self.dim))

    def append(self, first: int, vectors: Vectors) -> int:
        """Write rows `first` and on, and wait until they are on disk if the file is durable.

        Whatever lay there is replaced.

        Returns:
            CRC-32 of the bytes written.

        Raises:
            StorageFullError: no space; the file is cut back to `first` rows.
            StorageFailedError: the disk failed; likewise, if it lets it be cut.
        """
        content = np.ascontiguousarray(vectors, dtype="<f4").reshape(-1).view(np.uint8).data
        try:
            with reporting_full_disk(self.path):
                self._write_all(content, first * self._row_bytes)
                if self._durable:
                    os.fsync(self._file)
        except BaseException:
            self.give_up(first)
            raise
        return zlib.crc32(content)

    def sync(self) -> None:
        """Wait until everything is on disk.

        Raises:
            StorageFullError: no space.
            StorageFailedError: the disk failed.
        """
        with reporting_full_disk(self.path):
            os.fsync(self._file)

    def cut(self, rows: int) -> None:
        """Drop everything behind the first `rows` rows.

        Raises:
            StorageFailedError: the disk failed.
        """
        if os.fstat(self._file).st_size > rows * self._row_bytes:
            with reporting_full_disk(self.path):
                os.ftruncate(self._file, rows * self._row_bytes)
                os.fsync(self._file)

    def give_up(self, rows: int) -> None:
        """Drop what a write that failed left behind `rows`, if the disk lets it.

        What stays harms nothing: no transaction refers to it, the next write overwrites it, and
        opening the collection cuts it off.
        """
        try:
            self.cut(rows)
        except (OSError, StorageFailedError, StorageFullError) as error:
            logger.warning("%s keeps rows of a write that failed: %s", self.path, error)

    def checksum(self, first: int, rows: int) -> int:
        """CRC-32 of `rows` rows from row `first`, as `append` gave it when they were written."""
        offset, left, crc32 = first * self._row_bytes, rows * self._row_bytes, 0
        while left and (content := os.pread(self._file, min(left, _BLOCK), offset)):
            crc32 = zlib.crc32(content, crc32)
            offset, left = offset + len(content), left - len(content)
        return crc32

    def fileno(self) -> int:
        """The descriptor of the open file, for reading it otherwise."""
        return self._file

    def close(self) -> None:
        """Give back the file; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write_all(self, view: memoryview, offset: int) -> None:
        while view:
            written = os.pwrite(self._file, view, offset)
            view, offset = view[written:], offset + written
