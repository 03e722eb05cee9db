"""Disk that stays free: what would take it is refused before it begins, or while it is written."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from indexing.errors import StorageFullError

if TYPE_CHECKING:
    from pathlib import Path

_LOOK_BYTES = 8 << 20
"""Written between two looks at what is free: others write to the disk as well."""


class Room:
    """What may be written to a disk; for one thread.

    Args:
        folder: on the disk; it is there.
        floor: bytes that have to stay free.
    """

    def __init__(self, folder: Path, floor: int = 0) -> None:
        self._folder = folder
        self._floor = floor
        self._unseen = 0

    def check(self, wanted: int) -> None:
        """Refuse to begin to write so many bytes.

        Raises:
            StorageFullError: less would stay free than has to.
        """
        free = shutil.disk_usage(self._folder).free
        if free - wanted < self._floor:
            message = (
                f"no room: {wanted:,} bytes are to be written and {free:,} are free, of which "
                f"{self._floor:,} have to stay so (MEARI_DISK_FLOOR); nothing of it was kept and "
                "everything acknowledged before is safe: make room and repeat it"
            )
            raise StorageFullError(message)

    def take(self, written: int) -> None:
        """Note that so many bytes more were written.

        Raises:
            StorageFullError: less is free than has to stay so.
        """
        self._unseen += written
        if self._unseen >= _LOOK_BYTES:
            self._unseen = 0
            self.check(0)
