"""One process owns a folder; the lock file says who."""

from __future__ import annotations

import errno
import json
import logging
import os
from typing import TYPE_CHECKING, Literal

from indexing.errors import FolderLockedError
from indexing.files import reporting_full_disk

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

LOCK_FILE = ".lock"
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


class FolderLock:
    """An advisory lock on a folder: many readers or one writer, freed when the process ends.

    Where a reader may not write to the folder, it shares the lock file that is there, or else the
    folder itself: on a read-only disk there are no writers.

    Args:
        folder: an existing folder.
        mode: `read` shares, `write` excludes.
        owner: who holds it, for the message others get (`meari serve at http://...`).

    Raises:
        FolderLockedError: somebody else holds it; the message names the pid.
    """

    def __init__(
        self, folder: Path, mode: Literal["read", "write"], *, owner: str = "meari"
    ) -> None:
        import fcntl

        self._file, writable = _open(folder, mode)
        operation = fcntl.LOCK_EX if mode == "write" else fcntl.LOCK_SH
        try:
            fcntl.flock(self._file, operation | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = self._describe_holder(folder)
            os.close(self._file)
            raise FolderLockedError(message) from error
        if writable and (mode == "write" or self._holder() is None):
            try:
                self._sign(owner)
            except OSError as error:  # a full disk must not keep its owner from making room
                logger.warning("%s is locked and does not say by whom: %s", folder, error)

    def release(self) -> None:
        """Free the lock; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _sign(self, owner: str) -> None:
        signature = json.dumps({"pid": os.getpid(), "owner": owner}).encode()
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, signature, 0)

    def _holder(self) -> tuple[int, str] | None:
        """Process and owner that signed, if that process is still there."""
        try:
            holder = json.loads(os.pread(self._file, 4096, 0))
            pid, owner = int(holder["pid"]), str(holder["owner"])
            os.kill(pid, 0)
        except PermissionError:  # there, and another user's
            return pid, owner
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return pid, owner

    def _describe_holder(self, folder: Path) -> str:
        pid, owner = self._holder() or (None, "")
        who = "another process" if pid is None else f"process {pid} ({owner})"
        speak = "speak to its server with --url, " if " at http" in owner else ""
        return f"{folder} is in use by {who}; stop it, {speak}or choose another folder with --data"


def _open(folder: Path, mode: Literal["read", "write"]) -> tuple[int, bool]:
    """A descriptor to lock, and whether it can be written to."""
    path = folder / LOCK_FILE
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), True
    except OSError as error:
        if mode == "write" or error.errno not in _READ_ONLY:
            with reporting_full_disk(path):
                raise
    there = path if path.exists() else folder
    return os.open(there, os.O_RDONLY | os.O_CLOEXEC), False
