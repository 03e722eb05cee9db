"""Restoring: every byte is checked before a collection appears under its new name."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexing.backup.making import untold
from indexing.backup.manifest import TRUTH
from indexing.backup.reading import locate
from indexing.card import write_card
from indexing.data_folder import ASIDE, adopted
from indexing.errors import CollectionExistsError, DamagedError
from indexing.files import reporting_full_disk, sync_file, sync_folder
from indexing.local import LocalCollection
from indexing.room import Room
from indexing.validation import check_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from indexing.backup.folder import BackupFolder
    from indexing.backup.making import Told
    from indexing.backup.manifest import Manifest
    from indexing.verification import VerifyReport

_WORDS = "lexical index"


@dataclass(frozen=True, slots=True)
class Restored:
    """A collection that was brought back.

    Attributes:
        name: its name.
        backup: id of what it was made from.
        documents: in it.
        warnings: what of it cannot be used here, one sentence each.
    """

    name: str
    backup: str
    documents: int
    warnings: tuple[str, ...]


def restore(
    folder: BackupFolder,
    manifest: Manifest,
    data: Path,
    name: str,
    *,
    rebuild: bool = False,
    adopt: Callable[[Path, str], None] | None = None,
    told: Told = untold,
    floor: int = 0,
) -> Restored:
    """Bring a collection back under a name that is free.

    Args:
        folder: of the backups.
        manifest: which of them.
        data: the data folder, which the caller owns.
        name: the collection's from now on.
        rebuild: take documents and vectors alone from the backup, and make indexes anew.
        adopt: lets the folder be the collection of that name; see `DataFolder.adopt`.
        told: hears of bytes written.
        floor: bytes of the data folder's disk that have to stay free.

    Raises:
        CollectionExistsError: there is a collection of that name.
        InvalidNameError: no collection can have it.
        DamagedError: blocks are missing or damaged, or what they make is no whole collection.
        StorageFullError: the disk cannot hold it, or less would stay free than has to.
        FolderLockedError: somebody changes the backups.
    """
    name = check_name(name)
    target = data / name
    if target.exists():
        message = f"collection {name!r} exists already; restore under another name, or drop it"
        raise CollectionExistsError(message)
    bringing = restored_aside(folder, manifest, data, name, rebuild=rebuild, told=told, floor=floor)
    with bringing as (aside, report):
        if adopt is not None:
            adopt(aside, name)
        else:
            adopted(aside, target)
    return Restored(name, manifest.id, report.documents, report.problems)


@contextmanager
def restored_aside(
    folder: BackupFolder,
    manifest: Manifest,
    data: Path,
    name: str,
    *,
    rebuild: bool = False,
    told: Told = untold,
    floor: int = 0,
) -> Iterator[tuple[Path, VerifyReport]]:
    """A whole, checked collection in a hidden folder, which goes when the block ends.

    Gives where it is, and the report about it: its problems are no faults of the collection.

    Raises:
        As `restore`.
    """
    aside = data / f"{ASIDE}{name}-{os.getpid()}-{os.urandom(4).hex()}"
    try:
        with folder.holding("read"):
            room = Room(data, floor)
            _write(folder, manifest, aside, room, rebuild=rebuild, told=told)
        write_card(aside, manifest.card.renamed(name))
        yield aside, _checked(aside, manifest, told)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _write(
    folder: BackupFolder,
    manifest: Manifest,
    aside: Path,
    room: Room,
    *,
    rebuild: bool,
    told: Told,
) -> None:
    """The files of the backup, on disk."""
    catalogue = folder.catalogue()
    try:
        located, problems = locate(manifest, catalogue)
        if rebuild:
            located = [each for each in located if each.file.path in TRUTH]
            problems = [each for each in problems if each.partition(":")[0] in TRUTH]
        if problems:
            message = f"backup {manifest.id} is not whole: {'; '.join(problems[:10])}"
            raise DamagedError(f"{message}{_packs(catalogue.problems)}")
        total = sum(each.file.size for each in located)
        room.check(total)
        aside.mkdir()
        done = 0
        for each in located:
            path = aside / each.file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            with reporting_full_disk(path):
                with path.open("xb") as file:
                    for content in each.blocks(catalogue):
                        file.write(content)
                        done += len(content)
                        room.take(len(content))
                        told("writing", done, total)
                sync_file(path)
        for below in sorted({path.parent for path in aside.rglob("*")}):
            sync_folder(below)
    except DamagedError as error:
        message = f"backup {manifest.id}: {error}"
        raise error if manifest.id in str(error) else DamagedError(message) from error
    finally:
        catalogue.close()


def _packs(problems: dict[Path, str]) -> str:
    return "".join(f"; {problem}" for problem in list(problems.values())[:3])


def _checked(aside: Path, manifest: Manifest, told: Told) -> VerifyReport:
    """What `verify` says of the restored files, once indexes that were left out are made.

    Raises:
        DamagedError: they are no whole collection.
    """
    told("checking", 0, 1)
    with LocalCollection.open(aside, locked=True, maintain=False) as collection:
        if collection.storage.figures().planned != collection.storage.figures().kind:
            collection.storage.reseal()
        report = collection.verify()
        documents = collection.count()
        made = collection.card.to_json()
    told("checking", 1, 1)
    wrong = [problem for problem in report.problems if not problem.startswith(_WORDS)]
    if documents != manifest.documents:
        wrong.append(f"it holds {documents:,} documents, not {manifest.documents:,}")
    if made != manifest.card.renamed(made["name"]).to_json():
        wrong.append("its card is another than the backup's")
    if wrong:
        message = f"backup {manifest.id} makes no whole collection: {'; '.join(wrong[:10])}"
        raise DamagedError(message)
    return report
