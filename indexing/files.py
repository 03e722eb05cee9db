"""Writing files so that a crash or a full disk leaves the old one or the new one, never half."""

from __future__ import annotations

import errno
import logging
import os
import zlib
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from indexing.errors import StorageFailedError, StorageFullError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

logger = logging.getLogger(__name__)

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FAILED = {errno.EIO, errno.EROFS, errno.ENXIO, errno.ENODEV, errno.ESTALE, errno.ETIMEDOUT}
_BLOCK = 1 << 20


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the file's content; on return it is on disk.

    Raises:
        StorageFullError: the disk is full; the old file stands unchanged.
        StorageFailedError: the disk failed; the old file stands unchanged, or the new one whole.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path that takes the place of `path` when the block ends without an error.

    Raises:
        StorageFullError: the disk is full; the old file stands unchanged.
        StorageFailedError: the disk failed; the old file stands unchanged, or the new one whole.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with reporting_full_disk(path):
            yield temporary
            sync_file(temporary)
            temporary.replace(path)
            sync_folder(path.parent)
    except BaseException:
        with suppress(OSError):  # what went wrong first is what is told
            temporary.unlink(missing_ok=True)
        raise


def withdrawn(path: Path) -> bool:
    """Take back a file whose writing failed; False if it may stand, also after a crash."""
    try:
        path.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        logger.error("%s may stand, though its writing failed: %s", path, error)
        return False
    return True


def remove_temporary(folder: Path, name: str = "*") -> None:
    """Remove what `replacing` left in the folder where its process was killed.

    Args:
        folder: where; nobody replaces such a file in it now.
        name: of the file that was to be replaced; `*`: of any.
    """
    for path in folder.glob(f".{name}.*.tmp"):
        if path.name.rsplit(".", 2)[1].isdecimal():
            with suppress(OSError):
                path.unlink()


@contextmanager
def reporting_full_disk(path: Path) -> Iterator[None]:
    """Turn the errors of a disk that is full or fails into one sentence.

    Raises:
        StorageFullError: in place of ENOSPC, EDQUOT and EFBIG.
        StorageFailedError: in place of EIO, EROFS and their like.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise storage_full(path) from error
        if error.errno in _FAILED:
            raise storage_failed(path, error.strerror or str(error)) from error
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


def storage_failed(path: Path, reason: str) -> StorageFailedError:
    """The error for a disk that fails under `path`."""
    return StorageFailedError(
        f"the disk failed at {path.name} in {path.parent} ({reason}); everything acknowledged "
        "before is safe: see to the disk, then repeat this"
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
