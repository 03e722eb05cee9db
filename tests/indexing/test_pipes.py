"""Standard input that goes on for long, or stops in the middle."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from embeddings.hashing import HashEncoder
from indexing.errors import EncoderMismatchError, InvalidRequestError
from indexing.ingest import IngestOptions, IngestReport, Progress, ingest, plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from indexing.data_folder import DataFolder
    from indexing.hashes import State
    from indexing.local import LocalCollection
    from indexing.types import Document, WriteReceipt

ENCODER = HashEncoder(8, max_tokens=32)


@pytest.fixture
def empty(data: DataFolder) -> LocalCollection:
    return data.create("notes", encoder="hash:8:32")


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The end of standard input that is written to."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        yield writing


def wait_for_documents(collection: LocalCollection, wanted: int) -> int:
    deadline = time.monotonic() + 20
    while collection.count() < wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    return collection.count()


def test_what_an_open_pipe_gave_is_written_while_it_gives_nothing_more(
    empty: LocalCollection, pipe: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexing.ingest.ahead.IDLE_SECONDS", 0.05)
    reports: list[IngestReport] = []
    thread = threading.Thread(
        target=lambda: reports.append(ingest(["-"], empty, ENCODER, IngestOptions()))
    )
    thread.start()
    os.write(pipe, b"one\ntwo\nthree\n")
    assert wait_for_documents(empty, 3) == 3
    os.write(pipe, b"four\n")
    assert wait_for_documents(empty, 4) == 4
    assert thread.is_alive()
    os.close(pipe)
    thread.join(20)
    assert (reports[0].added, reports[0].rejected) == (4, 0)


def test_what_was_refused_is_listed_while_a_pipe_is_open(
    empty: LocalCollection, pipe: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexing.ingest.ahead.IDLE_SECONDS", 0.05)
    thread = threading.Thread(target=lambda: ingest(["-"], empty, ENCODER, IngestOptions()))
    thread.start()
    os.write(pipe, b'{"id": "1"}\n')
    rejects, deadline = empty.folder / "rejects.jsonl", time.monotonic() + 20
    while not (rejects.exists() and rejects.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert '"line": 1' in rejects.read_text()
    os.close(pipe)
    thread.join(20)


class Interrupted:
    """A collection in which Ctrl-C is pressed at the n-th window."""

    def __init__(self, collection: LocalCollection, windows: int, *, read_all: bool) -> None:
        self.folder = collection.folder
        self._collection = collection
        self._left = windows
        self._read_all = read_all

    def add(self, documents: Sequence[Document]) -> WriteReceipt:
        self._left -= 1
        if self._left < 0:
            while self._read_all and not _has_ended():
                time.sleep(0.01)
            raise KeyboardInterrupt
        return self._collection.add(documents)

    def states(self, documents: Sequence[Document]) -> list[State]:
        return self._collection.states(documents)

    def trim_parents(self, chunks: Mapping[str, int]) -> int:
        return self._collection.trim_parents(chunks)


def _has_ended() -> bool:
    """Whether the reading thread is gone."""
    return all(thread.name != "read-ahead" for thread in threading.enumerate())


def test_ctrl_c_tells_what_of_a_pipe_is_lost(
    empty: LocalCollection, pipe: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexing.ingest.pace.FIRST_WINDOW", 10)
    monkeypatch.setattr("indexing.ingest.pace.MOST_WINDOW", 10)
    monkeypatch.setattr("indexing.ingest.pace.LEAST_WINDOW", 10)
    os.write(pipe, b"".join(b"line %d\n" % n for n in range(75)))
    os.close(pipe)
    told: list[Progress] = []
    target = Interrupted(empty, 3, read_all=True)
    with pytest.raises(KeyboardInterrupt):
        ingest(["-"], target, ENCODER, IngestOptions(), progress=told.append)
    assert [progress.lost for progress in told] == [0, 0, 0, 45]
    assert told[-1].written == empty.count() == 30


def test_ctrl_c_does_not_wait_for_a_line_that_never_comes(
    empty: LocalCollection, pipe: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexing.ingest.ahead.IDLE_SECONDS", 0.05)
    os.write(pipe, b"one\n")
    target = Interrupted(empty, 0, read_all=False)
    with pytest.raises(KeyboardInterrupt):
        ingest(["-"], target, ENCODER, IngestOptions())
    assert not _has_ended(), "the thread is still reading, and nobody waited for it"
    os.close(pipe)


# -- arguments that are something else ---------------------------------------------------------


def test_one_string_is_not_a_list_of_sources(empty: LocalCollection) -> None:
    with pytest.raises(TypeError, match=r"sources is the string 'a.txt'; give a list of paths"):
        ingest("a.txt", empty, ENCODER, IngestOptions())
    with pytest.raises(TypeError, match="give a list of paths"):
        plan("a.txt", empty, ENCODER, IngestOptions())


def test_the_encoder_must_be_the_collections(empty: LocalCollection, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    other = HashEncoder(16)
    for work in (ingest, plan):
        with pytest.raises(EncoderMismatchError, match=r"'hash:8:32'.*not of 'hash:16'"):
            work([str(tmp_path / "a.txt")], empty, other, IngestOptions())
    assert empty.count() == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (IngestOptions(chunk="x"), "chunk is 'x'; it is 'auto', 'none' or a number of tokens"),  # type: ignore[arg-type]
        (IngestOptions(chunk=32.0), "chunk is 32.0; it is"),  # type: ignore[arg-type]
        (IngestOptions(chunk=True), "chunk is True; it is"),
        (IngestOptions(chunk="none", overlap=8), "an overlap of 8 tokens without chunks is not"),
    ],
)
def test_options_that_cannot_be(
    empty: LocalCollection, tmp_path: Path, options: IngestOptions, message: str
) -> None:
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(InvalidRequestError, match=message):
        ingest([str(tmp_path / "a.txt")], empty, ENCODER, options)
