"""Putting the files of a new generation in the place of the old ones, whole also after a crash.

A journal names every step before the first is taken. Each step can be taken again, so whoever
finds the journal when a folder is opened takes all of them.
"""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from indexing.errors import DamagedError, reason
from indexing.files import reporting_full_disk, sync_folder, write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

logger = logging.getLogger(__name__)

JOURNAL = "swap.json"
COMPACTED = "compacted"
RETIRED = "retired"
"""With a number behind it: where the files of an earlier generation wait for their last reader."""


@dataclass(frozen=True, slots=True)
class Swap:
    """What is to be done in a folder, in this order.

    Attributes:
        remove: names of files and folders that go before any new one comes.
        move: pairs of names: a file or folder in `compacted/`, and the name it takes; what has
            that name goes.
        retired: name of the folder that takes what goes.
    """

    remove: tuple[str, ...]
    move: tuple[tuple[str, str], ...]
    retired: str

    def commit(self, folder: Path) -> None:
        """Write the journal: from here on the swap happens, now or when the folder is opened.

        Raises:
            StorageFullError: the disk is full; nothing happens once `withdrawn` says so.
            StorageFailedError: the disk failed; likewise.
        """
        with reporting_full_disk(folder / COMPACTED):
            sync_folder(folder / COMPACTED)
        write_atomically(folder / JOURNAL, json.dumps(asdict(self), indent=2).encode())

    def perform(self, folder: Path, step: Callable[[str], None] = lambda _: None) -> None:
        """Take every step that was not taken yet.

        Args:
            folder: the collection's.
            step: told the name of each file before it is touched.

        Raises:
            StorageFullError, StorageFailedError: the disk does not let it; it can be called again.
        """
        with reporting_full_disk(folder / JOURNAL):
            retired = folder / self.retired
            retired.mkdir(exist_ok=True)
            placed = {new for old, new in self.move if not (folder / COMPACTED / old).exists()}
            for name in self.remove:
                # What SQLite keeps beside a file that was placed already is that file's own.
                if name.removesuffix("-wal").removesuffix("-shm") not in placed:
                    step(f"remove {name}")
                    _set_aside(folder / name, retired)
            for source, target in self.move:
                new = folder / COMPACTED / source
                if new.exists():
                    step(f"retire {target}")
                    _set_aside(folder / target, retired)
                    step(f"place {target}")
                    new.rename(folder / target)
            sync_folder(folder)
            step("forget journal")
            (folder / JOURNAL).unlink()
            sync_folder(folder)


def finish_swap(folder: Path, *, writable: bool) -> None:
    """What a crash left behind is done, if its journal was written, or cleared away.

    Raises:
        DamagedError: there is a journal that cannot be read, or the folder is only to be read.
        StorageFullError, StorageFailedError: the disk does not let it; it goes on next time.
    """
    journal = folder / JOURNAL
    if journal.is_file():
        if not writable:
            message = (
                f"{folder} is in the middle of a compaction that was interrupted; open it for "
                "writing once (`meari collections verify` does) to finish it"
            )
            raise DamagedError(message)
        logger.warning("%s: finishing a compaction that was interrupted", folder)
        _read(journal).perform(folder)
    if writable:
        clear(folder)


def clear(folder: Path) -> None:
    """Remove the leavings of a compaction that is finished or was given up."""
    for path in (folder / COMPACTED, *folder.glob(f"{RETIRED}-*")):
        shutil.rmtree(path, ignore_errors=True)


def _read(journal: Path) -> Swap:
    try:
        data = json.loads(journal.read_bytes())
        move = tuple((source, target) for source, target in data["move"])
        return Swap(tuple(data["remove"]), move, data["retired"])
    except (ValueError, KeyError, TypeError) as error:
        told = f"{journal} is not the journal of a compaction ({reason(error)})"
        message = f"{told}; restore a backup"
        raise DamagedError(message) from error


def _set_aside(path: Path, folder: Path) -> None:
    if path.is_dir():
        shutil.rmtree(folder / path.name, ignore_errors=True)
    if path.exists():
        path.rename(folder / path.name)
