"""Drills pass where a backup brings the collection back, and fail where it does not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from indexing.backup import drill as drilling
from indexing.backup.drill import drill
from indexing.backup.making import back_up
from indexing.backup.restoring import restored_aside
from indexing.compaction import compact
from indexing.hashes import Hashes
from indexing.local import LocalCollection
from indexing.transaction import Append
from indexing.types import Document
from indexing.vectors import VectorFile
from tests.indexing.backup.numbered import numbered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from indexing.backup.folder import BackupFolder
    from indexing.data_folder import DataFolder


def there(data: DataFolder) -> list[str]:
    return sorted(path.name for path in data.path.iterdir())


def test_a_backup_answers_as_the_collection_does(
    data: DataFolder, collection: LocalCollection, backups: BackupFolder
) -> None:
    collection.delete(["3"])
    manifest = back_up(collection, backups)
    report = drill(backups, manifest, data.path, collection, queries=20)
    assert report.ok, report.problems
    assert (report.documents, report.compared, report.changed) == (199, 199, False)
    told = [(each.mode, each.queries, each.agreeing, each.judged) for each in report.replays]
    assert told == [(mode, 20, 20, True) for mode in ("dense", "lexical", "hybrid")]
    assert [(each.overlap, each.difference) for each in report.replays] == [(1.0, 0.0)] * 3
    assert there(data) == [".lock", "help"]


def test_what_was_written_since_is_no_fault(
    data: DataFolder, collection: LocalCollection, backups: BackupFolder
) -> None:
    manifest = back_up(collection, backups)
    collection.delete([str(number) for number in range(50)])
    collection.add([numbered(number, 1) for number in range(100, 120)])
    collection.add([numbered(number) for number in range(300, 320)])
    report = drill(backups, manifest, data.path, collection)
    assert report.ok, report.problems
    assert (report.documents, report.compared, report.changed) == (200, 130, True)
    dense, lexical, hybrid = report.replays
    assert dense.queries == dense.agreeing > 20
    assert (dense.judged, lexical.judged, hybrid.judged) == (True, False, False)
    assert "written to since" in lexical.note


def test_a_compaction_since_it_was_opened_is_no_fault(
    data: DataFolder, collection: LocalCollection, backups: BackupFolder
) -> None:
    """As a job does it: who drills has the collection open, whose owner moves its files."""
    collection.delete([str(number) for number in range(50)])
    manifest = back_up(collection, backups)
    with LocalCollection.open(data.path / "help", mode="read", locked=True) as live:
        compact(collection.storage)
        report = drill(backups, manifest, data.path, live)
    assert report.ok, report.problems
    assert (report.documents, report.compared, report.changed) == (150, 150, False)


def test_many_new_documents_hide_no_old_one(
    data: DataFolder, collection: LocalCollection, backups: BackupFolder
) -> None:
    """The nearest in the collection are others than those in the copy."""
    manifest = back_up(collection, backups)
    collection.add([Document(f"new {n}", numbered(n % 200).text) for n in range(400)])
    report = drill(backups, manifest, data.path, collection, queries=20)
    assert report.ok, report.problems
    assert report.replays[0].agreeing == report.replays[0].queries == 20


def test_a_backup_alone_is_checked_by_itself(
    data: DataFolder, collection: LocalCollection, backups: BackupFolder
) -> None:
    manifest = back_up(collection, backups)
    report = drill(backups, manifest, data.path, None)
    assert report.ok, report.problems
    assert (report.documents, report.compared, report.changed) == (200, 0, None)
    assert [each.queries for each in report.replays] == [50, 50, 50]


def test_damage_fails_the_drill(
    data: DataFolder, collection: LocalCollection, backups: BackupFolder
) -> None:
    manifest = back_up(collection, backups)
    (path,) = backups.packs.glob("*.pack")
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    report = drill(backups, manifest, data.path, collection)
    assert not report.ok
    assert manifest.id in report.problems[0]
    assert there(data) == [".lock", "help"]


def _other_vectors(folder: Path) -> None:
    """As if checksums could be forged: vectors of another length, recorded as they are."""
    file = VectorFile(folder / "vectors.f32", 32, writable=True)
    vectors = np.array(file.read(200))
    vectors[7] = vectors[8]
    crc32 = file.append(0, vectors)
    file.close()
    with closing(sqlite3.connect(folder / "documents.sqlite")) as connection, connection:
        connection.execute("DELETE FROM appends")
        append = Append(0, 200, crc32)
        values = (append.first, append.rows, append.crc32)
        connection.execute("INSERT INTO appends VALUES (?, ?, ?)", values)


def _other_text(folder: Path) -> None:
    hashes = Hashes.of(Document("5", "quite another text", "title", {"n": 5, "version": 0}))
    with closing(sqlite3.connect(folder / "documents.sqlite")) as connection, connection:
        connection.execute(
            "UPDATE documents SET text = ?, text_hash = ?, content_hash = ? WHERE id = '5'",
            ("quite another text", hashes.text, hashes.content),
        )


def _a_document_less(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "documents.sqlite")) as connection, connection:
        connection.execute("DELETE FROM documents WHERE id = '5'")


@pytest.mark.parametrize(
    ("tamper", "told"),
    [
        (_other_vectors, "1 documents have other vectors in the copy ('7')"),
        (_other_text, "1 documents have other content in the copy ('5')"),
        (_a_document_less, "1 documents are missing in the copy ('5')"),
    ],
)
def test_a_copy_that_was_tampered_with_fails(
    data: DataFolder,
    collection: LocalCollection,
    backups: BackupFolder,
    monkeypatch: pytest.MonkeyPatch,
    tamper: Callable[[Path], None],
    told: str,
) -> None:
    manifest = back_up(collection, backups)

    def restored(*given: object, **more: object) -> Iterator[object]:
        class Tampered:
            def __enter__(self) -> object:
                self.inner = restored_aside(*given, **more)
                path, report = self.inner.__enter__()
                tamper(path)
                return path, report

            def __exit__(self, *error: object) -> object:
                return self.inner.__exit__(*error)

        return Tampered()

    monkeypatch.setattr(drilling, "restored_aside", restored)
    report = drill(backups, manifest, data.path, collection, queries=40)
    assert not report.ok
    assert told in report.problems
    if tamper is _other_vectors:
        assert any(problem.startswith("dense: asked with") for problem in report.problems)
