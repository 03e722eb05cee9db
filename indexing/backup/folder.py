"""A folder of backups: packs of blocks, and a manifest for each backup.

```
backups.json          the format of the folder
packs/SHA256.pack     blocks; see `packs`
manifests/ID.json     one a backup; see `manifest`
```
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, TypeVar

from indexing.backup.catalogue import Catalogue
from indexing.backup.manifest import is_id, read_manifest
from indexing.errors import (
    BackupNotFoundError,
    DamagedError,
    FolderLockedError,
    InvalidRequestError,
    reason,
)
from indexing.files import reporting_full_disk, sync_folder, write_atomically
from indexing.lock import LOCK_FILE, FolderLock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Self

    from indexing.backup.manifest import Manifest

T = TypeVar("T")

MARKER = "backups.json"
PACKS = "packs"
MANIFESTS = "manifests"
_FORMAT = 1


class BackupFolder:
    """A folder of backups that is there.

    Args:
        path: the folder.

    Raises:
        BackupNotFoundError: it is not there, or holds no backups.
        DamagedError: it is of a newer format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.packs = path / PACKS
        self._manifests = path / MANIFESTS
        marker = path / MARKER
        try:
            version = json.loads(marker.read_bytes())["format"]
        except (FileNotFoundError, NotADirectoryError) as error:
            message = f"no backups in {path}: it has no {MARKER}"
            raise BackupNotFoundError(message) from error
        except (ValueError, KeyError, TypeError) as error:
            message = f"{marker} does not say what the folder is ({reason(error)})"
            raise DamagedError(message) from error
        if version != _FORMAT:
            message = f"{path} has format {version}, this version reads {_FORMAT}; update Meari"
            raise DamagedError(message)

    @classmethod
    def create(cls, path: Path, *, beside: Path | None = None) -> Self:
        """The folder, made where it is missing.

        Args:
            path: the folder.
            beside: a data folder, of which it must not be a part.

        Raises:
            InvalidRequestError: something else is in it, or it is in the data folder.
        """
        if beside is not None and path.resolve().is_relative_to(beside.resolve()):
            message = (
                f"{path} is in the data folder {beside}, and would be lost with it; name a "
                "folder elsewhere, best on another disk"
            )
            raise InvalidRequestError(message, "to")
        if path.exists() and not path.is_dir():
            message = f"{path} is a file; name a folder for backups"
            raise InvalidRequestError(message, "to")
        if not (path / MARKER).exists():
            there = path.is_dir() and {each.name for each in path.iterdir()}
            if there and not there <= {LOCK_FILE, PACKS, MANIFESTS}:
                message = f"{path} holds other things; name a new or an empty folder for backups"
                raise InvalidRequestError(message, "to")
            with reporting_full_disk(path):
                for folder in (path, path / PACKS, path / MANIFESTS):
                    folder.mkdir(parents=True, exist_ok=True)
                write_atomically(path / MARKER, json.dumps({"format": _FORMAT}).encode())
                sync_folder(path.parent)
        return cls(path)

    @contextmanager
    def holding(self, mode: Literal["read", "write"]) -> Iterator[None]:
        """While the block runs nobody else changes the folder; `write` keeps readers out, too.

        Raises:
            FolderLockedError: somebody else does something that does not go together with it.
            StorageFullError, StorageFailedError: in place of the block's errors of a disk.
        """
        try:
            lock = FolderLock(self.path, mode, owner="backups")
        except FolderLockedError as error:
            holder = str(error).partition(";")[0]
            message = f"{holder}, which backs up, restores or tidies up; try again when it is done"
            raise FolderLockedError(message) from error
        try:
            with reporting_full_disk(self.packs):
                if mode == "write":
                    for left in (*self.packs.glob(".*.tmp"), *self._manifests.glob(".*.tmp")):
                        left.unlink(missing_ok=True)
                yield
        finally:
            lock.release()

    def catalogue(self) -> Catalogue:
        """Which blocks there are."""
        return Catalogue(self.packs)

    def ids(self) -> list[str]:
        """Ids of the backups, oldest first."""
        return sorted(path.stem for path in self._manifests.glob("*.json") if is_id(path.stem))

    def manifests(self) -> tuple[list[Manifest], dict[str, str]]:
        """The backups, oldest first; and by id what is wrong with those that cannot be read."""
        found: list[Manifest] = []
        problems: dict[str, str] = {}
        for id_ in self.ids():
            try:
                found.append(self.manifest(id_))
            except DamagedError as error:
                problems[id_] = str(error)
        return found, problems

    def manifest(self, id_: str) -> Manifest:
        """The backup of that id.

        Raises:
            BackupNotFoundError: there is none.
            DamagedError: its manifest cannot be read.
        """
        path = self._manifests / f"{id_}.json"
        if not is_id(id_) or not path.exists():
            there = ", ".join(self.ids()[-5:]) or "none"
            message = f"no backup {id_[:80]!r} in {self.path} (the latest: {there})"
            raise BackupNotFoundError(message)
        return read_manifest(path)

    def latest(self, name: str | None = None) -> Manifest:
        """The latest whole backup of the collection of that name; None: of the only one.

        Raises:
            BackupNotFoundError: there is none, or of several collections and no name is given.
        """
        found, problems = self.manifests()
        pairs = [(manifest.name, manifest) for manifest in found]
        return latest_of(pairs, name, str(self.path), unreadable=len(problems))

    def write(self, manifest: Manifest) -> None:
        """Let a backup be there; its blocks are on disk.

        Raises:
            StorageFullError: the disk is full; it is not there.
        """
        content = json.dumps(manifest.to_json(), ensure_ascii=False, indent=1)
        write_atomically(self._manifests / f"{manifest.id}.json", content.encode())

    def forget(self, id_: str) -> None:
        """Let a backup not be there any more; its blocks stay."""
        (self._manifests / f"{id_}.json").unlink()
        sync_folder(self._manifests)


def latest_of(
    found: Sequence[tuple[str, T]], name: str | None, place: str, *, unreadable: int = 0
) -> T:
    """The last backup of the collection of that name; None: of the only one.

    Args:
        found: backups with the names of their collections, oldest first.
        name: the collection's.
        place: where they are, for messages.
        unreadable: how many more there are, damaged.

    Raises:
        BackupNotFoundError: there is none, or of several collections and no name is given.
    """
    names = sorted({each for each, _ in found})
    if name is None and len(names) > 1:
        message = f"{place} holds backups of {', '.join(names)}; say which collection's (--of), or "
        raise BackupNotFoundError(f"{message}the id of one")
    fitting = [backup for each, backup in found if name in {None, each}]
    if not fitting:
        which = "" if name is None else f" of collection {name!r}"
        held = f"; it holds those of {', '.join(names)}" if names else ""
        damaged = f"; {unreadable} cannot be read" if unreadable else ""
        message = f"no backup{which} in {place}{held}{damaged}"
        raise BackupNotFoundError(message)
    return fitting[-1]
