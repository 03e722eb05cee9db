"""Compaction loses nothing, keeps nobody waiting, and leaves one state or the other."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from indexing.compaction import compact
from indexing.copying import Copy
from indexing.data_folder import DataFolder
from indexing.errors import DamagedError, InvalidRequestError, StorageFailedError
from indexing.filters import Filter
from indexing.swap import COMPACTED, JOURNAL
from indexing.types import Document, Parent, SearchRequest

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.generation import Generation
    from indexing.local import LocalCollection
    from indexing.types import Mode, SearchResult

STEPS = [
    "start",
    "copy",
    "index",
    "words",
    "follow",
    "follow last",
    "finish",
    "journal",
    "remove documents.sqlite-wal",
    "remove documents.sqlite-shm",
    "remove lexical",
    "retire documents.sqlite",
    "place documents.sqlite",
    "retire vectors.f32",
    "place vectors.f32",
    "retire lexical",
    "place lexical",
    "forget journal",
    "open",
]

CRASH = """
import os, sys
from indexing.compaction import compact
from indexing.data_folder import DataFolder
from indexing.types import Document

def step(name, _):
    if name == sys.argv[2]:
        os._exit(7)

with DataFolder.open(sys.argv[1], maintain=False) as data:
    made = data.collection("c")
    made.add([Document("late", "a late word")])
    compact(made.storage, step)
"""


FULL_DISK = """
import sys
from indexing.data_folder import DataFolder
from indexing.errors import StorageFullError
from indexing.types import Document

with DataFolder.open(sys.argv[1], maintain=False) as data:
    made = data.create("c", encoder="hash:8")
    texts = {f"d{n}": f"text {n} " + "x" * 2000 for n in range(800)}
    made.add([Document(id_, text) for id_, text in texts.items()])
    made.delete(["d0"])
    try:
        made.optimize()
    except StorageFullError as error:
        print(error)
    assert not (made.folder / "compacted").exists()
    assert {i.document.id for i in made.scan(limit=1000).documents} == texts.keys() - {"d0"}
    assert made.verify().ok
"""


def folder_of(tmp_path: Path) -> tuple[DataFolder, LocalCollection]:
    data = DataFolder.open(tmp_path / "data", maintain=False)
    return data, data.create("c", encoder="hash:8")


def fill(made: LocalCollection, count: int = 30) -> dict[str, str]:
    """Documents of which every third was deleted, every fifth replaced and some relabelled."""
    texts = {f"d{n:03d}": f"word{n} of many" for n in range(count)}
    made.add([Document(id_, text, metadata={"v": 0}) for id_, text in texts.items()])
    gone = [id_ for n, id_ in enumerate(list(texts)) if n % 3 == 0]
    made.delete(gone)
    for id_ in gone:
        del texts[id_]
    changed = {id_: f"other {text}" for id_, text in texts.items() if int(id_[1:]) % 5 == 0}
    made.add([Document(id_, text, metadata={"v": 0}) for id_, text in changed.items()])
    texts |= changed
    made.add([Document(id_, texts[id_], metadata={"v": 1}) for id_ in list(texts)[:4]])
    return texts


def holds(made: LocalCollection) -> dict[str, str]:
    return {i.document.id: i.document.text for i in made.scan(limit=10_000).documents}


def seen(result: SearchResult) -> list[tuple[str, float]]:
    return [(match.document.id, match.score) for match in result.matches]


def folder_names(made: LocalCollection) -> set[str]:
    return {path.name for path in made.folder.iterdir()}


class TestWhatComesOut:
    def test_rows_are_dense_and_in_the_order_of_before(self, tmp_path: Path) -> None:
        data, made = folder_of(tmp_path)
        texts = fill(made)
        order = [item.document.id for item in made.scan(limit=100).documents]
        before = made.storage.vectors.path.stat().st_size
        status = made.optimize()
        items = made.scan(limit=100).documents
        assert [item.document.id for item in items] == order
        assert [item.row for item in items] == list(range(20))
        assert (status.rows, status.tombstones, status.documents) == (20, 0, 20)
        assert before == 34 * 8 * 4
        assert made.storage.vectors.path.stat().st_size == 20 * 8 * 4
        assert holds(made) == texts
        assert made.verify().ok
        data.close()

    def test_results_are_those_of_a_collection_built_anew(self, tmp_path: Path) -> None:
        data, made = folder_of(tmp_path)
        made.add([Document(f"old{n}", f"an old text {n}") for n in range(20)])
        fill(made, 60)
        made.search(SearchRequest(query="text", mode="hybrid"))  # calibrates
        made.delete([f"old{n}" for n in range(20)])
        made.optimize()
        fresh = data.create("fresh", encoder="hash:8")
        fresh.add([item.document for item in made.scan(limit=100).documents])
        even = Filter.parse({"must": [{"key": "v", "match": {"value": 1}}]})
        modes: list[Mode] = ["dense", "lexical", "hybrid"]
        for mode in modes:
            for query in ("word7 of", "other word10", "many"):
                for filter in (None, even):
                    request = SearchRequest(query=query, mode=mode, limit=60, filter=filter)
                    assert seen(made.search(request)) == seen(fresh.search(request))
        data.close()

    def test_chunks_metadata_and_receipts_are_kept(self, tmp_path: Path) -> None:
        data, made = folder_of(tmp_path)
        chunks = [
            Document(f"p#{n}", f"part {n}", "Title", {"n": n}, Parent("p", n, 10 * n, 10 * n + 6))
            for n in range(3)
        ]
        made.add([Document("gone", "text"), *chunks])
        made.delete(["gone"])
        before = made.get(["p#0", "p#1", "p#2"])
        made.optimize()
        after = made.get(["p#0", "p#1", "p#2"])
        assert after == [replace(item, row=item.row - 1) for item in before if item]
        assert made.delete(["p"]) == 3
        data.close()

    def test_it_goes_on_after_reopening(self, tmp_path: Path) -> None:
        data, made = folder_of(tmp_path)
        texts = fill(made)
        made.optimize()
        made.add([Document("after", "written after all")])
        data.close()
        with DataFolder.open(tmp_path / "data", maintain=False) as again:
            reopened = again.collection("c")
            assert holds(reopened) == texts | {"after": "written after all"}
            assert reopened.problems == ()
            assert reopened.verify().ok
            assert reopened.storage.generation.number == 1
            found = reopened.search(SearchRequest(query="after", mode="lexical")).matches
            assert [match.document.id for match in found] == ["after"]
            assert not {COMPACTED, JOURNAL} & folder_names(reopened)
            assert not [name for name in folder_names(reopened) if name.startswith("retired")]

    def test_an_empty_collection_becomes_empty(self, tmp_path: Path) -> None:
        data, made = folder_of(tmp_path)
        made.add([Document("a", "text")])
        made.delete(["a"])
        assert (made.optimize().rows, holds(made)) == (0, {})
        assert made.verify().ok
        made.add([Document("a", "text")])
        assert [m for m, _ in seen(made.search(SearchRequest(query="text")))] == ["a"]
        data.close()

    def test_an_index_is_built_over_the_new_rows(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("indexing.planner._FLAT_NUMBERS", 0)
        monkeypatch.setattr("indexing.planner._PREFERRED", ("hnsw",))
        data, made = folder_of(tmp_path)
        fill(made, 300)
        made.optimize()
        made.delete(["d001"])
        status = made.optimize()
        assert (status.index, status.indexed_rows, status.rows) == ("hnsw", 199, 199)
        names = [name for name in folder_names(made) if name.startswith("index-")]
        assert sorted(names) == ["index-2.faiss", "index-2.json"]
        found = made.search(SearchRequest(query="word200 of many", limit=3))
        assert found.receipt.index == "hnsw"
        assert made.verify().ok
        data.close()
        with DataFolder.open(tmp_path / "data", maintain=False) as again:
            reopened = again.collection("c")
            assert reopened.problems == ()
            assert seen(reopened.search(SearchRequest(query="word200 of many", limit=3))) == seen(
                found
            )


class TestWhatIsWrittenMeanwhile:
    def test_every_kind_of_write_at_every_step_is_kept(self, tmp_path: Path) -> None:
        data, made = folder_of(tmp_path)
        texts = fill(made, 90)
        ids = iter(list(texts))
        labels: dict[str, int] = {}

        def write(name: str, _: float) -> None:
            if name not in STEPS[:5]:
                return
            gone, changed, relabelled = next(ids), next(ids), next(ids)
            made.delete([gone])
            del texts[gone]
            texts[changed] = f"changed at {name}"
            texts[f"new at {name}"] = f"text new at {name}"
            made.add([Document(id_, texts[id_]) for id_ in (changed, f"new at {name}")])
            made.add([Document(relabelled, texts[relabelled], metadata={"v": 9})])
            labels[relabelled] = 9

        compact(made.storage, write)
        assert holds(made) == texts
        nine = Filter.parse({"must": [{"key": "v", "match": {"value": 9}}]})
        assert {i.document.id for i in made.scan(filter=nine).documents} == labels.keys()
        assert made.verify().ok
        for text in ("changed at copy", "new at index"):
            best = made.search(SearchRequest(query=text, mode="hybrid")).matches[0]
            assert best.document.text.endswith(text)
        assert len(made.search(SearchRequest(query="many", limit=200)).matches) == len(texts)
        data.close()

    def test_what_goes_while_a_moment_is_fixed_stays_gone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between reading which rows there are and asking which of them were deleted since."""
        data, made = folder_of(tmp_path)
        texts = fill(made)
        gone = iter(sorted(texts))
        writers: list[threading.Thread] = []
        rows = Copy._rows

        def write_behind(self: Copy, *arguments: Any) -> Any:  # noqa: ANN401
            found = rows(self, *arguments)
            first, second = next(gone), next(gone)
            for work in (
                lambda: made.delete([first]),
                lambda: made.add([Document(second, f"{second} anew")]),
            ):
                writers.append(threading.Thread(target=work))
                writers[-1].start()
                writers[-1].join(timeout=0.3)  # in vain where it has to wait for the moment
            texts.pop(first)
            texts[second] = f"{second} anew"
            return found

        monkeypatch.setattr(Copy, "_rows", write_behind)
        compact(made.storage)
        for writer in writers:
            writer.join(timeout=60)
        assert len(writers) > 2
        assert holds(made) == texts
        assert made.verify().ok
        data.close()

    def test_searches_see_some_moment_and_no_error(self, tmp_path: Path) -> None:
        """Each document's text names its id and a turn; an answer of one moment pairs them."""
        data, made = folder_of(tmp_path)
        names = [f"d{n:02d}" for n in range(40)]
        made.add([Document(name, f"turn 0 of {name}", metadata={"n": 1}) for name in names])
        one = Filter.parse({"must": [{"key": "n", "match": {"value": 1}}]})
        failures: list[str] = []
        done = threading.Event()

        def look(filter: Filter | None, mode: Mode) -> None:
            request = SearchRequest(query="turn of", limit=100, filter=filter, mode=mode)
            while not done.is_set():
                try:
                    matches = made.search(request).matches
                except Exception as error:
                    failures.append(repr(error))
                    return
                if sorted(match.document.id for match in matches) != names:
                    failures.append(f"{mode}: {[match.document.id for match in matches]}")
                wrong = [m for m in matches if not m.document.text.endswith(m.document.id)]
                failures.extend(repr(match) for match in wrong)

        kinds: list[tuple[Filter | None, Mode]] = [
            (None, "dense"),
            (one, "dense"),
            (None, "lexical"),
            (one, "hybrid"),
        ]
        threads = [threading.Thread(target=look, args=kind) for kind in kinds]
        for thread in threads:
            thread.start()
        for turn in range(1, 9):
            turned = names[turn % 3 :: 3]
            made.add([Document(n, f"turn {turn} of {n}", metadata={"n": 1}) for n in turned])
            compact(made.storage)
        done.set()
        for thread in threads:
            thread.join(timeout=60)
        assert failures == []
        assert made.storage.generation.number == 8
        assert made.verify().ok
        data.close()

    def test_a_search_goes_on_in_the_files_it_began_with(self, tmp_path: Path) -> None:
        """... also from a thread that had not touched them before."""
        data, made = folder_of(tmp_path)
        texts = fill(made)
        before = made.storage.generation
        rows = {item.document.id: item.row for item in made.scan(limit=100).documents}
        made.optimize()
        made.add([Document("d001", "another text")])
        found: dict[str, int] = {}

        def read(generation: Generation) -> None:
            items = generation.documents.after(-1, 100, None)
            found.update((item.document.id, item.row) for item in items)

        thread = threading.Thread(target=read, args=(before,))
        thread.start()
        thread.join()
        del thread
        assert found == rows
        assert holds(made) == texts | {"d001": "another text"}
        retired = [name for name in folder_names(made) if name.startswith("retired")]
        assert retired == ["retired-0"]
        del before
        assert not [name for name in folder_names(made) if name.startswith("retired")]
        assert made.verify().ok
        data.close()


class TestScanning:
    def test_a_scan_goes_on_behind_a_compaction(self, tmp_path: Path) -> None:
        data, made = folder_of(tmp_path)
        fill(made, 40)
        order = [item.document.id for item in made.scan(limit=100).documents]
        page = made.scan(limit=7)
        made.optimize()
        following = made.scan(limit=5, cursor=page.cursor)
        assert [i.document.id for i in following.documents] == order[7:12]
        made.delete([order[0], order[11], order[12]])  # the last one seen among them
        made.optimize()
        data.close()
        with DataFolder.open(tmp_path / "data", maintain=False) as again:
            rest = again.collection("c").scan(limit=100, cursor=following.cursor)
            assert [i.document.id for i in rest.documents] == order[13:]
            whole = again.collection("c").scan(limit=100, cursor=page.cursor)
            assert [i.document.id for i in whole.documents] == [*order[7:11], *order[13:]]

    @pytest.mark.parametrize("cursor", ["7.3", "-1.3", "0", "0.x", "", "x.1", "999999999999.1"])
    def test_other_cursors_are_refused(self, tmp_path: Path, cursor: str) -> None:
        data, made = folder_of(tmp_path)
        fill(made)
        made.optimize()
        with pytest.raises(InvalidRequestError, match="cursor"):
            made.scan(cursor=cursor)
        data.close()


@pytest.mark.parametrize("name", STEPS)
def test_a_crash_leaves_everything(tmp_path: Path, name: str) -> None:
    data, made = folder_of(tmp_path)
    texts = fill(made) | {"late": "a late word"}
    data.close()
    done = subprocess.run(
        [sys.executable, "-c", CRASH, str(tmp_path / "data"), name],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 7, done.stderr
    with DataFolder.open(tmp_path / "data", maintain=False) as again:
        reopened = again.collection("c")
        assert holds(reopened) == texts
        assert reopened.verify().ok
        assert reopened.problems == ()
        finished = STEPS.index(name) > STEPS.index("journal")
        assert reopened.storage.generation.number == int(finished)
        assert reopened.describe().tombstones == (0 if finished else 14)
        assert not {COMPACTED, JOURNAL} & folder_names(reopened)
        assert not [left for left in folder_names(reopened) if left.startswith("retired")]
        best = reopened.search(SearchRequest(query="late", mode="lexical")).matches
        assert [match.document.id for match in best] == ["late"]
        assert reopened.optimize().tombstones == 0
        assert holds(reopened) == texts


def test_steps_are_those_that_crash(tmp_path: Path) -> None:
    data, made = folder_of(tmp_path)
    fill(made)
    steps: list[str] = []
    shares: list[float] = []

    def note(name: str, share: float) -> None:
        shares.append(share)
        if not steps or steps[-1] != name:
            steps.append(name)

    compact(made.storage, note)
    assert steps == STEPS
    assert shares == sorted(shares)
    data.close()


class TestFailure:
    @pytest.mark.parametrize("name", STEPS[: STEPS.index("journal") + 1])
    def test_the_old_files_stand(self, tmp_path: Path, name: str) -> None:
        data, made = folder_of(tmp_path)
        texts = fill(made)

        def fail(step: str, _: float) -> None:
            if step == name:
                raise OSError(errno.EIO, "Input/output error")

        with pytest.raises(StorageFailedError, match="Input/output"):
            compact(made.storage, fail)
        assert COMPACTED not in folder_names(made)
        assert holds(made) == texts
        made.add([Document("more", "more text")])
        assert made.verify().ok
        assert made.optimize().tombstones == 0
        assert holds(made) == texts | {"more": "more text"}
        data.close()

    def test_behind_the_journal_writing_waits_for_reopening(self, tmp_path: Path) -> None:
        data, made = folder_of(tmp_path)
        texts = fill(made)

        def fail(step: str, _: float) -> None:
            if step == "place vectors.f32":
                raise OSError(errno.EIO, "Input/output error")

        with pytest.raises(StorageFailedError, match="Input/output"):
            compact(made.storage, fail)
        assert holds(made) == texts
        assert len(made.search(SearchRequest(query="many", limit=50)).matches) == 20
        with pytest.raises(DamagedError, match="open the collection again"):
            made.add([Document("more", "more text")])
        data.close()
        with DataFolder.open(tmp_path / "data", maintain=False) as again:
            reopened = again.collection("c")
            assert holds(reopened) == texts
            assert reopened.describe().tombstones == 0
            assert reopened.verify().ok

    def test_damaged_vectors_get_no_new_checksums(self, tmp_path: Path) -> None:
        data, made = folder_of(tmp_path)
        fill(made)
        with made.storage.vectors.path.open("r+b") as file:
            file.seek(100)
            file.write(b"xxxx")
        with pytest.raises(DamagedError, match=r"rows 0 to 29 fail their checksum.*--repair"):
            made.optimize()
        assert made.verify(repair=True).ok
        assert made.optimize().tombstones == 0
        data.close()

    def test_a_reader_cannot_finish_it(self, tmp_path: Path) -> None:
        data, made = folder_of(tmp_path)
        fill(made)
        data.close()
        (made.folder / JOURNAL).write_text(json.dumps({"remove": [], "move": [], "retired": "r"}))
        with (
            DataFolder.open(tmp_path / "data", mode="read") as again,
            pytest.raises(DamagedError, match="interrupted"),
        ):
            again.collection("c")

    def test_a_journal_that_is_none_is_named(self, tmp_path: Path) -> None:
        data, made = folder_of(tmp_path)
        fill(made)
        data.close()
        (made.folder / JOURNAL).write_text("[]")
        with (
            DataFolder.open(tmp_path / "data") as again,
            pytest.raises(DamagedError, match="not the journal"),
        ):
            again.collection("c")

    def test_a_full_disk_leaves_the_old_files(self, tmp_path: Path) -> None:
        """On a real file system that holds the collection once."""
        small = tmp_path / "data"
        small.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(small)]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
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
            assert "no space to write" in done.stdout
        finally:
            subprocess.run(["umount", str(small)], check=True)  # noqa: S607


class CareMachine(RuleBasedStateMachine):
    """Any order of writes, compactions, indexing and reopening leaves what a dictionary holds."""

    def __init__(self) -> None:
        super().__init__()
        self.scratch = tempfile.TemporaryDirectory()
        self.data = DataFolder.open(self.scratch.name, maintain=False)
        self.made = self.data.create("c", encoder="hash:8")
        self.model: dict[str, tuple[str, int]] = {}
        self.cursor: str | None = None
        self.left: list[str] = []

    names = st.sampled_from([f"id{n}" for n in range(8)])
    texts = st.sampled_from([f"text {n}" for n in range(4)])
    entries = st.dictionaries(names, st.tuples(texts, st.integers(0, 2)), max_size=5)

    def put(self, entries: dict[str, tuple[str, int]]) -> None:
        moved = {id_ for id_, (text, _) in entries.items() if self.text_of(id_) != text}
        self.left = [id_ for id_ in self.left if id_ not in moved]
        self.left += [id_ for id_ in entries if id_ in moved] if self.cursor else []
        self.made.add([Document(id_, t, metadata={"v": v}) for id_, (t, v) in entries.items()])
        self.model |= entries

    def text_of(self, id_: str) -> str | None:
        return self.model[id_][0] if id_ in self.model else None

    @rule(entries=entries)
    def add(self, entries: dict[str, tuple[str, int]]) -> None:
        self.put(entries)

    @rule(gone=st.sets(names, max_size=4))
    def delete(self, gone: set[str]) -> None:
        assert self.made.delete(gone) == len(gone & self.model.keys())
        self.left = [id_ for id_ in self.left if id_ not in gone]
        for id_ in gone:
            self.model.pop(id_, None)

    @rule()
    def reopen(self) -> None:
        self.data.close()
        self.data = DataFolder.open(self.data.path, maintain=False)
        self.made = self.data.collection("c")

    @rule()
    def optimize(self) -> None:
        assert self.made.optimize().tombstones == 0

    @rule(entries=entries, when=st.sampled_from(STEPS[:5]))
    def compact_while_writing(self, entries: dict[str, tuple[str, int]], when: str) -> None:
        todo = [entries]

        def write(step: str, _: float) -> None:
            if step == when and todo:
                self.put(todo.pop())

        compact(self.made.storage, write)

    @rule(size=st.integers(1, 3))
    def begin_scan(self, size: int) -> None:
        order = [item.document.id for item in self.made.scan(limit=100).documents]
        self.cursor = self.made.scan(limit=size).cursor
        self.left = order[size:] if self.cursor else []

    @invariant()
    def holds_what_it_should(self) -> None:
        items = self.made.scan(limit=100).documents
        found = {i.document.id: (i.document.text, i.document.metadata["v"]) for i in items}
        assert found == self.model
        modes: list[Mode] = ["dense", "hybrid"]
        for mode in modes:
            matches = self.made.search(SearchRequest(query="text 1", limit=50, mode=mode)).matches
            assert {m.document.id: m.document.text for m in matches} == {
                id_: text for id_, (text, _) in self.model.items()
            }
        if self.cursor is not None:
            rest = self.made.scan(limit=100, cursor=self.cursor).documents
            assert [item.document.id for item in rest] == self.left

    def teardown(self) -> None:
        assert self.made.verify().ok
        self.data.close()
        self.scratch.cleanup()


def test_any_order_of_care() -> None:
    run_state_machine_as_test(
        CareMachine,
        settings=settings(
            max_examples=15,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


def test_ready_vectors_survive(tmp_path: Path) -> None:
    data, made = folder_of(tmp_path)
    vectors = np.eye(8, dtype=np.float32)
    made.add([Document(f"d{n}", f"text {n}") for n in range(8)], vectors=vectors)
    made.delete(["d0", "d3"])
    made.optimize()
    found = made.search(SearchRequest(vector=vectors[5], limit=1, with_vectors=True)).matches[0]
    assert (found.document.id, found.score) == ("d5", 1.0)
    assert found.vector is not None
    assert found.vector.tolist() == vectors[5].tolist()
    words = made.search(SearchRequest(query="text 7", mode="lexical")).matches
    assert words[0].document.id == "d7"
    data.close()
