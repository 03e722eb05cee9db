"""Letting backups go, and finding and mending damage in their folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from indexing.backup.checking import check
from indexing.backup.making import back_up
from indexing.backup.packs import PackWriter
from indexing.backup.pruning import prune
from indexing.backup.restoring import restore
from indexing.errors import DamagedError, InvalidRequestError, StorageFullError
from tests.indexing.backup.numbered import contents, numbered

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.backup.folder import BackupFolder
    from indexing.data_folder import DataFolder
    from indexing.local import LocalCollection


def size(folder: BackupFolder) -> int:
    return sum(path.stat().st_size for path in folder.packs.iterdir())


def hurt(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(content)


def test_the_newest_of_each_collection_stay(
    data: DataFolder, collection: LocalCollection, backups: BackupFolder
) -> None:
    other = data.create("other", encoder="hash:8")
    other.add([numbered(1)])
    old = back_up(other, backups)
    made = [back_up(collection, backups)]
    for version in (1, 2, 3):
        collection.add([numbered(number, version) for number in range(200)])
        made.append(back_up(collection, backups))
    moment = contents(collection)
    before = size(backups)
    pruned = prune(backups, 2)
    assert pruned.removed == tuple(manifest.id for manifest in made[:2])
    assert pruned.kept == (old.id, made[2].id, made[3].id)
    assert pruned.freed == before - size(backups) > 0
    assert check(backups).ok
    restore(backups, made[3], data.path, "again")
    assert contents(data.collection("again")) == moment
    assert restore(backups, old, data.path, "other-again").documents == 1
    assert prune(backups, 2).freed == 0
    assert prune(backups, 1, name="help").removed == (made[2].id,)


def test_a_pack_of_which_little_is_needed_is_written_anew(
    data: DataFolder, collection: LocalCollection, backups: BackupFolder
) -> None:
    collection.add([numbered(number) for number in range(200, 1000)])
    first = back_up(collection, backups)
    collection.delete([str(number) for number in range(40, 1000)])
    collection.optimize()
    second = back_up(collection, backups)
    prune(backups, 1)
    assert size(backups) < first.written / 2
    assert restore(backups, second, data.path, "again").documents == 40


def test_pruning_stops_where_it_cannot_know(
    collection: LocalCollection, backups: BackupFolder
) -> None:
    first = back_up(collection, backups)
    back_up(collection, backups)
    (backups.path / "manifests" / f"{first.id}.json").write_text("{")
    with pytest.raises(DamagedError, match=rf"{first.id}.*nothing was removed"):
        prune(backups, 1)
    assert len(backups.ids()) == 2
    with pytest.raises(InvalidRequestError, match="keep is 0"):
        prune(backups, 0)


def test_pruning_that_finds_no_room_keeps_what_is_needed(
    data: DataFolder,
    collection: LocalCollection,
    backups: BackupFolder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    collection.add([numbered(number) for number in range(200, 1000)])
    back_up(collection, backups)
    collection.delete([str(number) for number in range(40, 1000)])
    second = back_up(collection, backups)

    def refuse(self: PackWriter) -> None:
        self.abandon()
        raise StorageFullError("no space")

    monkeypatch.setattr(PackWriter, "finish", refuse)
    with pytest.raises(StorageFullError):
        prune(backups, 1)
    assert not list(backups.packs.glob(".*"))
    assert restore(backups, second, data.path, "again").documents == 40


def test_a_whole_folder_is_told_so(collection: LocalCollection, backups: BackupFolder) -> None:
    manifest = back_up(collection, backups)
    report = check(backups)
    assert report.ok
    assert report.whole == (manifest.id,)
    assert report.blocks > 10
    assert (report.broken, report.problems, report.repaired) == ({}, (), ())


def test_damage_is_found_and_the_next_backup_heals_it(
    data: DataFolder, collection: LocalCollection, backups: BackupFolder
) -> None:
    first = back_up(collection, backups)
    (largest,) = backups.packs.glob("*.pack")
    collection.add([numbered(number, 1) for number in range(100)])
    second = back_up(collection, backups)
    hurt(largest, largest.stat().st_size // 4)
    report = check(backups)
    assert not report.ok
    assert first.id in report.broken
    assert "block" in report.broken[first.id][0]
    assert "damaged" in report.problems[0]
    mended = check(backups, repair=True)
    assert mended.repaired == (f"{largest.name}: written anew without 1 damaged blocks",)
    assert not mended.ok
    again = check(backups)
    assert again.problems == ()
    assert again.broken.keys() == report.broken.keys()
    third = back_up(collection, backups)
    assert third.id in check(backups).whole
    if second.id in report.broken:  # what it had lost is there again
        assert second.id in check(backups).whole


def test_a_pack_without_its_table_is_taken_away(
    collection: LocalCollection, backups: BackupFolder
) -> None:
    manifest = back_up(collection, backups)
    (path,) = backups.packs.glob("*.pack")
    hurt(path, path.stat().st_size - 1)
    assert "not a whole pack" in check(backups).problems[0]
    report = check(backups, repair=True)
    assert report.repaired == (f"{path.name}: removed, for its table cannot be read",)
    assert back_up(collection, backups).written > 0
    assert manifest.id in check(backups).whole


def test_a_repair_that_cannot_know_what_is_needed_says_so(
    collection: LocalCollection, backups: BackupFolder
) -> None:
    first = back_up(collection, backups)
    (path,) = backups.packs.glob("*.pack")
    hurt(path, path.stat().st_size // 4)
    (backups.path / "manifests" / f"{first.id}.json").write_text("{")
    before = path.read_bytes()
    report = check(backups, repair=True)
    assert (report.ok, report.repaired) == (False, ())
    assert report.problems[-1].startswith("nothing was taken out")
    assert first.id in report.problems[-1]
    assert path.read_bytes() == before
