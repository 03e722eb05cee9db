"""Backing up: what the folder does not hold yet goes into packs, then a manifest names it all."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from indexing.backup.catalogue import Known, as_digests
from indexing.backup.cut import Cut
from indexing.backup.manifest import LIST_BLOCKS, Manifest, StoredFile
from indexing.backup.packs import PACK_BYTES, Packing, PackWriter
from indexing.room import Room

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from indexing.backup.catalogue import Catalogue
    from indexing.backup.cut import CutFile
    from indexing.backup.folder import BackupFolder
    from indexing.local import LocalCollection


class Told(Protocol):
    """Called now and then by long work; may raise to stop it."""

    def __call__(self, stage: str, done: int, total: int, /) -> None:
        """Take note of the stage, and how many of its steps are done."""


def untold(stage: str, done: int, total: int) -> None:
    """Nobody wants to know."""
    del stage, done, total


def back_up(
    collection: LocalCollection, folder: BackupFolder, told: Told = untold, *, floor: int = 0
) -> Manifest:
    """Keep a collection as it is now; what the folder holds already is not written again.

    Everything acknowledged before the call is in the backup, and of what is written meanwhile
    nothing or a first part, in the order of writing. Until the backup is whole nothing of it shows,
    and the others stay as they are.

    Args:
        collection: others may search and write meanwhile.
        folder: takes it; room for a copy of `documents.sqlite` is needed meanwhile.
        told: hears of bytes read.
        floor: bytes of the folder's disk that have to stay free.

    Raises:
        FolderLockedError: somebody else changes the folder.
        DamagedError: what is to be kept is damaged already.
        StorageFullError: the disk is full, or less of it would stay free.
    """
    with Cut(collection) as cut:
        return keep(cut, folder, told, floor=floor)


def keep(
    cut: Cut,
    folder: BackupFolder,
    told: Told = untold,
    *,
    floor: int = 0,
    permitted: Callable[[], object] = lambda: None,
) -> Manifest:
    """`back_up` of a moment that was taken before.

    Args:
        cut: the moment.
        folder: as for `back_up`.
        told: likewise.
        floor: likewise.
        permitted: called once before the backup is there; may raise to stop it.
    """
    began = time.monotonic()
    with folder.holding("write"):
        told("checking", 0, 1)
        cut.check_vectors()
        catalogue = folder.catalogue()
        room = Room(folder.packs, floor)
        blocks = BlockWriter(folder.packs, catalogue, room)
        try:
            keeping = _Keeping(blocks, told)
            files = [keeping.keep(file) for file in cut.files(folder.packs, room)]
            blocks.finish()
            permitted()
        except BaseException:
            blocks.abandon()
            raise
        finally:
            catalogue.close()
        now = datetime.now(UTC)
        manifest = Manifest(
            id=f"{now:%Y%m%dT%H%M%S%fZ}-{os.urandom(2).hex()}",
            created=f"{now:%Y-%m-%dT%H:%M:%SZ}",
            card=cut.card,
            documents=cut.documents,
            version=cut.version,
            files=tuple(files),
            written=blocks.written,
            seconds=round(time.monotonic() - began, 3),
        )
        folder.write(manifest)
        return manifest


class BlockWriter:
    """Writes blocks that are not there yet into new packs.

    Args:
        folder: of the packs.
        catalogue: what is there.
        room: on the folder's disk.

    Attributes:
        written: bytes of new packs.
    """

    def __init__(self, folder: Path, catalogue: Catalogue, room: Room) -> None:
        self._folder = folder
        self._room = room
        self._known = Known(catalogue)
        self._packing = Packing()
        self._pack: PackWriter | None = None
        self._finished: list[Path] = []
        self.written = 0

    def put(self, contents: list[bytes]) -> bytes:
        """Have the blocks; gives their names, one behind the other.

        Raises:
            StorageFullError: the disk is full, or less of it is free than has to stay so.
        """
        names = [hashlib.sha256(content).digest() for content in contents]
        for place in self._known.unknown(as_digests(names)):
            if self._pack is None:
                self._pack = PackWriter(self._folder)
            packed = self._packing.pack(names[place], contents[place])
            self._pack.add(packed)
            self._room.take(len(packed.frame))
            if self._pack.bytes >= PACK_BYTES:
                self.finish()
        return b"".join(names)

    def finish(self) -> None:
        """Have all that was put on disk.

        Raises:
            StorageFullError: the disk is full.
        """
        if self._pack is not None:
            pack, self._pack = self._pack, None
            path = pack.finish()
            self._finished.append(path)
            self.written += path.stat().st_size

    def abandon(self) -> None:
        """Take back all that was written."""
        if self._pack is not None:
            self._pack.abandon()
        for path in self._finished:
            with suppress(OSError):
                path.unlink()


class _Keeping:
    """Keeps one file after the other."""

    def __init__(self, blocks: BlockWriter, told: Told) -> None:
        self._blocks = blocks
        self._told = told

    def keep(self, file: CutFile) -> StoredFile:
        stage = file.path.partition("/")[0]
        lists: list[bytes] = []
        waiting: list[bytes] = []
        names = b""
        done = 0
        at_once = max(1, min(LIST_BLOCKS, (8 << 20) // file.block))
        for content in file.blocks():
            waiting.append(content)
            done += len(content)
            if len(waiting) == at_once or done == file.size:
                names += self._blocks.put(waiting)
                waiting = []
                self._told(stage, done, file.size)
            while len(names) >= 32 * LIST_BLOCKS:
                lists.append(self._blocks.put([names[: 32 * LIST_BLOCKS]]))
                names = names[32 * LIST_BLOCKS :]
        if names:
            lists.append(self._blocks.put([names]))
        return StoredFile(file.path, file.size, file.block, tuple(lists))
