"""Writing files so that a crash or a full disk leaves the old one or the new one, never half."""

from __future__ import annotations

import errno
import os
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from indexing.errors import StorageFullError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_BLOCK = 1 << 20


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the file's content; on return it is on disk.

    Raises:
        StorageFullError: the disk is full; the old file stands unchanged.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path that takes the place of `path` when the block ends without an error.

    Raises:
        StorageFullError: the disk is full; the old file stands unchanged.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with reporting_full_disk(path):
            yield temporary
            sync_file(temporary)
            temporary.replace(path)
            sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def reporting_full_disk(path: Path) -> Iterator[None]:
    """Turn the system's out-of-space errors into one sentence.

    Raises:
        StorageFullError: in place of ENOSPC, EDQUOT and EFBIG.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise storage_full(path) from error
        raise


def storage_full(path: Path) -> StorageFullError:
    """The error for a full disk under `path`, with the bytes that are left."""
    try:
        status = os.statvfs(path.parent)
        free = f"{status.f_bavail * status.f_frsize:,} bytes are free"
    except OSError:
        free = "free space unknown"
    return StorageFullError(
        f"no space to write {path.name} in {path.parent} ({free}); nothing of this write was "
        "kept and everything acknowledged before is safe: free some space and repeat it"
    )


def sync_file(path: Path) -> None:
    """Wait until the file's content is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the folder's entries (new, renamed, removed files) are on disk."""
    if os.name == "nt":  # Windows has no handle on a folder to flush
        return
    sync_file(folder)


def checksum_file(path: Path) -> int:
    """CRC-32 of the file's bytes; finds rot and cut files, not malice."""
    value = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            value = zlib.crc32(block, value)
    return value
