"""Disk that stays free: backups and what comes back of them leave it, or nothing."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import indexing.room
from indexing.backup.drill import drill
from indexing.backup.making import back_up
from indexing.backup.restoring import restore
from indexing.data_folder import DataFolder
from indexing.errors import StorageFullError
from indexing.types import Document
from tests.indexing.backup.numbered import files

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.backup.folder import BackupFolder
    from indexing.local import LocalCollection


def test_what_would_leave_too_little_free_is_not_begun(
    data: DataFolder, collection: LocalCollection, backups: BackupFolder
) -> None:
    before = files(backups.path)
    # More than there is, for tests beside this one give some of the disk back meanwhile.
    floor = shutil.disk_usage(backups.path).free + (4 << 30)
    with pytest.raises(StorageFullError, match=f"{floor:,} have to stay so"):
        back_up(collection, backups, floor=floor)
    assert files(backups.path) == before
    manifest = back_up(collection, backups)
    with pytest.raises(StorageFullError, match=f"no room: {manifest.bytes:,} bytes"):
        restore(backups, manifest, data.path, "again", floor=floor)
    with pytest.raises(StorageFullError, match="MEARI_DISK_FLOOR"):
        drill(backups, manifest, data.path, collection, floor=floor)
    assert sorted(path.name for path in data.path.iterdir()) == [".lock", "help"]


def test_what_becomes_too_little_while_it_is_written_leaves_nothing(
    data: DataFolder,
    collection: LocalCollection,
    backups: BackupFolder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Others fill the disk meanwhile."""
    monkeypatch.setattr(indexing.room, "_LOOK_BYTES", 1000)
    filled: list[Path] = []

    def fill(stage: str, done: int, total: int) -> None:
        if not filled and done:
            path = data.path.parent / "filler"
            path.write_bytes(bytes(64 << 20))
            filled.append(path)

    def floor() -> int:
        for path in filled:
            path.unlink()
        filled.clear()
        return shutil.disk_usage(backups.path).free - (32 << 20)

    before = files(backups.path)
    with pytest.raises(StorageFullError, match="0 bytes are to be written"):
        back_up(collection, backups, fill, floor=floor())
    assert filled
    assert files(backups.path) == before
    manifest = back_up(collection, backups, floor=floor())
    with pytest.raises(StorageFullError, match="0 bytes are to be written"):
        restore(backups, manifest, data.path, "again", told=fill, floor=floor())
    assert filled
    assert sorted(path.name for path in data.path.iterdir()) == [".lock", "help"]


def test_documents_that_would_take_it_are_refused_unencoded(
    data: DataFolder, collection: LocalCollection
) -> None:
    data.close()
    with DataFolder.open(data.path, maintain=False, disk_floor=1 << 62) as full:
        held = full.collection("help")
        with pytest.raises(StorageFullError, match="128 bytes are to be written"):
            held.add([Document("new", "a text")])
        assert held.count() == 200
        assert held.delete(["3"]) == 1
