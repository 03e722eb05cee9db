"""One process owns a folder; the lock file says who."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Literal

from indexing.errors import FolderLockedError

if TYPE_CHECKING:
    from pathlib import Path

LOCK_FILE = ".lock"


class FolderLock:
    """An advisory lock on a folder: many readers or one writer, freed when the process ends.

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

        self._path = folder / LOCK_FILE
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        operation = fcntl.LOCK_EX if mode == "write" else fcntl.LOCK_SH
        try:
            fcntl.flock(self._file, operation | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = self._describe_holder(folder)
            os.close(self._file)
            raise FolderLockedError(message) from error
        self._sign(owner)

    def release(self) -> None:
        """Free the lock; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _sign(self, owner: str) -> None:
        signature = json.dumps({"pid": os.getpid(), "owner": owner}).encode()
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, signature, 0)

    def _describe_holder(self, folder: Path) -> str:
        try:
            holder = json.loads(os.pread(self._file, 4096, 0))
            who = f"process {holder['pid']} ({holder['owner']})"
        except (ValueError, KeyError, TypeError):
            who = "another process"
        return (
            f"{folder} is in use by {who}; stop it, or speak to its server with --url, "
            "or choose another folder with --data"
        )
