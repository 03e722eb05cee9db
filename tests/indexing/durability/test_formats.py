"""Folders of every format there was, made by the programs of then (see formats/make.py)."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from indexing.backup.folder import MARKER, BackupFolder
from indexing.card import CARD_FILE
from indexing.data_folder import DataFolder
from indexing.errors import DamagedError
from indexing.schema import MIGRATIONS
from indexing.types import Document, Parent, SearchRequest
from service.access.errors import KeysFileError
from service.access.keyring import KEYS_FILE, read_keys
from service.jobs.store import JobStore
from service.jobs.types import Job

if TYPE_CHECKING:
    from typing import Literal

ARCHIVES = sorted((Path(__file__).parent / "formats").glob("*.tar.gz"))
NAMES = [path.name.removesuffix(".tar.gz") for path in ARCHIVES]


@pytest.fixture(params=ARCHIVES, ids=NAMES)
def then(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A data folder of then."""
    return unpacked(request.param, tmp_path)


def unpacked(archive: Path, into: Path) -> Path:
    with tarfile.open(archive) as file:
        file.extractall(into, filter="data")
    return into / "data"


def expected(data: Path) -> list[Document]:
    told = json.loads((data.parent / "expected.json").read_text("utf-8"))
    return [
        Document(
            each["id"],
            each["text"],
            each["title"],
            each["metadata"],
            None if each["parent"] is None else Parent(*each["parent"]),
        )
        for each in told
    ]


def digests(folder: Path) -> dict[str, str]:
    """Of every file but locks and what SQLite keeps beside a file that is open."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("lock", "-wal", "-shm"))
    }


def test_there_is_one_of_every_schema() -> None:
    assert {f"schema-{number}" for number in range(1, len(MIGRATIONS) + 1)} <= set(NAMES)


def test_it_is_read_and_left_as_it_is(then: Path) -> None:
    before = digests(then)
    with DataFolder.open(then, mode="read") as data:
        collection = data.collection("c")
        there = [item.document for item in collection.scan(limit=100).documents]
        assert sorted(there, key=lambda each: each.id) == sorted(
            expected(then), key=lambda each: each.id
        )
        found = collection.search(SearchRequest(query="zqd99v0x came behind the index"))
        assert found.matches[0].document.id == "d99"
    assert digests(then) == before


def test_it_is_brought_to_today_and_whole(then: Path) -> None:
    documents = expected(then)
    with DataFolder.open(then, maintain=False) as data:
        collection = data.collection("c")
        assert collection.count() == len(documents) == 45
        assert collection.states(documents) == ["unchanged"] * 45
        found = collection.search(SearchRequest(query="zqd1v1x", mode="lexical"))
        assert [match.document.id for match in found.matches] == ["d1"]
        assert collection.search(SearchRequest(query="zqd2v0x", mode="lexical")).matches == ()
        assert collection.verify().ok
        collection.add([Document("new", "written by the program of today")])
        assert collection.delete(["long"]) == 3
        collection.optimize()
        assert collection.verify().ok
    with DataFolder.open(then, maintain=False) as data:
        collection = data.collection("c")
        assert collection.problems == ()
        assert collection.count() == 43


def test_hashes_of_an_earlier_program_are_told_and_mended(tmp_path: Path) -> None:
    """As schema 1 was brought to schema 2 by the programs in between."""
    then = unpacked(ARCHIVES[NAMES.index("schema-2")], tmp_path)
    with sqlite3.connect(then / "c" / "documents.sqlite") as connection:
        connection.execute("UPDATE documents SET text_hash = x'00' WHERE id IN ('d3', 'd4')")
    connection.close()
    problem = "2 documents have the hash of an earlier version beside their text"
    with DataFolder.open(then, maintain=False) as data:
        collection = data.collection("c")
        assert collection.verify().problems == (problem,)
        report = collection.verify(repair=True)
        assert report.ok
        assert report.repaired == (f"{problem}: hashed again",)
        assert collection.states(expected(then)) == ["unchanged"] * 45


class TestNewer:
    """What a program of today says to a folder of tomorrow: both versions, and what to do."""

    @pytest.mark.parametrize("mode", ["read", "write"])
    def test_another_schema(self, tmp_path: Path, mode: Literal["read", "write"]) -> None:
        then = unpacked(ARCHIVES[-1], tmp_path)
        connection = sqlite3.connect(then / "c" / "documents.sqlite")
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        before = digests(then)
        message = rf"has schema 99, this version knows {len(MIGRATIONS)}; update Meari"
        with (
            DataFolder.open(then, mode=mode) as data,
            pytest.raises(DamagedError, match=message),
        ):
            data.collection("c")
        assert digests(then) == before

    @pytest.mark.parametrize("mode", ["read", "write"])
    def test_another_card(self, tmp_path: Path, mode: Literal["read", "write"]) -> None:
        then = unpacked(ARCHIVES[-1], tmp_path)
        card = then / "c" / CARD_FILE
        card.write_text(json.dumps(json.loads(card.read_bytes()) | {"format": 2, "more": []}))
        before = digests(then)
        with (
            DataFolder.open(then, mode=mode) as data,
            pytest.raises(DamagedError, match="has format 2, this version reads 1; update Meari"),
        ):
            data.collection("c")
        assert digests(then) == before

    def test_other_keys(self, tmp_path: Path) -> None:
        (tmp_path / KEYS_FILE).write_text('{"format": 2, "keys": {}}')
        with pytest.raises(KeysFileError, match="has format 2, this version reads 1; update Meari"):
            read_keys(tmp_path)

    def test_other_backups(self, tmp_path: Path) -> None:
        BackupFolder.create(tmp_path / "backups")
        (tmp_path / "backups" / MARKER).write_text('{"format": 2}')
        with pytest.raises(DamagedError, match="has format 2, this version reads 1; update Meari"):
            BackupFolder(tmp_path / "backups")

    def test_another_record_of_jobs_is_set_aside_whole(self, tmp_path: Path) -> None:
        path = tmp_path / "jobs.sqlite"
        store = JobStore(path)
        store.add(Job("one", "map", "c", {}, "2026-01-01T00:00:00Z"))
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version = 2")
        connection.commit()
        connection.close()
        for name in ("jobs.sqlite", "jobs.sqlite-wal"):  # as a crash leaves them
            (tmp_path / f"copy-{name}").write_bytes((tmp_path / name).read_bytes())
        store.close()
        for name in ("jobs.sqlite", "jobs.sqlite-wal"):
            (tmp_path / f"copy-{name}").replace(tmp_path / name)
        again = JobStore(path)
        assert again.page(10) == []
        again.close()
        aside = sqlite3.connect(tmp_path / "jobs.sqlite.damaged")
        assert aside.execute("SELECT id FROM jobs").fetchall() == [("one",)]
        aside.close()
