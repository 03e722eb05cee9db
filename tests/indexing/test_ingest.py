from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from embeddings.hashing import HashEncoder
from indexing.data_folder import DataFolder
from indexing.errors import InvalidDocumentError, InvalidRequestError, SourceError
from indexing.ingest import FieldMapping, IngestOptions, IngestReport, Progress, ingest, plan
from indexing.ingest.ahead import ReadAhead
from indexing.ingest.pace import Pace
from indexing.ingest.stream import DocumentStream, Piece
from indexing.types import MAX_METADATA_BYTES, MAX_TEXT_BYTES, Parent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from indexing.hashes import State
    from indexing.local import LocalCollection
    from indexing.types import Document, WriteReceipt

AUTO = IngestOptions()


@pytest.fixture
def empty(data: DataFolder) -> LocalCollection:
    return data.create("notes", encoder="hash:8:32")


class Wrapped:
    """A collection whose `add` can be watched and disturbed."""

    def __init__(
        self, collection: LocalCollection, before: Callable[[Sequence[Document]], None]
    ) -> None:
        self.folder = collection.folder
        self._collection = collection
        self._before = before

    def add(self, documents: Sequence[Document]) -> WriteReceipt:
        self._before(documents)
        return self._collection.add(documents)

    def states(self, documents: Sequence[Document]) -> list[State]:
        return self._collection.states(documents)

    def trim_parents(self, chunks: Mapping[str, int]) -> int:
        return self._collection.trim_parents(chunks)


def run(
    collection: LocalCollection | Wrapped,
    *sources: Path | str,
    options: IngestOptions = AUTO,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> IngestReport:
    names = [str(source) for source in sources]
    encoder = HashEncoder(8, max_tokens=32)
    return ingest(names, collection, encoder, options, resume=resume, progress=progress)


def contents(collection: LocalCollection) -> dict[str, str]:
    """Text by id of everything in the collection."""
    found: dict[str, str] = {}
    cursor: str | None = None
    while True:
        page = collection.scan(cursor=cursor, limit=1000)
        found.update((item.document.id, item.document.text) for item in page.documents)
        cursor = page.cursor
        if cursor is None:
            return found


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def make_rows(count: int) -> list[dict[str, object]]:
    return [{"id": f"r{n}", "text": f"row {n} of many", "n": n} for n in range(count)]


def journal(collection: LocalCollection) -> dict[str, object]:
    found: dict[str, object] = json.loads((collection.folder / "ingest.json").read_text())
    return found


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_WINDOW", "LEAST_WINDOW", "MOST_WINDOW"):
        monkeypatch.setattr(f"indexing.ingest.pace.{name}", 10)


# -- counts ----------------------------------------------------------------------------------


def test_what_is_new_changed_relabelled_and_unchanged(empty: LocalCollection, tmp_path: Path):
    rows = make_rows(300)
    path = write_rows(tmp_path / "a.jsonl", rows)
    first = run(empty, path)
    assert (first.added, first.unchanged, first.tokens) == (300, 0, 1200)
    assert first.rejects is None
    assert contents(empty) == {row["id"]: row["text"] for row in rows}

    rows[5]["text"], rows[6]["n"] = "another text", "seven"
    again = run(empty, write_rows(path, [*rows, {"id": "new", "text": "x " * 40}]))
    assert again.to_json() | {"seconds": 0} == {
        **{"added": 1, "changed": 1, "relabelled": 1, "unchanged": 298, "duplicates": 0},
        **{"rejected": 0, "korean": 0, "truncated": 1, "tokens": 42, "unknown": 0},
        **{"seconds": 0, "rejects": None},
    }
    assert journal(empty)["state"] == "done"
    assert journal(empty)["sources"] == [str(path)]
    assert journal(empty)["counts"]["unchanged"] == 298


def test_what_cannot_be_stored_is_listed_and_the_rest_goes_in(
    empty: LocalCollection, tmp_path: Path
):
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"id":"1","text":"one"}\n'
        '{"id":"1","text":"one"}\n'
        '{"id":"1","text":"two"}\n'
        "broken\n"
        '{"id":"5","text":"nul\\u0000"}\n'
        '{"id":"6","text":"half \\ud800"}\n'
        f'{{"id":"7","text":"{"x" * (MAX_TEXT_BYTES + 1)}"}}\n'
        f'{{"id":"8","text":"t","big":"{"x" * MAX_METADATA_BYTES}"}}\n'
        f'{{"id":"{"x" * 513}","text":"t"}}\n'
        '{"id":"10","text":"t","n":1e999}\n'
        '{"id":"11","text":"end"}\n'
    )
    report = run(empty, path)
    assert (report.added, report.duplicates, report.rejected) == (2, 1, 8)
    assert contents(empty) == {"1": "one", "11": "end"}
    assert report.rejects == empty.folder / "rejects.jsonl"
    listed = [json.loads(line) for line in report.rejects.read_text("utf-8").splitlines()]
    assert {entry["origin"] for entry in listed} == {str(path)}
    assert [entry["line"] for entry in listed] == [3, 4, 5, 6, 7, 8, 9, 10]
    assert [entry.get("id", "")[:3] for entry in listed] == [
        *("1", "", "5", "6", "7", "8", "xxx", "10")
    ]
    reasons = [entry["reason"] for entry in listed]
    assert reasons[0] == f"id '1' has other content at {path}:1; ids are unique"
    assert reasons[1] == "not JSON: Expecting value at character 1"
    assert reasons[2] == "text holds a NUL character at 4; it is not text"
    assert "half a surrogate pair at character 5" in reasons[3]
    assert "text has 1,000,001 bytes, at most 1,000,000" in reasons[4]
    assert "metadata has 64,010 bytes, at most 64,000" in reasons[5]
    assert "id has 513 bytes, at most 512" in reasons[6]
    assert "metadata is not a JSON object" in reasons[7]
    assert listed[4]["excerpt"] == "x" * 200
    assert listed[3]["excerpt"] == "half ?"

    clean = run(empty, write_rows(path, make_rows(1)))
    assert clean.rejects is None
    assert not (empty.folder / "rejects.jsonl").exists()


def test_rejects_go_where_they_are_sent_but_not_over_a_source(
    empty: LocalCollection, tmp_path: Path
):
    path = write_rows(tmp_path / "a.jsonl", [{"id": "1"}])
    report = run(empty, path, options=IngestOptions(rejects=tmp_path / "bad.jsonl"))
    assert report.rejects == tmp_path / "bad.jsonl"
    for rejects, message in (
        (path, "is a source and cannot take the rejects"),
        (tmp_path, "cannot take the rejects; name a file in a folder that is there"),
        (tmp_path / "no" / "bad.jsonl", "cannot take the rejects; name a file"),
    ):
        with pytest.raises(InvalidRequestError, match=message):
            run(empty, path, options=IngestOptions(rejects=rejects))
    assert path.read_text() == '{"id": "1"}\n'


def test_what_an_ingest_writes_is_no_source_of_it(
    data: DataFolder, empty: LocalCollection, tmp_path: Path
):
    write_rows(tmp_path / "z.jsonl", [{"id": "1"}, *make_rows(200)])
    other = data.create("other", encoder="hash:8")
    (other.folder / "rejects.jsonl").write_text('{"text": "not a document"}\n')
    assert tmp_path in empty.folder.parents
    for rejects in (None, tmp_path / "a.jsonl"):
        for _ in range(2):
            report = run(empty, tmp_path, options=IngestOptions(rejects=rejects))
            assert (report.added + report.unchanged, report.rejected) == (200, 1)


@pytest.mark.parametrize("named", [True, False])
def test_documents_that_the_collection_refuses_are_refused_alone(
    empty: LocalCollection, tmp_path: Path, *, named: bool
):
    def refuse(documents: Sequence[Document]) -> None:
        for document in documents:
            if document.id in {"r3", "r77", "r78"}:
                raise InvalidDocumentError("not this one", document.id if named else None)

    report = run(Wrapped(empty, refuse), write_rows(tmp_path / "a.jsonl", make_rows(100)))
    assert (report.added, report.rejected) == (97, 3)
    assert set(contents(empty)) == {f"r{n}" for n in range(100)} - {"r3", "r77", "r78"}
    assert report.rejects is not None
    lines = [json.loads(line) for line in report.rejects.read_text().splitlines()]
    assert [(line["line"], line["id"], line["reason"]) for line in lines] == [
        (4, "r3", "not this one"),
        (78, "r77", "not this one"),
        (79, "r78", "not this one"),
    ]


# -- chunks ----------------------------------------------------------------------------------

LONG = " ".join(f"Sentence number {n} ends here." for n in range(30))


def test_files_are_chunked_and_rows_are_not(empty: LocalCollection, tmp_path: Path):
    (tmp_path / "long.txt").write_text(LONG)
    (tmp_path / "short.txt").write_text("short")
    write_rows(tmp_path / "rows.jsonl", [{"id": "row", "text": LONG}])
    report = run(empty, tmp_path)
    assert report.truncated == 1, "the row alone"
    found = [item.document for item in empty.scan(limit=100).documents]
    chunks = [document for document in found if document.parent]
    assert {document.id for document in found if not document.parent} == {"short.txt", "row"}
    assert [chunk.id for chunk in chunks] == [f"long.txt#{n}" for n in range(len(chunks))]
    assert len(chunks) > 5
    for number, chunk in enumerate(chunks):
        assert chunk.parent == Parent(
            "long.txt", number, LONG.index(chunk.text), LONG.index(chunk.text) + len(chunk.text)
        )


def test_a_number_of_tokens_chunks_rows_as_well(empty: LocalCollection, tmp_path: Path):
    path = write_rows(tmp_path / "a.jsonl", [{"id": "row", "text": LONG}, *make_rows(3)])
    report = run(empty, path, options=IngestOptions(chunk=20, overlap=0))
    assert report.truncated == 0
    assert " ".join(text for id_, text in contents(empty).items() if "#" in id_) == LONG
    assert report.added == empty.count() > 10

    report = run(empty, path, options=IngestOptions(chunk="none"))
    assert (report.added, report.unchanged, report.truncated) == (1, 3, 1)
    assert set(contents(empty)) == {"row", "r0", "r1", "r2"}, "the chunks are gone"


def test_a_text_longer_than_a_document_may_be_is_chunked(empty: LocalCollection, tmp_path: Path):
    (tmp_path / "huge.txt").write_text(f"{'x' * 1000} " * 1100)
    report = run(empty, tmp_path / "huge.txt")
    assert (report.rejected, report.truncated) == (0, 0)
    assert report.added > 30


def test_what_earlier_versions_of_a_text_left_goes(empty: LocalCollection, tmp_path: Path):
    path = tmp_path / "a.txt"
    (tmp_path / "b.txt").write_text(LONG)
    sizes = []
    for text in (LONG, LONG[:300], "short", LONG[:500], LONG):
        path.write_text(text)
        run(empty, tmp_path)
        ids = {id_ for id_ in contents(empty) if id_.startswith("a.txt")}
        assert ids == ({"a.txt"} if text == "short" else {f"a.txt#{n}" for n in range(len(ids))})
        sizes.append(len(ids))
    assert sizes[0] == sizes[4] > sizes[3] > sizes[1] > sizes[2] == 1
    assert sum(id_.startswith("b.txt#") for id_ in contents(empty)) == sizes[0]
    assert empty.verify().ok


def test_a_text_the_collection_refuses_leaves_its_earlier_version(
    empty: LocalCollection, tmp_path: Path
):
    path = tmp_path / "a.txt"
    path.write_text(LONG)
    run(empty, path)
    before = contents(empty)

    def refuse(documents: Sequence[Document]) -> None:
        raise InvalidDocumentError("no", documents[0].id)

    path.write_text("short")
    assert run(Wrapped(empty, refuse), path).rejected == 1
    assert contents(empty) == before


def test_a_title_that_fills_the_window_is_refused(empty: LocalCollection, tmp_path: Path):
    path = tmp_path / "a.md"
    path.write_text(f"# {'long ' * 30}\n\n{LONG}")
    report = run(empty, path)
    assert (report.added, report.rejected) == (0, 1)


def test_impossible_chunks_are_refused_before_anything_is_written(
    empty: LocalCollection, tmp_path: Path
):
    path = write_rows(tmp_path / "a.jsonl", make_rows(1))
    with pytest.raises(InvalidRequestError, match="chunks of 33 tokens"):
        run(empty, path, options=IngestOptions(chunk=33))
    assert not (empty.folder / "ingest.json").exists()


# -- interruption ----------------------------------------------------------------------------


class Stop:
    """Raises at the n-th window."""

    def __init__(self, windows: int, error: BaseException) -> None:
        self._left = windows
        self._error = error

    def __call__(self, documents: Sequence[Document]) -> None:
        self._left -= 1
        if self._left < 0:
            raise self._error


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("error", [RuntimeError("crash"), KeyboardInterrupt()])
def test_an_interrupted_run_is_taken_up(
    empty: LocalCollection, tmp_path: Path, error: BaseException
):
    rows = make_rows(100)
    path = write_rows(tmp_path / "a.jsonl", [{"id": "bad"}, *rows, {"id": "worse"}])
    options = IngestOptions(
        rejects=tmp_path / "bad.jsonl", fields=FieldMapping(metadata=("n",)), encoding="cp949"
    )
    with pytest.raises(type(error)):
        run(Wrapped(empty, Stop(4, error)), path, options=options)
    assert set(contents(empty)) == {f"r{n}" for n in range(40)}
    assert journal(empty)["state"] == "running"
    assert journal(empty)["counts"]["added"] == 40
    with (tmp_path / "bad.jsonl").open("a") as file:
        file.write('{"torn')

    report = run(empty, resume=True)
    assert (report.added, report.unchanged, report.rejected) == (60, 40, 2)
    assert contents(empty) == {row["id"]: row["text"] for row in rows}
    listed = (tmp_path / "bad.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in listed] == ["bad", "worse"], "none twice, none torn"
    assert journal(empty)["state"] == "done"
    assert journal(empty)["options"]["encoding"] == "cp949"
    assert readers() == 0


@pytest.mark.usefixtures("small_windows")
def test_what_resume_does_where_there_is_nothing_to_take_up(empty: LocalCollection, tmp_path: Path):
    with pytest.raises(SourceError, match="no run was interrupted in this collection"):
        run(empty, resume=True)
    path = write_rows(tmp_path / "a.jsonl", make_rows(30))
    assert run(empty, path, resume=True).added == 30
    with pytest.raises(SourceError, match="no run was interrupted"):
        run(empty, resume=True)

    other = write_rows(tmp_path / "b.jsonl", [{"text": ""}, *make_rows(40)])
    with pytest.raises(RuntimeError):
        run(Wrapped(empty, Stop(1, RuntimeError())), other)
    report = run(empty, path, resume=True)
    assert report.rejects is None, "other sources: a run of its own with a list of its own"
    (empty.folder / "ingest.json").write_text('{"format": 99}')
    with pytest.raises(SourceError, match=r"ingest\.json cannot be read .* name the sources"):
        run(empty, resume=True)
    assert run(empty, path, resume=True).unchanged == 30


@pytest.mark.usefixtures("small_windows")
def test_standard_input_cannot_be_taken_up(empty: LocalCollection, monkeypatch: pytest.MonkeyPatch):
    reading, writing = os.pipe()
    os.write(writing, b"".join(b"line %d\n" % n for n in range(100)))
    os.close(writing)
    with os.fdopen(reading) as pipe:
        monkeypatch.setattr(sys, "stdin", pipe)
        with pytest.raises(RuntimeError):
            run(Wrapped(empty, Stop(2, RuntimeError())), "-")
    assert contents(empty)["stdin:20"] == "line 19"
    with pytest.raises(SourceError, match="read standard input, which is gone"):
        run(empty, resume=True)


def readable_lines(path: Path) -> int:
    """Whole lines that a gzip file gives before it breaks off."""
    import zlib

    return zlib.decompressobj(wbits=31).decompress(path.read_bytes()).count(b"\n")


def test_a_source_that_breaks_off_keeps_what_was_read(empty: LocalCollection, tmp_path: Path):
    import gzip

    whole = gzip.compress(b"".join(b'{"id":"%d","text":"t%d"}\n' % (n, n) for n in range(50_000)))
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 50])
    with pytest.raises(SourceError, match="it is cut off"):
        run(empty, path)
    assert journal(empty)["state"] == "running"
    found, lines = contents(empty), readable_lines(path)
    assert len(found) == lines > 500
    assert found[str(lines - 1)] == f"t{lines - 1}"


def test_names_that_are_no_unicode(empty: LocalCollection, tmp_path: Path):
    folder = tmp_path / os.fsdecode(b"\xb0\xa1")
    folder.mkdir()
    write_rows(folder / "a.jsonl", make_rows(1))
    (folder / os.fsdecode(b"\xff.txt")).write_text("x")
    report = run(empty, folder)
    assert (report.added, report.rejected) == (1, 1)
    assert report.rejects is not None
    assert "half a surrogate pair" in json.loads(report.rejects.read_text())["reason"]
    again = [*(empty.folder / "ingest.json").read_bytes().splitlines()]
    assert any(line.strip() == b'"%s"' % os.fsencode(folder) for line in again)


def test_options_survive_the_journal():
    options = IngestOptions(
        64, 8, FieldMapping("i", ("a", "b"), "t", ("m",)), Path("x.jsonl"), "cp949"
    )
    assert IngestOptions.from_json(json.loads(json.dumps(options.to_json()))) == options
    assert IngestOptions.from_json(json.loads(json.dumps(AUTO.to_json()))) == AUTO


# -- kill -9 ---------------------------------------------------------------------------------

CHILD = """
import sys
from pathlib import Path
from indexing.data_folder import DataFolder
from indexing.ingest import IngestOptions, ingest, pace

pace.FIRST_WINDOW = pace.LEAST_WINDOW = pace.MOST_WINDOW = 16

class Acknowledging:
    def __init__(self, collection):
        self.folder, self.collection = collection.folder, collection
        self.states, self.trim_parents = collection.states, collection.trim_parents

    def add(self, documents):
        receipt = self.collection.add(documents)
        print(" ".join(document.id for document in documents), flush=True)
        return receipt

with DataFolder.open(sys.argv[1]) as data:
    collection = data.collection("notes")
    ingest(sys.argv[2:], Acknowledging(collection), collection.encoder, IngestOptions(),
           resume=True)
print("done", flush=True)
"""


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_any_moment_nothing_acknowledged_is_lost(tmp_path: Path, kills: int):
    source = tmp_path / "source"
    source.mkdir()
    rows = make_rows(1500)
    write_rows(source / "rows.jsonl", [*rows, {"id": "bad"}])
    for number in range(40):
        (source / f"{number}.txt").write_text(f"File {number}. {LONG}")
    with DataFolder.open(tmp_path / "data") as data:
        data.create("notes", encoder="hash:8:32")
    moments = random.Random(kills)
    for _ in range(kills):
        acknowledged = _run_and_kill(tmp_path / "data", source, moments)
        with DataFolder.open(tmp_path / "data") as data:
            collection = data.collection("notes")
            assert acknowledged <= set(contents(collection))
            assert collection.verify().ok

    with DataFolder.open(tmp_path / "data") as data:
        collection, encoder = data.collection("notes"), data.encoder("hash:8:32")
        ingest([str(source)], collection, encoder, AUTO, resume=True)
        expected = data.create("expected", encoder="hash:8:32")
        ingest([str(source)], expected, encoder, AUTO)
        assert contents(collection) == contents(expected)
        assert len(contents(collection)) > 1500 + 40 * 5
        assert collection.verify().ok
        assert journal(collection)["state"] == "done"
        rejects = (collection.folder / "rejects.jsonl").read_text().splitlines()
        assert [json.loads(line)["id"] for line in rejects] == ["bad"]


def _run_and_kill(data: Path, source: Path, moments: random.Random) -> set[str]:
    """The ids that a child acknowledged before it was killed."""
    command = [sys.executable, "-c", CHILD, str(data), str(source)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        windows = [child.stdout.readline() for _ in range(moments.randint(1, 8))]
        time.sleep(moments.random() * 0.02)
        child.send_signal(signal.SIGKILL)
        windows += child.stdout.readlines()
    return {id_ for window in windows if window.endswith("\n") for id_ in window.split()} - {"done"}


# -- pace, progress, reading ahead -----------------------------------------------------------


def test_windows_grow_and_shrink_towards_eight_seconds():
    pace = Pace(None)
    assert pace.window == 512
    pace.learn(512, 512, 1.0)
    assert pace.window == 1024, "at most twice the last"
    pace.learn(1024, 1024, 4.0)
    assert pace.window == 2048
    pace.learn(2048, 0, 0.001)
    assert pace.window == 2048, "windows without work tell nothing"
    pace.learn(1024, 512, 16.0)
    assert pace.window == 256
    pace.learn(256, 1, 8.0)
    assert pace.window == 64
    for _ in range(10):
        pace.learn(64, 64, 0.01)
    assert pace.window == 4096


def test_estimates():
    pace = Pace(1000)
    assert (pace.rate, pace.estimate_seconds(0, 100)) == (0.0, None)
    pace.learn(100, 50, 5.0)
    pace.learn(100, 0, 5.0)
    assert pace.rate == 10.0
    assert pace.estimate_total(200, 400) == 500
    assert pace.estimate_seconds(200, 500) == 15.0
    assert pace.estimate_total(200, None) == 200
    assert Pace(None).estimate_total(200, 0) is None


@pytest.mark.usefixtures("small_windows")
def test_progress_is_told_after_every_window(empty: LocalCollection, tmp_path: Path):
    path = write_rows(tmp_path / "a.jsonl", [{"text": ""}, *make_rows(95)])
    told: list[Progress] = []
    run(empty, path, progress=told.append)
    assert [progress.written for progress in told] == [*range(10, 100, 10), 95]
    assert told[-1].read == told[-1].total == 96
    assert told[-1].rejected == 1
    assert told[-1].tokens == 95 * 4
    assert told[-1].eta_s == 0.0
    assert all(progress.rate > 0 for progress in told)
    again: list[Progress] = []
    run(empty, path, progress=again.append)
    assert (again[-1].unchanged, again[-1].written, again[-1].rate) == (95, 0, 0.0)


class Endless(DocumentStream):
    """More documents than anybody wants, then an error."""

    def __init__(self, path: Path, count: int, text: str = "t") -> None:
        super().__init__([str(path)], HashEncoder(8), AUTO)
        self._count = count
        self._text = text
        self.given = 0

    def read(self) -> Iterator[Piece]:
        from indexing.readers.records import Origin
        from indexing.types import Document

        for number in range(self._count):
            self.given += 1
            yield Piece(Document(str(number), self._text), Origin("x", number), 0)
        raise SourceError("broken off")


def readers() -> int:
    """Threads that read ahead; other tests' libraries have threads of their own."""
    return sum(thread.name == "read-ahead" for thread in threading.enumerate())


@pytest.mark.parametrize(("text", "most"), [("t", 4096 + 3 * 32), ("t" * 600_000, 60)])
def test_reading_ahead_is_bounded_and_stops(tmp_path: Path, text: str, most: int):
    stream = Endless(write_rows(tmp_path / "a.jsonl", make_rows(1)), 10**9, text)
    with ReadAhead(stream) as blocks:
        first = next(iter(blocks))
        given = -1
        while given != stream.given:
            given = stream.given
            time.sleep(0.05)
        assert len(first.outcomes) < given <= most
        assert readers() == 1
    assert readers() == 0


def test_errors_of_the_reading_thread_come_after_what_was_read(tmp_path: Path):
    stream = Endless(write_rows(tmp_path / "a.jsonl", make_rows(1)), 64)
    read: list[int] = []
    with ReadAhead(stream) as blocks, pytest.raises(SourceError, match="broken off"):
        read.extend(len(block.outcomes) for block in blocks)
    assert sum(read) == 64


# -- plan ------------------------------------------------------------------------------------


def changes(folder: Path) -> dict[str, int]:
    """When the files were changed; the word index merges its segments when it likes."""
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file()}


def test_a_plan_tells_what_would_happen_and_changes_nothing(empty: LocalCollection, tmp_path: Path):
    source = tmp_path / "source"
    source.mkdir()
    rows = make_rows(1200)
    run(empty, write_rows(source / "a.jsonl", rows[:700]))
    rows[1]["text"], rows[2]["n"] = "changed " * 40, -1
    rows.append({"id": "copy", "text": rows[3]["text"]})
    write_rows(source / "a.jsonl", [*rows, rows[0], {"id": "bad"}])
    (source / "b.txt").write_text(LONG)
    before = changes(empty.folder)
    encoder = HashEncoder(8, max_tokens=32)
    planned = plan([str(source)], empty, encoder, AUTO)
    assert changes(empty.folder) == before
    done = run(empty, source)
    assert planned.to_json() | {"minutes": 0} == {
        **{"new": done.added, "changed": 1, "relabelled": 1, "unchanged": 698},
        **{"duplicates": 2, "too_long": 1, "rejected": 1},
        **{"chunks": done.added - 501, "tokens": done.tokens, "minutes": 0},
    }
    assert 0 < planned.minutes < 1
    assert (done.changed, done.duplicates, done.rejected, done.truncated) == (1, 1, 1, 1)
    assert plan([str(source)], empty, encoder, AUTO).minutes == 0.0
