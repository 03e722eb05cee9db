"""Bringing collections back, and refusing what is not whole or not a backup at all."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

import indexing.room
from indexing.backup.folder import BackupFolder
from indexing.backup.making import back_up
from indexing.backup.restoring import restore
from indexing.errors import (
    BackupNotFoundError,
    CollectionExistsError,
    DamagedError,
    InvalidNameError,
    StorageFullError,
)
from tests.indexing.backup.numbered import contents, numbered

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from indexing.backup.manifest import Manifest
    from indexing.data_folder import DataFolder
    from indexing.local import LocalCollection


@pytest.fixture
def manifest(collection: LocalCollection, backups: BackupFolder) -> Manifest:
    return back_up(collection, backups)


def change_manifest(
    backups: BackupFolder, id_: str, change: Callable[[dict[str, Any]], None]
) -> None:
    """As who writes manifests could: with a checksum that is right."""
    path = backups.path / "manifests" / f"{id_}.json"
    data = json.loads(path.read_bytes())
    data.pop("sha256")
    change(data)
    content = json.dumps(data, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    data["sha256"] = hashlib.sha256(content.encode()).hexdigest()
    path.write_text(json.dumps(data))


def there(data: DataFolder) -> list[str]:
    return sorted(path.name for path in data.path.iterdir())


def hurt_pack(backups: BackupFolder, place: int = 2000) -> Path:
    path = max(backups.packs.glob("*.pack"), key=lambda path: path.stat().st_size)
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(content)
    return path


def test_names_that_are_taken_or_impossible(
    data: DataFolder, backups: BackupFolder, manifest: Manifest
) -> None:
    with pytest.raises(CollectionExistsError, match="restore under another name"):
        restore(backups, manifest, data.path, "help")
    for name in ("../up", "a/b", ".hidden", ""):
        with pytest.raises(InvalidNameError):
            restore(backups, manifest, data.path, name)
    assert data.names() == ["help"]


def test_a_name_taken_meanwhile_keeps_what_took_it(
    data: DataFolder, backups: BackupFolder, manifest: Manifest
) -> None:
    def told(stage: str, done: int, total: int) -> None:
        if (stage, done) == ("checking", 1):
            data.create("again", encoder="hash:8")

    with pytest.raises(CollectionExistsError, match="made meanwhile"):
        restore(backups, manifest, data.path, "again", told=told)
    assert data.collection("again").count() == 0
    assert there(data) == [".lock", "again", "help"]


def test_damaged_blocks_are_told_with_their_file_and_nothing_appears(
    data: DataFolder, backups: BackupFolder, manifest: Manifest
) -> None:
    hurt_pack(backups)
    with pytest.raises(DamagedError, match=rf"{manifest.id}.*documents\.sqlite.*damaged"):
        restore(backups, manifest, data.path, "again")
    assert there(data) == [".lock", "help"]


def test_missing_blocks_are_told_with_their_file(
    data: DataFolder, collection: LocalCollection, backups: BackupFolder, manifest: Manifest
) -> None:
    packs = set(backups.packs.glob("*.pack"))
    collection.add([numbered(300)])
    second = back_up(collection, backups)
    for path in set(backups.packs.glob("*.pack")) - packs:
        path.unlink()
    with pytest.raises(DamagedError, match=r"documents\.sqlite: 1 blocks are missing \([0-9a-f]"):
        restore(backups, second, data.path, "again")
    assert restore(backups, manifest, data.path, "again").documents == 200


def test_a_pack_that_was_cut_is_told(
    data: DataFolder, backups: BackupFolder, manifest: Manifest
) -> None:
    (path,) = backups.packs.glob("*.pack")
    content = path.read_bytes()
    for left in (0, 10, len(content) - 60, len(content) - 1):
        path.write_bytes(content[:left])
        with pytest.raises(DamagedError, match="not a whole pack"):
            restore(backups, manifest, data.path, "again")


def _file(number: int, **values: object) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["files"][number].update(values)


_WRONG: dict[str, Callable[[dict[str, Any]], object]] = {
    "above": _file(2, path="../wish.json"),
    "absolute": _file(2, path="/etc/passwd"),
    "inside": _file(2, path="lexical/../../x"),
    "dots": _file(2, path="lexical/.."),
    "hidden": _file(2, path=".lock"),
    "backslash": _file(2, path="lexical\\x"),
    "newline": _file(2, path="wish.json\n"),
    "number": _file(2, path=7),
    "twice": lambda data: data["files"].append(data["files"][0]),
    "absurd size": _file(1, size=1 << 60),
    "negative size": _file(1, size=-1),
    "true size": _file(1, size=True),
    "other size": _file(1, size=1 << 40),
    "tiny blocks": _file(1, block=1),
    "no blocks": _file(1, block=0),
    "large blocks": _file(1, block=1 << 30),
    "lists": _file(1, lists=["../../x"]),
    "no lists": _file(1, lists=[]),
    "no vectors": lambda data: data["files"].pop(1),
    "files": lambda data: data.update(files={"a": 1}),
    "id": lambda data: data.update(id="20200101T000000000000Z-0000"),
    "name": lambda data: data["card"].update(name="../x"),
    "metric": lambda data: data["card"].update(metric="taxi"),
    "documents": lambda data: data.update(documents="many"),
    "newer": lambda data: data.update(format=2),
    "no format": lambda data: data.pop("format"),
    "deep": lambda data: data.update(files=json.loads("[" * 500 + "]" * 500)),
}


def test_what_no_backup_says_is_refused(backups: BackupFolder, manifest: Manifest) -> None:
    path = backups.path / "manifests" / f"{manifest.id}.json"
    content = path.read_bytes()
    for wrong, change in _WRONG.items():
        change_manifest(backups, manifest.id, change)
        told = "update Meari" if wrong == "newer" else "not the manifest of a whole backup"
        with pytest.raises(DamagedError, match=told):
            backups.manifest(manifest.id)
        path.write_bytes(content)
    assert backups.manifest(manifest.id) == manifest


def test_a_manifest_that_was_changed_is_refused(backups: BackupFolder, manifest: Manifest) -> None:
    path = backups.path / "manifests" / f"{manifest.id}.json"
    path.write_text(path.read_text().replace('"documents": 200', '"documents": 100'))
    with pytest.raises(DamagedError, match="checksum is wrong"):
        backups.manifest(manifest.id)
    found, problems = backups.manifests()
    assert (found, list(problems)) == ([], [manifest.id])


def test_a_manifest_that_is_none_is_refused(backups: BackupFolder, manifest: Manifest) -> None:
    for content in (b"", b"[]", b"{", b"\xff", b"[" * 100_000):
        (backups.path / "manifests" / f"{manifest.id}.json").write_bytes(content)
        with pytest.raises(DamagedError, match="not the manifest"):
            backups.manifest(manifest.id)


def test_links_are_not_followed(
    data: DataFolder, backups: BackupFolder, manifest: Manifest, tmp_path: Path
) -> None:
    path = backups.path / "manifests" / f"{manifest.id}.json"
    path.rename(tmp_path / "manifest.json")
    path.symlink_to(tmp_path / "manifest.json")
    with pytest.raises(DamagedError, match="link"):
        backups.manifest(manifest.id)
    (pack,) = backups.packs.glob("*.pack")
    pack.rename(tmp_path / "blocks.pack")
    pack.symlink_to(tmp_path / "blocks.pack")
    with pytest.raises(DamagedError, match="cannot be read"):
        restore(backups, manifest, data.path, "again")


def test_a_backup_of_other_documents_than_it_says_is_refused(
    data: DataFolder, backups: BackupFolder, manifest: Manifest
) -> None:
    change_manifest(backups, manifest.id, lambda found: found.update(documents=199))
    with pytest.raises(DamagedError, match="holds 200 documents, not 199"):
        restore(backups, backups.manifest(manifest.id), data.path, "again")
    assert data.names() == ["help"]


def test_too_little_room_is_told_before_anything_is_written(
    data: DataFolder,
    backups: BackupFolder,
    manifest: Manifest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(indexing.room.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(StorageFullError, match=f"{manifest.bytes:,} bytes .* 1,000 are free"):
        restore(backups, manifest, data.path, "again")
    assert there(data) == [".lock", "help"]


def test_indexes_can_be_made_anew(
    data: DataFolder, collection: LocalCollection, backups: BackupFolder, manifest: Manifest
) -> None:
    written: list[int] = []
    restore(
        backups,
        manifest,
        data.path,
        "again",
        rebuild=True,
        told=lambda stage, done, total: written.append(total) if stage == "writing" else None,
    )
    truth = [
        file.size for file in manifest.files if file.path in {"documents.sqlite", "vectors.f32"}
    ]
    assert sum(truth) <= written[0] < manifest.bytes
    assert contents(data.collection("again")) == contents(collection)
    assert data.collection("again").verify().ok


def test_what_is_not_there(
    collection: LocalCollection, backups: BackupFolder, tmp_path: Path
) -> None:
    with pytest.raises(BackupNotFoundError, match=r"no backups in .* has no backups\.json"):
        BackupFolder(tmp_path / "nothing")
    with pytest.raises(BackupNotFoundError, match="no backup in"):
        backups.latest()
    manifest = back_up(collection, backups)
    assert backups.latest() == manifest
    with pytest.raises(BackupNotFoundError, match=r"of collection 'other' .* holds those of help"):
        backups.latest("other")
    with pytest.raises(BackupNotFoundError, match=f"no backup '../x' in .*{manifest.id}"):
        backups.manifest("../x")
