"""What is left after cut files, flipped bits, full disks and half-done writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

import indexing.planner
from indexing.data_folder import DataFolder
from indexing.errors import CollectionNotFoundError, DamagedError, StorageFullError
from indexing.types import Document, SearchRequest

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.local import LocalCollection

ROW_BYTES = 4 * 32


@pytest.fixture
def folder(collection: LocalCollection, data: DataFolder) -> Path:
    """The closed folder of a collection of five documents, written in three goes."""
    collection.add([Document("f", "the sixth document")])
    collection.add([Document("g", "the seventh document")])
    data.close()
    return collection.folder


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the planner choose HNSW for the smallest collection."""
    monkeypatch.setattr(indexing.planner, "_FLAT_NUMBERS", 0)
    monkeypatch.setattr(indexing.planner, "_PREFERRED", ("hnsw",))


def reopen(folder: Path) -> DataFolder:
    return DataFolder.open(folder.parent)


def found(collection: LocalCollection, query: str) -> list[str]:
    matches = collection.search(SearchRequest(query=query, limit=50)).matches
    return [match.document.id for match in matches]


def test_rows_that_nothing_refers_to_are_cut_off(folder: Path) -> None:
    vectors = folder / "vectors.f32"
    whole = vectors.stat().st_size
    with vectors.open("ab") as file:
        file.write(b"\xff" * (3 * ROW_BYTES + 17))
    with reopen(folder) as data:
        collection = data.collection(folder.name)
        assert vectors.stat().st_size == whole
        assert collection.problems == ()
        assert collection.verify().ok
        collection.add([Document("h", "written after the crash")])
        assert found(collection, "written after the crash")[0] == "h"
        assert collection.verify().ok


def test_a_cut_vector_file_is_told_and_mended_from_the_text(folder: Path) -> None:
    vectors = folder / "vectors.f32"
    os.truncate(vectors, 4 * ROW_BYTES + 100)
    with reopen(folder) as data:
        collection = data.collection(folder.name)
        assert "3 documents lost their vectors and cannot be found" in collection.problems[0]
        assert sorted(found(collection, "returns")) == ["a", "b", "c", "d"]
        warnings = collection.search(SearchRequest(query="returns")).receipt.warnings
        assert "3 documents lost their vectors" in warnings[0]
        report = collection.verify()
        assert not report.ok
        assert "3 documents have no vector" in report.problems[0]

        mended = collection.verify(repair=True)
        assert mended.ok
        assert "3 documents encoded again" in mended.repaired[0]
        assert sorted(found(collection, "returns")) == ["a", "b", "c", "d", "e", "f", "g"]
        assert found(collection, "the seventh document")[0] == "g"
        assert collection.problems == ()
    with reopen(folder) as data:
        assert data.collection(folder.name).verify().ok


def test_writing_goes_on_beside_a_cut_vector_file(folder: Path) -> None:
    """New rows go behind the lost ones, so that no row is ever taken twice."""
    os.truncate(folder / "vectors.f32", 5 * ROW_BYTES)
    with reopen(folder) as data:
        collection = data.collection(folder.name)
        collection.add([Document("h", "a fresh document")])
        assert found(collection, "a fresh document")[0] == "h"
        assert "f" not in found(collection, "the sixth document")
        assert len(collection.scan().documents) == 8
    with reopen(folder) as data:
        collection = data.collection(folder.name)
        assert "2 documents lost their vectors" in collection.problems[0]
        assert "f" not in found(collection, "the sixth document")
        assert collection.verify(repair=True).ok
        assert found(collection, "the sixth document")[0] == "f"


def test_a_flipped_bit_is_found_and_mended(folder: Path) -> None:
    vectors = folder / "vectors.f32"
    content = bytearray(vectors.read_bytes())
    content[2 * ROW_BYTES + 3] ^= 0x40
    vectors.write_bytes(content)
    with reopen(folder) as data:
        collection = data.collection(folder.name)
        report = collection.verify()
        assert report.problems == ("vectors.f32: rows 0 to 4 fail their checksum",)
        assert collection.verify(repair=True).ok
        assert found(collection, "parcels leave the same day")[0] == "c"


def test_a_changed_text_is_found(folder: Path) -> None:
    import sqlite3

    connection = sqlite3.connect(folder / "documents.sqlite")
    connection.execute("UPDATE documents SET text = 'forged' WHERE id = 'b'")
    connection.commit()
    connection.close()
    with reopen(folder) as data:
        report = data.collection(folder.name).verify()
        assert report.problems == ("document 'b' is not what was stored: its hash differs",)


def test_a_missing_vector_file_is_mended_from_the_text(folder: Path) -> None:
    (folder / "vectors.f32").unlink()
    with reopen(folder) as data:
        collection = data.collection(folder.name)
        assert found(collection, "returns") == []
        assert collection.verify(repair=True).ok
        assert len(found(collection, "returns")) == 7


def test_a_damaged_database_is_one_sentence(folder: Path) -> None:
    database = folder / "documents.sqlite"
    database.write_bytes(b"not a database" * 500)
    with reopen(folder) as data, pytest.raises(DamagedError, match=r"documents\.sqlite cannot be"):
        data.collection(folder.name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not a collection card"),
        ('{"format": 1}', "not a collection card"),
        ('{"format": 99}', "has format 99, this version reads 1"),
    ],
)
def test_a_damaged_card_is_one_sentence(folder: Path, content: str, message: str) -> None:
    (folder / "card.json").write_text(content)
    with reopen(folder) as data, pytest.raises(DamagedError, match=message):
        data.collection(folder.name)


def test_a_card_of_any_bytes_is_not_repeated(folder: Path) -> None:
    (folder / "card.json").write_bytes(b"\xff" * 5000)
    with reopen(folder) as data, pytest.raises(DamagedError, match="UnicodeDecodeError: ") as told:
        data.collection(folder.name)
    assert len(str(told.value)) < 400 + len(str(folder))


def test_a_missing_card_is_no_collection(folder: Path) -> None:
    (folder / "card.json").unlink()
    with reopen(folder) as data, pytest.raises(CollectionNotFoundError):
        data.collection(folder.name)


@pytest.mark.usefixtures("graphs")
class TestSealedIndex:
    """With a graph over the first rows and a tail behind it."""

    @pytest.fixture
    def collection(self, data: DataFolder) -> LocalCollection:
        made = data.create("graph", encoder="hash:32")
        made.add([Document(f"d{n:03d}", f"number {n} of many {n % 7}") for n in range(200)])
        made.optimize()
        return made

    def test_the_status_and_the_receipt_name_it(self, collection: LocalCollection) -> None:
        status = collection.describe()
        assert (status.index, status.indexed_rows) == ("hnsw", 200)
        assert status.recall >= 0.98
        receipt = collection.search(SearchRequest(query="number 5")).receipt
        assert not receipt.exact
        assert receipt.index == "hnsw"
        assert receipt.recall_estimate == status.recall
        exact = collection.search(SearchRequest(query="number 5", exact=True)).receipt
        assert exact.exact
        assert exact.index == "flat"
        assert exact.recall_estimate == 1.0

    def test_fresh_and_deleted_documents_count_at_once(self, collection: LocalCollection) -> None:
        collection.add([Document("fresh", "something entirely unlike the rest")])
        result = collection.search(SearchRequest(query="something entirely unlike", limit=1))
        assert result.matches[0].document.id == "fresh"
        assert result.receipt.index == "hnsw+flat"
        collection.delete(["d005"])
        assert "d005" not in found(collection, "number 5 of many 5")
        collection.add([Document("d006", "something entirely unlike as well")])
        ranked = found(collection, "something entirely unlike")
        assert set(ranked[:2]) == {"fresh", "d006"}

    def test_answers_agree_with_exact_ones(self, collection: LocalCollection) -> None:
        collection.delete([f"d{n:03d}" for n in range(0, 200, 3)])
        collection.add([Document(f"t{n}", f"tail {n} of many") for n in range(30)])
        for query in ("number 8 of many", "tail 3", "many 1"):
            walked = collection.search(SearchRequest(query=query, limit=10)).matches
            scanned = collection.search(SearchRequest(query=query, limit=10, exact=True)).matches
            assert [m.document.id for m in walked] == [m.document.id for m in scanned]
            assert [m.score for m in walked] == [m.score for m in scanned]

    def test_it_is_there_after_reopening(
        self, collection: LocalCollection, data: DataFolder
    ) -> None:
        data.close()
        with reopen(collection.folder) as again:
            reopened = again.collection("graph")
            assert reopened.describe().index == "hnsw"
            assert reopened.problems == ()
            assert reopened.verify().ok

    @pytest.mark.parametrize("how", ["cut", "flipped", "gone", "card"])
    def test_a_bad_index_file_is_rebuilt_and_said_so(
        self, collection: LocalCollection, data: DataFolder, how: str
    ) -> None:
        data.close()
        path = collection.folder / "index-1.faiss"
        content = bytearray(path.read_bytes())
        if how == "cut":
            path.write_bytes(content[:1000])
        elif how == "flipped":
            content[len(content) // 2] ^= 1
            path.write_bytes(content)
        elif how == "gone":
            path.unlink()
        else:
            path.with_suffix(".json").write_text("[]")
        with reopen(collection.folder) as again:
            reopened = again.collection("graph")
            assert "it was rebuilt" in reopened.problems[0]
            assert "index-1" in reopened.problems[0]
            assert reopened.describe().index == "hnsw"
            assert found(reopened, "number 5 of many 5")[0] == "d005"
            assert reopened.verify().ok
        with reopen(collection.folder) as again:
            assert again.collection("graph").problems == ()

    def test_a_reader_does_without_a_bad_index(
        self, collection: LocalCollection, data: DataFolder
    ) -> None:
        data.close()
        (collection.folder / "index-1.faiss").write_bytes(b"x")
        with DataFolder.open(data.path, mode="read") as again:
            reopened = again.collection("graph")
            receipt = reopened.search(SearchRequest(query="number 5")).receipt
            assert receipt.exact
            assert "answers are exact until it is rebuilt" in receipt.warnings[0]

    def test_an_index_of_other_vectors_is_not_trusted(
        self, collection: LocalCollection, data: DataFolder
    ) -> None:
        data.close()
        card = collection.folder / "index-1.json"
        card.write_text(json.dumps(json.loads(card.read_text()) | {"metric": "dot"}))
        with reopen(collection.folder) as again:
            assert "other vectors" in again.collection("graph").problems[0]


FULL_DISK = """
import sys
from indexing.data_folder import DataFolder
from indexing.errors import StorageFullError
from indexing.types import Document

with DataFolder.open(sys.argv[1]) as data:
    collection = data.create("full", encoder="hash:2048")
    kept = 0
    try:
        for turn in range(10_000):
            names = [f"d{turn}-{n}" for n in range(20)]
            collection.add([Document(name, f"text of {name} " + "x" * 2000) for name in names])
            kept += 20
    except StorageFullError as error:
        print(kept, error)
    assert collection.count() == kept, (collection.count(), kept)
    assert collection.verify().ok
"""


def test_a_full_disk_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    """On a real file system of four megabytes."""
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(small)]
    if os.name != "posix" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here; root can")
    try:
        done = subprocess.run(
            [sys.executable, "-c", FULL_DISK, str(small)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        kept, message = done.stdout.split(" ", 1)
        assert int(kept) > 0
        assert "no space to write" in message
        assert "everything acknowledged before is safe" in message
    finally:
        subprocess.run(["umount", str(small)], check=True)  # noqa: S607


@pytest.mark.parametrize("fails", ["vectors", "database", "commit"])
def test_a_write_that_fails_leaves_no_trace(
    collection: LocalCollection, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """The disk fills at each boundary of a write in turn."""
    import errno

    rows = collection.storage.vectors.rows

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        if fails == "vectors":
            patched.setattr(os, "pwrite", full)
        elif fails == "database":
            patched.setattr("indexing.transaction.Transaction.insert", full)
        else:
            patched.setattr("indexing.transaction.Transaction.record", full)
        expected = StorageFullError if fails == "vectors" else OSError
        with pytest.raises(expected):
            collection.add([Document("new", "text"), Document("a", "other text")])
    assert collection.storage.vectors.rows == rows
    assert collection.count() == 5
    assert found(collection, "returns are free")[0] == "a"
    assert collection.verify().ok
    collection.add([Document("new", "text")])
    assert found(collection, "text")[0] == "new"
    assert np.isfinite(collection.storage.snapshot.vectors).all()
