"""Backups made while others write, twice, half, and where there is no room."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.backup.cut import Cut
from indexing.backup.folder import BackupFolder
from indexing.backup.making import back_up, keep
from indexing.backup.restoring import restore
from indexing.compaction import compact
from indexing.data_folder import DataFolder
from indexing.errors import (
    DamagedError,
    FolderLockedError,
    InvalidRequestError,
    StorageFailedError,
    StorageFullError,
)
from indexing.types import SearchRequest
from tests.indexing.backup.numbered import contents, files, numbered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexing.local import LocalCollection


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """Writing more into a file fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_is_restored_answers_as_what_was_backed_up(
    data: DataFolder, collection: LocalCollection, backups: BackupFolder
) -> None:
    collection.delete(["3", "4"])
    manifest = back_up(collection, backups)
    restored = restore(backups, manifest, data.path, "again")
    assert (restored.documents, restored.warnings) == (198, ())
    again = data.collection("again")
    assert again.card == collection.card.renamed("again")
    assert contents(again) == contents(collection)
    for mode in ("dense", "lexical", "hybrid"):
        request = SearchRequest(query="무료 반품 gift", mode=mode, limit=20)
        told = [
            [(match.document.id, match.score, match.confidence) for match in answer.matches]
            for answer in (collection.search(request), again.search(request))
        ]
        assert told[0] == told[1]
        assert len(told[0]) == 20


def test_a_second_backup_writes_what_changed(
    collection: LocalCollection, backups: BackupFolder
) -> None:
    collection.add([numbered(number) for number in range(200, 3000)])
    first = back_up(collection, backups)
    again = back_up(collection, backups)
    assert again.written == 0
    collection.add([numbered(number, 1) for number in range(4)])
    third = back_up(collection, backups)
    assert 0 < third.written < first.written / 2
    assert backups.ids() == [first.id, again.id, third.id]
    assert backups.latest("help") == third


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(st.integers(0, 9), min_size=1, unique=True)),
        st.tuples(st.just("delete"), st.lists(st.integers(0, 9), min_size=1)),
        st.tuples(st.just("relabel"), st.lists(st.integers(0, 9), min_size=1, unique=True)),
        st.tuples(st.just("compact"), st.just([])),
        st.tuples(st.just("back up"), st.just([])),
    ),
    min_size=2,
    max_size=7,
)


@given(steps=_STEPS)
@settings(max_examples=4)
def test_every_backup_brings_back_its_own_moment(
    steps: list[tuple[str, list[int]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("moments")
    backups = BackupFolder.create(folder / "backups")
    moments = {}
    with DataFolder.open(folder / "data", maintain=False) as data:
        collection = data.create("help", encoder="hash:8")
        for version, (step, numbers) in enumerate([*steps, ("back up", [])]):
            ids = [str(number) for number in numbers]
            if step == "add":
                collection.add([numbered(number, version) for number in numbers])
            elif step == "delete":
                collection.delete(ids)
            elif step == "relabel":
                there = [stored.document for stored in collection.get(ids) if stored]
                labelled = [type(each)(each.id, each.text, each.title, {}) for each in there]
                collection.add(labelled)
            elif step == "compact":
                compact(collection.storage)
            else:
                moments[back_up(collection, backups).id] = contents(collection)
        for number, (id_, moment) in enumerate(moments.items()):
            restore(backups, backups.manifest(id_), data.path, f"again-{number}")
            assert contents(data.collection(f"again-{number}")) == moment


def test_what_is_written_meanwhile_is_there_up_to_some_write(
    data: DataFolder, collection: LocalCollection, backups: BackupFolder
) -> None:
    acknowledged, over = [199], threading.Event()

    def write() -> None:
        number = 200
        while not over.is_set() and number < 5000:
            collection.add([numbered(number)])
            collection.delete([str(number - 200)])
            acknowledged.append(number)
            number += 1
            if number % 20 == 0:
                compact(collection.storage)  # files change places

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = []
        for wanted in range(203, 227, 3):
            deadline = time.monotonic() + 60
            while acknowledged[-1] < wanted and time.monotonic() < deadline:
                time.sleep(0.001)
            before = acknowledged[-1]
            made.append((before, back_up(collection, backups), acknowledged[-1]))
    finally:
        over.set()
        writer.join()
    assert acknowledged[-1] >= 224
    for place, (before, manifest, after) in enumerate(made[::3]):
        restore(backups, manifest, data.path, f"again-{place}")
        numbers = sorted(int(id_) for id_ in contents(data.collection(f"again-{place}")))
        last = numbers[-1]
        # Adding and deleting are two writes: a backup may stand between them.
        assert numbers in (list(range(last - 199, last + 1)), list(range(last - 200, last + 1)))
        assert before <= last <= after + 1


def test_searches_and_writes_do_not_wait_for_a_backup(
    collection: LocalCollection, backups: BackupFolder
) -> None:
    seen = []

    def told(stage: str, done: int, total: int) -> None:
        if stage == "vectors.f32":
            collection.add([numbered(500)])
            seen.append(collection.search(SearchRequest(query="gift")).matches[0].document.id)

    manifest = back_up(collection, backups, told)
    assert len(seen) == 1
    assert manifest.documents == 200
    assert collection.count() == 201


def test_a_backup_that_is_stopped_leaves_nothing(
    collection: LocalCollection, backups: BackupFolder
) -> None:
    back_up(collection, backups)
    before = files(backups.path)
    collection.add([numbered(number, 1) for number in range(100)])

    def told(stage: str, done: int, total: int) -> None:
        if stage == "vectors.f32":
            raise InterruptedError(stage)

    with pytest.raises(InterruptedError):
        back_up(collection, backups, told)
    assert files(backups.path) == before


_KILLED = """
import os, signal, sys
from pathlib import Path
from indexing.backup.folder import BackupFolder
from indexing.backup.cut import Cut
from indexing.backup.making import back_up, keep
from indexing.local import LocalCollection

def told(stage, done, total):
    if stage == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)

with LocalCollection.open(Path(sys.argv[1]), mode="read", locked=True) as collection:
    back_up(collection, BackupFolder(Path(sys.argv[2])), told)
"""


@pytest.mark.parametrize("stage", ["documents.sqlite", "lexical"])
def test_a_backup_that_is_killed_leaves_the_others_whole(
    data: DataFolder, collection: LocalCollection, backups: BackupFolder, stage: str
) -> None:
    first = back_up(collection, backups)
    moment = contents(collection)
    collection.add([numbered(number, 1) for number in range(100)])
    arguments = [collection.folder, backups.path, stage]
    killed = subprocess.run([sys.executable, "-c", _KILLED, *arguments], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert backups.ids() == [first.id]
    restore(backups, first, data.path, "again")
    assert contents(data.collection("again")) == moment
    second = back_up(collection, backups)
    assert not list(backups.path.rglob("*.tmp"))
    restore(backups, second, data.path, "later")
    assert contents(data.collection("later")) == contents(collection)


@pytest.mark.parametrize("size", [4096, 100_000])
def test_a_disk_that_takes_no_more_is_told_and_leaves_the_others_whole(
    data: DataFolder, collection: LocalCollection, backups: BackupFolder, size: int
) -> None:
    """SQLite, which copies the documents, tells a file that may not grow from a full disk."""
    first = back_up(collection, backups)
    moment = contents(collection)
    before = files(backups.path)
    random = np.random.default_rng(1)
    texts = [random.bytes(1500).hex() for _ in range(100)]
    documents = [type(numbered(0))(f"new {place}", text) for place, text in enumerate(texts)]
    collection.add(documents)
    with no_file_above(size), pytest.raises(StorageFailedError, match="the disk failed"):
        back_up(collection, backups)
    assert files(backups.path) == before
    restore(backups, first, data.path, "again")
    assert contents(data.collection("again")) == moment


def test_the_packs_fill_the_disk(collection: LocalCollection, backups: BackupFolder) -> None:
    before = files(backups.path)

    def told(stage: str, done: int, total: int) -> None:
        if stage == "documents.sqlite":  # its copy is written by now
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))

    with no_file_above(10**9), pytest.raises(StorageFullError, match="free some space"):
        back_up(collection, backups, told)
    assert files(backups.path) == before


def test_rotten_vectors_are_not_backed_up(
    collection: LocalCollection, backups: BackupFolder
) -> None:
    path = collection.folder / "vectors.f32"
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedError, match=r"rows 0 to 199 .* --repair"):
        back_up(collection, backups)
    assert backups.ids() == []


def test_a_folder_is_changed_by_one_at_a_time(
    collection: LocalCollection, backups: BackupFolder
) -> None:
    with backups.holding("read"), pytest.raises(FolderLockedError, match="try again when"):
        back_up(collection, backups)


def test_a_folder_with_other_things_takes_no_backups(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InvalidRequestError, match="holds other things"):
        BackupFolder.create(tmp_path)
    with pytest.raises(InvalidRequestError, match="is a file"):
        BackupFolder.create(tmp_path / "letter.txt")


def test_who_may_not_keep_a_backup_leaves_none(
    collection: LocalCollection, backups: BackupFolder
) -> None:
    before = files(backups.path)

    def stopped() -> None:
        raise InterruptedError

    with Cut(collection) as cut, pytest.raises(InterruptedError):
        keep(cut, backups, permitted=stopped)
    assert files(backups.path) == before
