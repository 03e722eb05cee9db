"""What is due is done in the background, given up at once on closing, and never fails unheard."""

from __future__ import annotations

import errno
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from indexing.data_folder import DataFolder
from indexing.errors import DimensionMismatchError, InvalidRequestError
from indexing.figures import Figures, due
from indexing.types import Document, SearchRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from indexing.local import LocalCollection

NOTHING = Figures(rows=100_000, tombstones=0, indexed=100_000, dim=384, kind="hnsw", planned="hnsw")


@pytest.mark.parametrize(
    ("change", "phase"),
    [
        ({}, "idle"),
        ({"unread": True}, "analysing"),
        ({"tombstones": 20_000}, "compacting"),
        ({"tombstones": 19_999}, "idle"),
        ({"tombstones": 20_000, "unread": True}, "analysing"),
        ({"rows": 40_000, "indexed": 40_000, "tombstones": 9_999}, "idle"),
        ({"rows": 40_000, "indexed": 40_000, "tombstones": 10_000}, "compacting"),
        ({"kind": "flat", "indexed": 0}, "rebuilding"),
        ({"planned": "flat"}, "rebuilding"),
        ({"planned": "flat", "tombstones": 50_000}, "compacting"),
        ({"rows": 102_604}, "idle"),
        ({"rows": 102_605}, "extending"),
        ({"rows": 1_004_999, "indexed": 1_000_000}, "idle"),
        ({"rows": 1_005_000, "indexed": 1_000_000}, "extending"),
        ({"held": 80_000, "trained": 40_000}, "idle"),
        ({"held": 80_001, "trained": 40_000}, "rebuilding"),
        ({"uncalibrated": True}, "calibrating"),
        ({"uncalibrated": True, "rows": 9_999, "indexed": 9_999}, "idle"),
        ({"uncalibrated": True, "planned": "flat"}, "rebuilding"),
        ({"rows": 5_000, "kind": "flat", "planned": "flat", "indexed": 0}, "idle"),
    ],
)
def test_what_is_due(change: dict[str, object], phase: str) -> None:
    assert due(replace(NOTHING, **change)) == phase  # type: ignore[arg-type]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Maintenance that waits for nothing and finds little much."""
    monkeypatch.setattr("indexing.maintenance.LULL_SECONDS", 0.01)
    monkeypatch.setattr("indexing.figures.MOST_TOMBSTONES", 10)


@pytest.fixture
def made(tmp_path: Path, quick: None) -> Iterator[LocalCollection]:
    """A collection that cares for itself."""
    with DataFolder.open(tmp_path / "data") as data:
        yield data.create("c", encoder="hash:8")


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name == "meari-maintenance"]


def fill(made: LocalCollection) -> None:
    made.add([Document(f"d{n:02d}", f"text {n}") for n in range(40)])
    made.delete([f"d{n:02d}" for n in range(20)])


def test_small_collections_are_left_alone(made: LocalCollection) -> None:
    made.add([Document(f"d{n:02d}", f"text {n}") for n in range(20)])
    made.delete(["d00"])
    assert threads() == []
    assert made.describe().tombstones == 1


def test_tombstones_go_by_themselves(made: LocalCollection) -> None:
    fill(made)
    wait_for(lambda: made.describe().tombstones == 0)
    wait_for(lambda: not threads())
    status = made.describe()
    assert (status.rows, status.documents) == (20, 20)
    assert (status.maintenance, status.progress, status.problems) == ("idle", 0.0, ())
    assert made.verify().ok


def test_an_index_is_built_by_itself(
    made: LocalCollection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexing.planner._FLAT_NUMBERS", 0)
    monkeypatch.setattr("indexing.planner._PREFERRED", ("hnsw",))
    made.add([Document(f"d{n:02d}", f"text {n}") for n in range(40)])
    wait_for(lambda: made.describe().index == "hnsw")
    assert made.describe().indexed_rows == 40
    monkeypatch.setattr("indexing.figures.TAIL_NUMBERS", 80)
    made.add([Document(f"e{n:02d}", f"more text {n}") for n in range(40)])
    wait_for(lambda: made.describe().indexed_rows == 80)
    best = made.search(SearchRequest(query="more text 7", limit=1))
    assert (best.matches[0].document.id, best.receipt.index) == ("e07", "hnsw")


def test_it_goes_on_behind_an_exchange_that_could_not_be(tmp_path: Path, quick: None) -> None:
    with DataFolder.open(tmp_path / "data") as data:
        for name in ("c", "shadow"):
            data.create(name, encoder="hash:8")

        def fail() -> None:
            raise InvalidRequestError("no", "name")

        with pytest.raises(InvalidRequestError):
            data.exchange("c", "shadow", "before", fail)
        for name in ("c", "shadow"):
            fill(data.collection(name))
            wait_for(lambda name=name: data.collection(name).describe().tombstones == 0)


def test_it_can_be_turned_off(tmp_path: Path, quick: None) -> None:
    with DataFolder.open(tmp_path / "data", maintain=False) as data:
        made = data.create("c", encoder="hash:8")
        fill(made)
        assert threads() == []
        assert made.describe().tombstones == 20
    with DataFolder.open(tmp_path / "data") as data:  # ... until somebody opens it with it
        wait_for(lambda: data.collection("c").describe().tombstones == 0)


def test_closing_gives_it_up(tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """... between two blocks, and the collection is as it was."""
    data = DataFolder.open(tmp_path / "data")
    made = data.create("c", encoder="hash:8")
    copying, closing = threading.Event(), threading.Event()

    def extend(self: object, *arguments: object) -> None:
        copying.set()
        assert closing.wait(60)
        original(self, *arguments)  # type: ignore[arg-type]

    from indexing.copying import Copy

    original = Copy._extend
    monkeypatch.setattr(Copy, "_extend", extend)
    fill(made)
    assert copying.wait(60)
    assert made.describe().maintenance == "compacting"
    closer = threading.Thread(target=data.close)
    closer.start()
    wait_for(made._maintenance._stopping.is_set)
    closing.set()
    closer.join(60)
    assert threads() == []
    with DataFolder.open(tmp_path / "data", maintain=False) as again:
        reopened = again.collection("c")
        assert reopened.describe().tombstones == 20
        assert reopened.storage.generation.number == 0
        assert reopened.verify().ok


def test_a_failure_is_told_and_not_repeated(
    made: LocalCollection, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def full(*_: object, **__: object) -> None:
        tried.append(1)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("indexing.compaction.Copy", full)
        fill(made)
        wait_for(lambda: bool(made.problems))
        wait_for(lambda: not threads())
        made.delete(["d20"])
        assert threads() == []
    assert tried == [1]
    assert "compacting in the background failed" in made.problems[0]
    assert "no space to write" in made.describe().problems[0]
    warnings = made.search(SearchRequest(query="text")).receipt.warnings
    assert warnings == made.problems
    made.optimize()
    assert made.problems == ()
    assert made.describe().tombstones == 0


def test_what_does_not_help_is_not_repeated(
    made: LocalCollection, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    monkeypatch.setattr("indexing.maintenance.compact", lambda *_: tried.append(1))
    fill(made)
    wait_for(lambda: bool(made.problems))
    wait_for(lambda: not threads())
    made.delete(["d20"])
    assert threads() == []
    assert tried == [1]
    assert made.problems[0].endswith("failed: it is due again as soon as it is done")


def test_scores_are_calibrated_ahead(
    made: LocalCollection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexing.figures.CALIBRATED_AHEAD", 300)
    made.add([Document(f"d{n:03d}", f"text {n}") for n in range(299)])
    assert not (made.folder / "calibration.json").exists()
    made.add([Document("one more", "text")])
    wait_for((made.folder / "calibration.json").exists)
    wait_for(lambda: not threads())
    assert made.problems == ()


def test_optimize_waits_for_what_is_running(made: LocalCollection) -> None:
    fill(made)
    status = made.optimize()
    assert (status.tombstones, status.maintenance) == (0, "idle")
    wait_for(lambda: not threads())
    assert made.verify().ok


class TestReadyVectors:
    VECTORS = np.arange(24, dtype=np.float32).reshape(3, 8) + 1
    DOCUMENTS = (Document("a", "red tea"), Document("b", "green tea"), Document("c", "books"))

    def test_they_are_stored_instead_of_encoding(self, made: LocalCollection) -> None:
        receipt = made.add(self.DOCUMENTS, vectors=self.VECTORS)
        assert (receipt.added, receipt.tokens, receipt.truncated) == (3, 0, ())
        request = SearchRequest(vector=self.VECTORS[1], limit=1, with_vectors=True)
        best = made.search(request).matches[0]
        assert best.document.id == "b"
        assert best.score == pytest.approx(1)
        unit = self.VECTORS[1] / np.linalg.norm(self.VECTORS[1])
        assert best.vector == pytest.approx(unit)
        assert made.verify().ok

    def test_their_words_are_found_by_the_next_search(self, made: LocalCollection) -> None:
        made.add(self.DOCUMENTS, vectors=self.VECTORS)
        found = made.search(SearchRequest(query="tea", mode="lexical")).matches
        assert sorted(match.document.id for match in found) == ["a", "b"]
        made.add([Document("d", "more tea")])
        made.delete(["a"])
        found = made.search(SearchRequest(query="tea", mode="lexical")).matches
        assert sorted(match.document.id for match in found) == ["b", "d"]

    def test_or_by_maintenance(self, made: LocalCollection) -> None:
        made.add(self.DOCUMENTS, vectors=self.VECTORS)
        wait_for(lambda: not made.storage.lexicon.is_behind)
        wait_for(lambda: not threads())
        assert made.storage.documents.terms(range(3), made.storage.documents.analyzer() or "")
        assert made.storage.lexicon.verify() == []

    def test_or_after_reopening(self, tmp_path: Path) -> None:
        with DataFolder.open(tmp_path / "data", maintain=False) as data:
            data.create("c", encoder="hash:8").add(self.DOCUMENTS, vectors=self.VECTORS)
        with DataFolder.open(tmp_path / "data", maintain=False) as data:
            found = data.collection("c").search(SearchRequest(query="books", mode="lexical"))
            assert [match.document.id for match in found.matches] == ["c"]
            assert data.collection("c").problems == ()

    def test_another_vector_is_a_change(self, made: LocalCollection) -> None:
        made.add(self.DOCUMENTS, vectors=self.VECTORS)
        again = made.add(self.DOCUMENTS, vectors=self.VECTORS * 2)  # of the same direction
        assert (again.unchanged, again.changed) == (3, 0)
        labels = [replace(self.DOCUMENTS[0], metadata={"n": 1}), *self.DOCUMENTS[1:]]
        other = np.vstack([self.VECTORS[:2], -self.VECTORS[2:]])
        receipt = made.add(labels, vectors=other)
        assert (receipt.relabelled, receipt.unchanged, receipt.changed) == (1, 1, 1)
        best = made.search(SearchRequest(vector=-self.VECTORS[2], limit=1)).matches[0]
        assert best.document.id == "c"

    def test_impossible_ones_are_named(self, made: LocalCollection) -> None:
        with pytest.raises(InvalidRequestError, match="3 documents and 2 vectors"):
            made.add(self.DOCUMENTS, vectors=self.VECTORS[:2])
        with pytest.raises(DimensionMismatchError, match="7 dimensions"):
            made.add(self.DOCUMENTS, vectors=self.VECTORS[:, :7])
        with pytest.raises(InvalidRequestError, match="all zeros"):
            made.add(self.DOCUMENTS, vectors=self.VECTORS * 0)
        with pytest.raises(InvalidRequestError, match="vectors"):
            made.add(self.DOCUMENTS, vectors=self.VECTORS * np.float32("nan"))
        assert made.count() == 0
