"""A disk that fails at one call: the error has a name, and nothing that was acknowledged goes."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import indexing.files
import indexing.swap
import indexing.vectors
from indexing.connection import _Connection
from indexing.data_folder import DataFolder
from indexing.errors import DamagedError, StorageFailedError, StorageFullError
from indexing.planner import IndexWish
from indexing.swap import COMPACTED, JOURNAL, RETIRED
from indexing.types import Document, SearchRequest
from service.jobs.store import JobStore
from service.jobs.types import Job

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexing.connection import Values
    from indexing.local import LocalCollection


@pytest.fixture
def made(tmp_path: Path) -> LocalCollection:
    """Thirty documents and a tombstone."""
    collection = DataFolder.open(tmp_path / "data", maintain=False).create("c", encoder="hash:8")
    collection.add([Document(f"d{n}", f"word{n} of many") for n in range(30)])
    collection.delete(["d0"])
    return collection


def failing(number: int) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def as_after_a_crash(made: LocalCollection, into: Path) -> LocalCollection:
    """The collection in a copy of its folder as it is now, opened."""

    def copy(source: str, target: str) -> None:
        with contextlib.suppress(FileNotFoundError):  # tantivy tidies up in a thread of its own
            shutil.copy2(source, target)

    shutil.copytree(made.folder.parent, into, copy_function=copy)
    return DataFolder.open(into, maintain=False).collection(made.folder.name)


def ids(made: LocalCollection) -> set[str]:
    return {item.document.id for item in made.scan(limit=1000).documents}


class TestWrites:
    @pytest.mark.parametrize("call", ["pwrite", "fsync"])
    def test_a_disk_that_fails_has_a_name(
        self, made: LocalCollection, monkeypatch: pytest.MonkeyPatch, call: str
    ) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(indexing.vectors.os, call, failing(errno.EIO))
            with pytest.raises(StorageFailedError, match=r"the disk failed at vectors\.f32 in"):
                made.add([Document("new", "text")])
        assert len(ids(made)) == 29
        made.add([Document("new", "text")])
        assert made.verify().ok

    def test_a_full_disk_is_told_of_also_where_tidying_up_fails(
        self, made: LocalCollection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def half(file: int, content: memoryview, offset: int) -> int:
            if len(content) < 40:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(file, content[:20], offset)

        write = os.pwrite
        with monkeypatch.context() as patched:
            patched.setattr(indexing.vectors.os, "pwrite", half)
            patched.setattr(indexing.vectors.os, "ftruncate", failing(errno.EIO))
            with pytest.raises(StorageFullError):
                made.add([Document("new", "text"), Document("newer", "text two")])
        made.add([Document("new", "text")])
        assert ids(made) == {f"d{n}" for n in range(1, 30)} | {"new"}
        assert made.verify().ok

    def test_a_key_pressed_behind_the_commit_takes_no_vectors(
        self, made: LocalCollection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        execute = _Connection.execute

        def interrupted(self: _Connection, sql: str, *values: Values) -> sqlite3.Cursor:
            found = execute(self, sql, *values)
            if sql == "COMMIT":
                raise KeyboardInterrupt
            return found

        with monkeypatch.context() as patched:
            patched.setattr(_Connection, "execute", interrupted)
            with pytest.raises(KeyboardInterrupt):
                made.add([Document("new", "text")])
        again = as_after_a_crash(made, tmp_path / "copy")
        assert again.problems == ()
        assert "new" in ids(again)
        assert again.verify().ok

    def test_the_name_of_the_log_is_on_disk_before_a_write(
        self, made: LocalCollection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """SQLite flushes the folder for its log once, whether that fails or not."""
        seen: list[bool] = []

        def sync(folder: Path) -> None:
            seen.append((folder / "documents.sqlite-wal").exists())

        monkeypatch.setattr("indexing.documents.sync_folder", sync)
        again = as_after_a_crash(made, tmp_path / "copy")
        assert seen == [True]
        assert again.count() == 29

    def test_a_collection_that_could_not_be_made_is_not_there(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with DataFolder.open(tmp_path / "data") as data:
            with monkeypatch.context() as patched:
                patched.setattr("indexing.vectors.sync_folder", failing(errno.EIO))
                with pytest.raises(StorageFailedError):
                    data.create("c", encoder="hash:8")
            assert data.names() == []
            assert not (data.path / "c").exists()
            data.create("c", encoder="hash:8").add([Document("a", "text")])

    def test_a_folder_can_be_opened_where_its_owner_cannot_sign(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patched:
            patched.setattr("indexing.lock.os.pwrite", failing(errno.ENOSPC))
            DataFolder.open(tmp_path / "data").close()
        DataFolder.open(tmp_path / "data").close()


class TestCompaction:
    """The journal's folder cannot be flushed: the journal may stand, or not."""

    def test_a_journal_is_withdrawn_before_writing_goes_on(
        self, made: LocalCollection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        failures = iter([errno.EIO])

        def sync(folder: Path) -> None:
            if (folder / JOURNAL).exists() and (number := next(failures, 0)):
                raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patched:
            patched.setattr(indexing.files, "sync_folder", sync)
            with pytest.raises(StorageFailedError):
                made.optimize()
        assert not (made.folder / JOURNAL).exists()
        made.add([Document("late", "written after all")])
        again = as_after_a_crash(made, tmp_path / "copy")
        assert ids(again) == {f"d{n}" for n in range(1, 30)} | {"late"}
        assert again.verify().ok

    def test_nothing_is_written_while_the_journal_may_stand(
        self, made: LocalCollection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def sync(folder: Path) -> None:
            if (folder / JOURNAL).exists():
                raise OSError(errno.EIO, "Input/output error")

        with monkeypatch.context() as patched:
            patched.setattr(indexing.files, "sync_folder", sync)
            patched.setattr(indexing.swap, "sync_folder", sync)
            patched.setattr(Path, "unlink", failing(errno.EIO))
            with pytest.raises(StorageFailedError):
                made.optimize()
        with pytest.raises(DamagedError, match="open the collection again to finish it"):
            made.add([Document("late", "written after all")])
        assert len(made.search(SearchRequest(query="many", limit=50)).matches) == 29
        again = as_after_a_crash(made, tmp_path / "copy")
        assert ids(again) == {f"d{n}" for n in range(1, 30)}
        assert again.verify().ok
        assert again.storage.generation.number == 1

    def test_a_file_that_was_placed_keeps_its_log(
        self, made: LocalCollection, tmp_path: Path
    ) -> None:
        """A journal that came back after everything was done takes nothing away."""
        made.optimize()
        made.add([Document("late", "written after all")])
        shutil.copytree(made.folder.parent, tmp_path / "copy")
        (tmp_path / "copy" / "c" / JOURNAL).write_text(
            '{"remove": ["documents.sqlite-wal", "documents.sqlite-shm"], '
            '"move": [["documents.sqlite", "documents.sqlite"]], "retired": "retired-0"}'
        )
        with DataFolder.open(tmp_path / "copy", maintain=False) as data:
            assert "late" in ids(data.collection("c"))
            assert not list((tmp_path / "copy" / "c").glob(f"{RETIRED}*"))
            assert not (tmp_path / "copy" / "c" / COMPACTED).exists()


class TestWhatIsDerived:
    def test_an_index_that_does_not_fit_is_an_error(self) -> None:
        """FAISS's own files say nothing where the last bytes are lost on closing."""
        import faiss

        from indexing.index.faiss_file import write_faiss

        if not Path("/dev/full").exists():
            pytest.skip("there is no /dev/full here")
        with pytest.raises(OSError, match="No space left") as caught:
            write_faiss(faiss.IndexFlatIP(4), Path("/dev/full"))
        assert caught.value.errno == errno.ENOSPC

    def test_a_commit_that_was_cut_off_is_not_in_the_way_of_the_next(
        self, made: LocalCollection, tmp_path: Path
    ) -> None:
        """Killed between the file of deletions and the list that names it."""
        made.search(SearchRequest(query="word3", mode="lexical"))
        shutil.copytree(made.folder.parent, tmp_path / "before")
        made.delete(["d3"])
        made.search(SearchRequest(query="word3", mode="lexical"))
        new = next((made.folder / "lexical").glob("*.del"))
        before = tmp_path / "before" / "c" / "lexical"
        if (before / new.name).exists():
            pytest.fail("the deletion made no file of its own")
        for content in (new.read_bytes(), new.read_bytes()[:10]):  # whole and torn
            shutil.rmtree(tmp_path / "copy", ignore_errors=True)
            shutil.copytree(tmp_path / "before", tmp_path / "copy")
            lexical = tmp_path / "copy" / "c" / "lexical"
            (lexical / new.name).write_bytes(content)
            (lexical / ".tmpAbC123").write_bytes(b"{")
            with DataFolder.open(tmp_path / "copy", maintain=False) as data:
                again = data.collection("c")
                again.delete(["d3"])
                found = again.search(SearchRequest(query="word3", mode="lexical"))
                assert found.matches == ()
                assert found.receipt.warnings == ()
                assert again.storage.lexicon.problem == ""
                assert again.verify().ok
            assert not list(lexical.glob(".tmp*"))

    def test_an_index_that_another_replaced_goes(
        self, made: LocalCollection, tmp_path: Path
    ) -> None:
        """Killed when its file was removed and its card was not."""
        made.optimize(IndexWish(kind="hnsw"))
        old = made.folder / "index-1.json"
        content = old.read_bytes()
        made.optimize(IndexWish(kind="hnsw"))
        assert (made.folder / "index-2.json").exists()
        old.write_bytes(content)
        again = as_after_a_crash(made, tmp_path / "copy")
        assert again.describe().index == "hnsw"
        assert again.verify().ok
        assert sorted(path.name for path in again.folder.glob("index-*")) == [
            "index-2.faiss",
            "index-2.json",
        ]

    def test_files_half_written_by_a_killed_process_go(
        self, made: LocalCollection, tmp_path: Path
    ) -> None:
        left = made.folder / ".index-7.faiss.4711.tmp"
        left.write_bytes(b"half an index")
        again = as_after_a_crash(made, tmp_path / "copy")
        assert not (again.folder / left.name).exists()


def test_a_record_of_jobs_outlives_a_disk_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "jobs.sqlite"
    store = JobStore(path)
    store.add(Job("one", "map", "c", {}, "2026-01-01T00:00:00Z"))
    store.close()

    def fail(*_: object, **__: object) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise error

    with monkeypatch.context() as patched:
        patched.setattr("service.jobs.store.sqlite3.connect", fail)
        with pytest.raises(StorageFailedError, match=r"the disk failed at jobs\.sqlite"):
            JobStore(path)
    again = JobStore(path)
    assert [job.id for job in again.page(10)] == ["one"]
    again.close()
