"""One collection in the place of another, whole also after a crash.

A journal names the three names before anything moves; every step can be taken again, so whoever
finds it when the data folder is opened takes all of them.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from indexing.card import read_card, write_card
from indexing.errors import DamagedError, StorageFailedError, StorageFullError, reason
from indexing.files import remove_temporary, reporting_full_disk, sync_folder, write_atomically
from indexing.validation import check_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

logger = logging.getLogger(__name__)

JOURNAL = ".exchange.json"


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is to become of two collections of a data folder.

    Attributes:
        name: of the one that gives its name up.
        shadow: of the one that takes it.
        retired: the name that the first has from then on.
    """

    name: str
    shadow: str
    retired: str

    def commit(self, folder: Path) -> None:
        """Write the journal: from here on it happens, now or when the data folder is opened.

        Raises:
            StorageFullError: the disk is full; nothing happens once `withdrawn` says so.
            StorageFailedError: the disk failed; likewise.
        """
        write_atomically(folder / JOURNAL, json.dumps(asdict(self)).encode())

    def perform(self, folder: Path, step: Callable[[str], None] = lambda _: None) -> None:
        """Take every step that was not taken yet.

        Args:
            folder: the data folder.
            step: told the name of each before it is taken.

        Raises:
            StorageFullError, StorageFailedError: the disk does not let it; it can be called again.
        """
        try:
            with reporting_full_disk(folder / JOURNAL):
                self._take(folder, step)
        except (StorageFullError, StorageFailedError) as error:
            message = (
                f"collection {self.shadow!r} takes the name {self.name!r}, but the disk does not "
                f"let it end ({error.__cause__ or error}): see to the disk; the exchange "
                "is finished when the data folder is used next"
            )
            raise type(error)(message) from error

    def _take(self, folder: Path, step: Callable[[str], None]) -> None:
        name, shadow, retired = (folder / each for each in (self.name, self.shadow, self.retired))
        if shadow.exists() and name.exists():
            step("retire")
            name.rename(retired)
        if shadow.exists():
            step("place")
            shadow.rename(name)
        sync_folder(folder)
        for path in (name, retired):
            step(f"rename {path.name}")
            write_card(path, read_card(path).renamed(path.name))
        step("forget journal")
        (folder / JOURNAL).unlink(missing_ok=True)
        sync_folder(folder)


def finish_exchange(folder: Path, *, writable: bool) -> None:
    """Do what a crash kept from being done, if its journal was written.

    Raises:
        DamagedError: there is a journal that cannot be read, or the folder is only to be read.
        StorageFullError, StorageFailedError: the disk does not let it.
    """
    journal = folder / JOURNAL
    if writable:
        remove_temporary(folder, JOURNAL)
    if not journal.is_file():
        return
    if not writable:
        message = (
            f"{folder} is in the middle of an exchange of collections that was interrupted; open "
            "it for writing once (`meari serve` or `meari collections optimize` do) to finish it"
        )
        raise DamagedError(message)
    try:
        names = json.loads(journal.read_bytes())
        exchange = Exchange(**{key: check_name(name) for key, name in names.items()})
    except (ValueError, TypeError, AttributeError) as error:
        message = f"{journal} is not the journal of an exchange ({reason(error)}); restore a backup"
        raise DamagedError(message) from error
    logger.warning("%s: finishing an exchange of collections that was interrupted", folder)
    exchange.perform(folder)
