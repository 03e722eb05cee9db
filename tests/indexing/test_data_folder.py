"""A folder of collections, asked by many threads at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from indexing.data_folder import DataFolder
from indexing.errors import CollectionClosedError, CollectionNotFoundError
from indexing.local import LocalCollection
from indexing.types import Document

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = ("animals", "plants")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with DataFolder.open(tmp_path, default_encoder="hash:8") as folder:
        for name in NAMES:
            folder.create(name).add([Document("1", f"about {name}")])
    return tmp_path


def opening(monkeypatch: pytest.MonkeyPatch, before: Callable[[], object]) -> list[str]:
    """Names of the collections opened from now on; `before` is called first, in their thread."""
    names: list[str] = []
    real = LocalCollection.open

    def listen(folder: Path, **given: object) -> LocalCollection:
        names.append(folder.name)
        before()
        return real(folder, **given)

    monkeypatch.setattr(LocalCollection, "open", listen)
    return names


def test_collections_are_opened_at_the_same_time(path: Path, monkeypatch: pytest.MonkeyPatch):
    meeting = threading.Barrier(2)
    opening(monkeypatch, lambda: meeting.wait(30))
    with DataFolder.open(path) as folder, ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(lambda name: folder.collection(name).count(), NAMES))
    assert counts == [1, 1]


def test_each_is_opened_once_however_many_ask(path: Path, monkeypatch: pytest.MonkeyPatch):
    names = opening(monkeypatch, lambda: None)
    ready = threading.Barrier(8)

    def ask(_: int) -> LocalCollection:
        ready.wait(30)
        return folder.collection("animals")

    with DataFolder.open(path) as folder, ThreadPoolExecutor(8) as pool:
        assert folder.opened("animals") is None
        found = list(pool.map(ask, range(8)))
        assert folder.opened("animals") is found[0]
        assert len({id(each) for each in found}) == 1
    assert names == ["animals"]


def test_dropping_waits_for_who_is_opening(path: Path, monkeypatch: pytest.MonkeyPatch):
    entered, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        entered.set()
        assert go_on.wait(30)

    with DataFolder.open(path) as folder, ThreadPoolExecutor(2) as pool:
        opening(monkeypatch, hold)
        asked = pool.submit(folder.collection, "animals")
        assert entered.wait(30)
        dropped = pool.submit(folder.drop, "animals")
        go_on.set()
        asked.result()
        dropped.result()
        assert folder.opened("animals") is None
        assert folder.names() == ["plants"]
        with pytest.raises(CollectionNotFoundError, match="no collection 'animals'"):
            folder.collection("animals")


def test_a_folder_that_was_closed_meanwhile_keeps_nothing_open(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = DataFolder.open(path)
    opening(monkeypatch, folder.close)
    with pytest.raises(CollectionClosedError, match="while collection 'animals' was being opened"):
        folder.collection("animals")
    assert folder.opened("animals") is None
    with DataFolder.open(path) as again:
        monkeypatch.undo()
        assert again.collection("animals").count() == 1


def test_encoders_are_seen_once_they_are_loaded(path: Path):
    with DataFolder.open(path, default_encoder="hash:8") as folder:
        assert folder.loaded_encoder("hash:8") is None
        loaded = folder.encoder()
        assert folder.loaded_encoder("hash:8") is loaded
