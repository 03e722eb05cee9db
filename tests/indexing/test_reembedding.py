"""Another encoder for the same documents: followed while others write, compared, swapped."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import indexing.files
from indexing.compaction import compact
from indexing.data_folder import DataFolder
from indexing.errors import (
    CollectionClosedError,
    CollectionExistsError,
    DamagedError,
    StorageFailedError,
)
from indexing.exchange import JOURNAL, Exchange
from indexing.planner import IndexWish
from indexing.reembedding import Followed, catch_up, compare, follow, prepare
from indexing.types import Document, SearchRequest

if TYPE_CHECKING:
    from indexing.local import LocalCollection


def untold(stage: str, done: int, total: int, /) -> None:
    del stage, done, total


def texts(collection: LocalCollection) -> dict[str, Document]:
    return {each.document.id: each.document for each in collection.scan(limit=10_000).documents}


def many(count: int) -> list[Document]:
    return [Document(f"n{number}", f"text number {number}") for number in range(count)]


@pytest.fixture
def shadow(data: DataFolder) -> LocalCollection:
    return data.create("shadow", encoder="hash:64")


def test_a_shadow_takes_what_changed(collection: LocalCollection, shadow: LocalCollection) -> None:
    assert follow(collection, shadow, untold) == Followed(5, 0)
    assert texts(shadow) == texts(collection)
    assert follow(collection, shadow, untold) == Followed(0, 0)
    collection.delete(["a"])
    collection.add([Document("b", "other words"), Document("new", "new words")])
    relabelled = texts(collection)["c"]
    collection.add([Document("c", relabelled.text, relabelled.title, {"n": 7})])
    rows = shadow.describe().rows
    assert follow(collection, shadow, untold) == Followed(3, 1)
    assert texts(shadow) == texts(collection)
    assert shadow.describe().rows == rows + 2  # other labels are not encoded


def test_a_run_that_was_stopped_goes_on(
    collection: LocalCollection, shadow: LocalCollection
) -> None:
    collection.add(many(600))

    def stop(stage: str, done: int, total: int, /) -> None:
        raise InterruptedError(stage)

    with pytest.raises(InterruptedError):
        follow(collection, shadow, stop)
    assert shadow.count() == 256
    assert catch_up(collection, shadow, untold).written == 605 - 256
    assert texts(shadow) == texts(collection)


def test_what_is_written_meanwhile_is_followed(
    data: DataFolder, collection: LocalCollection, shadow: LocalCollection
) -> None:
    collection.add(many(700))
    over, wrote = threading.Event(), threading.Event()

    def write() -> None:
        for number in range(10_000):
            collection.add([Document(f"w{number}", f"written {number}")])
            collection.delete([f"n{number}"])
            if number == 20:
                compact(collection.storage)  # rows move
                wrote.set()
            if over.is_set():
                return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wrote.wait()
        catch_up(collection, shadow, untold)
    finally:
        over.set()
        writer.join()
    held = texts(collection)
    data.exchange("help", "shadow", "before", lambda: follow(collection, shadow, untold))
    assert texts(data.collection("help")) == held
    assert data.collection("help").card.encoder.name == "hash:64"
    assert texts(data.collection("before")) == held
    assert data.collection("before").card.encoder.name == "hash:32"
    assert data.names() == ["before", "help"]


def test_both_are_asked(collection: LocalCollection, shadow: LocalCollection) -> None:
    collection.add(many(100))
    catch_up(collection, shadow, untold)
    same = compare(collection, collection, untold, queries=10)
    assert (same.queries, same.overlap, same.first) == (10, 1.0, 1.0)
    other = compare(collection, shadow, untold, queries=10)
    assert 0.1 < other.overlap < 1.0


def test_who_holds_the_old_one_is_told(
    data: DataFolder, collection: LocalCollection, shadow: LocalCollection
) -> None:
    follow(collection, shadow, untold)
    data.exchange("help", "shadow", "before", lambda: None)
    with pytest.raises(CollectionClosedError, match="open it again"):
        collection.add(many(1))
    found = data.collection("help").search(SearchRequest(query="parcels", limit=1))
    assert found.receipt.encoder["name"] == "hash:64"


def test_a_name_that_is_taken_stops_it(
    data: DataFolder, collection: LocalCollection, shadow: LocalCollection
) -> None:
    data.create("before", encoder="hash:8")
    with pytest.raises(CollectionExistsError):
        data.exchange("help", "shadow", "before", lambda: None)
    assert data.collection("help").card.encoder.name == "hash:32"
    collection.add(many(1))
    assert collection.count() == 6


def test_a_journal_that_fails_is_withdrawn(
    data: DataFolder,
    collection: LocalCollection,
    shadow: LocalCollection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else what is written from now on would be in the one that was put aside."""

    failures = iter([errno.EIO])

    def sync(folder: Path) -> None:
        if (folder / JOURNAL).exists() and (number := next(failures, 0)):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(indexing.files, "sync_folder", sync)
    with pytest.raises(StorageFailedError):
        data.exchange("help", "shadow", "before", lambda: None)
    assert not (data.path / JOURNAL).exists()
    collection.add(many(7))
    assert data.collection("help").count() == 12
    assert data.names() == ["help", "shadow"]


def test_nothing_is_written_while_a_journal_may_stand(
    data: DataFolder,
    collection: LocalCollection,
    shadow: LocalCollection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def sync(folder: Path) -> None:
        if (folder / JOURNAL).exists():
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def unlink(path: Path, *, missing_ok: bool = False) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(indexing.files, "sync_folder", sync)
        patched.setattr(Path, "unlink", unlink)
        with pytest.raises(StorageFailedError):
            data.exchange("help", "shadow", "before", lambda: None)
    with pytest.raises(DamagedError, match="open the data folder again"):
        collection.add(many(7))
    data.close()
    with DataFolder.open(data.path, maintain=False) as again:
        assert again.names() == ["before", "help"]
        assert again.collection("help").card.encoder.name == "hash:64"


def test_a_journal_that_was_cut_short_leaves_nothing(tmp_path: Path) -> None:
    left = tmp_path / f".{JOURNAL}.4711.tmp"
    left.write_bytes(b'{"name": ')
    DataFolder.open(tmp_path).close()
    assert not left.exists()


@pytest.mark.parametrize("failing", ["c", "c.shadow", "journal"])
def test_an_exchange_that_a_failing_disk_cuts_short_is_finished_when_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """Behind its journal it happens: else who makes a collection meanwhile ends between the two."""
    rename, unlink = Path.rename, Path.unlink

    def failing_rename(path: Path, target: Path) -> Path:
        if path.name == failing:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(path, target)

    def failing_unlink(path: Path, *, missing_ok: bool = False) -> None:
        if failing == "journal" and path.name == JOURNAL:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        unlink(path, missing_ok=missing_ok)

    with DataFolder.open(tmp_path, maintain=False) as data:
        data.create("c", encoder="hash:32").add(many(3))
        data.create("other", encoder="hash:8")
        shadow = data.create("c.shadow", encoder="hash:64")
        follow(data.collection("c"), shadow, untold)
        with monkeypatch.context() as patched:
            patched.setattr(Path, "rename", failing_rename)
            patched.setattr(Path, "unlink", failing_unlink)
            with pytest.raises(StorageFailedError, match="the exchange is finished"):
                data.exchange("c", "c.shadow", "c.before", lambda: None)
            with pytest.raises(StorageFailedError):
                data.create("c", encoder="hash:8")
            with pytest.raises(StorageFailedError):
                data.collection("c")
            with pytest.raises(StorageFailedError):
                data.drop("c")
            assert {"c", "other"} <= set(data.names()), "nothing is hidden by what cannot be used"
            assert data.collection("other").count() == 0
        assert data.names() == ["c", "c.before", "other"]
        assert data.collection("c").card.encoder.name == "hash:64"
        assert not (tmp_path / JOURNAL).exists()
        data.create("c.shadow", encoder="hash:8")
    with DataFolder.open(tmp_path, maintain=False) as again:
        assert again.collection("c").card.encoder.name == "hash:64"


def test_a_shadow_that_is_gone_on_with_has_the_same_wish(
    data: DataFolder, collection: LocalCollection
) -> None:
    wish = IndexWish(kind="hnsw")
    collection.storage.sealer.demand(wish, collection.storage.snapshot)
    data.create("shadow", encoder="hash:64")  # killed before its wish was written
    shadow = prepare(data, collection, "shadow", "hash:64")
    assert shadow.storage.sealer.wish == wish


def test_a_collection_of_its_own_is_no_shadow(
    data: DataFolder, collection: LocalCollection
) -> None:
    """Else its documents would be deleted as those that are gone."""
    other = data.create("other", encoder="hash:64")
    other.add(many(3))
    with pytest.raises(CollectionExistsError, match="documents of its own"):
        prepare(data, collection, "other", "hash:64")
    assert other.count() == 3


def test_a_shadow_is_gone_on_with_by_its_collection_alone(
    data: DataFolder, collection: LocalCollection
) -> None:
    catch_up(collection, prepare(data, collection, "shadow", "hash:64"), untold)
    assert prepare(data, collection, "shadow", "hash:64").count() == 5
    other = data.create("other", encoder="hash:32")
    with pytest.raises(CollectionExistsError, match="documents of its own"):
        prepare(data, other, "shadow", "hash:64")


STEPS = ["retire", "place", "rename help", "rename before", "forget journal"]


@pytest.mark.parametrize("place", range(len(STEPS)))
def test_an_exchange_that_was_cut_short_is_finished(tmp_path: Path, place: int) -> None:
    taken: list[str] = []

    def step(name: str) -> None:
        if len(taken) == place:
            raise InterruptedError(name)
        taken.append(name)

    with DataFolder.open(tmp_path, maintain=False) as data:
        data.create("help", encoder="hash:32").add(many(3))
        data.create("shadow", encoder="hash:64").add(many(3))
    exchange = Exchange("help", "shadow", "before")
    exchange.commit(tmp_path)
    with pytest.raises(InterruptedError, match=STEPS[place]):
        exchange.perform(tmp_path, step)
    with pytest.raises(DamagedError, match="in the middle of an exchange"):
        DataFolder.open(tmp_path, mode="read")
    with DataFolder.open(tmp_path, maintain=False) as data:
        assert data.names() == ["before", "help"]
        cards = [data.collection(name).card for name in data.names()]
        assert [(card.name, card.encoder.name) for card in cards] == [
            ("before", "hash:32"),
            ("help", "hash:64"),
        ]
    assert not (tmp_path / JOURNAL).exists()


def test_a_journal_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_text('{"name": "../x", "shadow": "a", "retired": "b"}')
    with pytest.raises(DamagedError, match="not the journal of an exchange"):
        DataFolder.open(tmp_path)
    (tmp_path / JOURNAL).unlink()
    DataFolder.open(tmp_path).close()
