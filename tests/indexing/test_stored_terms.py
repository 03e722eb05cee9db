"""Terms kept with the documents: what a lexical index is built from when it is lost."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.text import korean
from embeddings.text.analyzer import Analyzer
from indexing.compaction import compact
from indexing.data_folder import DataFolder
from indexing.errors import LexicalIndexError
from indexing.terms import Terms, pack, unpack
from indexing.types import Document, SearchRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexing.local import LocalCollection
    from indexing.types import SearchResult

ROOT = Path(__file__).parents[2]
WORDS = st.lists(st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1))


def ask(collection: LocalCollection, query: str, mode: str = "lexical") -> SearchResult:
    return collection.search(SearchRequest(query=query, mode=mode))  # type: ignore[arg-type]


def ids(result: SearchResult) -> list[str]:
    return [match.document.id for match in result.matches]


def kept(collection: LocalCollection) -> dict[str, Terms]:
    """The terms in the file by document id, whatever analyzer found them."""
    with closing(sqlite3.connect(collection.folder / "documents.sqlite")) as connection:
        found = connection.execute("SELECT id, packed FROM terms LEFT JOIN documents USING (row)")
        rows = found.fetchall()
    terms = unpack(packed for _, packed in rows)
    return {id_: term for (id_, _), term in zip(rows, terms, strict=True) if term}


def change(collection: LocalCollection, script: str) -> None:
    with closing(sqlite3.connect(collection.folder / "documents.sqlite")) as connection:
        connection.executescript(script)


@given(title=WORDS, text=WORDS)
def test_terms_come_back_as_they_were_packed(title: list[str], text: list[str]) -> None:
    packed = list(pack([Terms(title, text), Terms([], [])]))
    assert list(unpack(packed)) == [Terms(title, text), Terms([], [])]


def test_damage_is_seen() -> None:
    whole = next(pack([Terms(["반품"], ["무료", "십사"] * 9)]))
    broken = [
        whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        for place in range(len(whole))
    ]
    broken += [whole[:length] for length in range(len(whole))]
    assert [terms for terms in unpack(broken) if terms is not None] == []


def test_titles_and_texts_are_kept_apart_and_follow_every_write(
    collection: LocalCollection,
) -> None:
    assert kept(collection)["b"] == Terms(["반품"], ["반품", "십", "사", "안", "무료"])
    assert kept(collection)["c"].title == ["ship"]
    collection.add(
        [
            Document("b", "환불"),
            Document("a", "returns are free for fourteen days", "Returns", {"n": 7}),
        ]
    )
    collection.delete(["c"])
    now = kept(collection)
    assert sorted(now) == ["a", "b", "d", "e"], "one each, and none of a document that is gone"
    assert now["b"] == Terms([], ["환불"])


def test_a_lost_index_is_built_without_analysing_again(
    collection: LocalCollection, data: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [(m.document.id, m.score) for m in ask(collection, "반품 소포 parcel").matches]
    version = collection.storage.documents.version()
    data.close()
    shutil.rmtree(collection.folder / "lexical")
    analyse = Analyzer.analyze
    monkeypatch.setattr(Analyzer, "analyze", _fail)
    with DataFolder.open(data.path) as again:
        reopened = again.collection("help")
        assert [
            (m.document.id, m.score) for m in ask(reopened, "반품 소포 parcel").matches
        ] == before
        assert reopened.verify().ok
        monkeypatch.setattr(Analyzer, "analyze", analyse)
        assert reopened.storage.documents.version() == version


def _fail(self: Analyzer, texts: object) -> list[list[str]]:
    message = "analysed again"
    raise RuntimeError(message)


@pytest.mark.parametrize(
    "harm",
    [
        "DELETE FROM terms WHERE row IN (1, 3)",
        "UPDATE terms SET packed = x'28b52ffd00' WHERE row < 2",
        "UPDATE terms SET packed = x''",
        "UPDATE analyzers SET fingerprint = 'an older one'",
        "DELETE FROM analyzers",
        "ALTER TABLE documents DROP COLUMN image; DROP TRIGGER pictures_go;"
        "DROP TRIGGER pictures_follow; DROP TABLE pictures;"
        "DROP TRIGGER terms_go; DROP TRIGGER terms_follow; DROP TABLE terms; DROP TABLE analyzers;"
        "PRAGMA user_version = 2",
    ],
)
def test_terms_that_are_missing_damaged_or_of_another_analyzer_are_found_again(
    collection: LocalCollection, data: DataFolder, harm: str
) -> None:
    whole = kept(collection)
    data.close()
    shutil.rmtree(collection.folder / "lexical")
    change(collection, harm)
    with DataFolder.open(data.path) as again:
        reopened = again.collection("help")
        assert ids(ask(reopened, "소포")) == ["d"]
        assert ids(ask(reopened, "반품")) == ["b"]
        assert reopened.verify().ok
        assert kept(reopened) == whole
        assert len(whole) == 5


def test_terms_move_with_the_rows_of_their_documents(
    collection: LocalCollection, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection.delete(["a", "c"])
    before = kept(collection)
    assert sorted(before) == ["b", "d", "e"]
    with monkeypatch.context() as patched:
        patched.setattr(Analyzer, "analyze", _fail)
        compact(collection.storage)
    assert collection.storage.documents.rows().tolist() == [0, 1, 2]
    assert kept(collection) == before
    assert ids(ask(collection, "소포")) == ["d"]
    assert collection.verify().ok


KILLED = """
import os, signal, sys
from indexing.data_folder import DataFolder
from indexing.types import Document, SearchRequest
folder = DataFolder.open(sys.argv[1])
made = folder.create("help", encoder="hash:32")
made.add([Document("a", "반품은 무료입니다"), Document("b", "소포는 당일 출발합니다", "배송")])
made.search(SearchRequest(query="소포", mode="lexical"))
made.add([Document("c", "열대어 수족관"), Document("a", "교환은 유료입니다")])
made.delete(["b"])
assert made.storage.lexicon._index.version < made.storage.documents.version()
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(folder: Path) -> None:
    """Three writes, of which the words of the last two are in no commit."""
    command = [sys.executable, "-c", KILLED, str(folder)]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


def _nothing(folder: Path) -> None:
    pass


def _damage(folder: Path) -> None:
    """Cut every file of the index in half."""
    for path in (folder / "lexical").iterdir():
        os.truncate(path, path.stat().st_size // 2)


def _lose(folder: Path) -> None:
    """Half of the index is gone, and half of the terms."""
    for path in sorted((folder / "lexical").iterdir())[::2]:
        path.unlink()
    with closing(sqlite3.connect(folder / "documents.sqlite")) as connection:
        connection.executescript("DELETE FROM terms WHERE row % 2")


@pytest.mark.parametrize("harm", [_nothing, _damage, _lose])
def test_killed_between_the_two_commits(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    killed(tmp_path / "data")
    harm(tmp_path / "data" / "help")
    with DataFolder.open(tmp_path / "data") as again:
        reopened = again.collection("help")
        assert ids(ask(reopened, "수족관")) == ["c"]
        assert ids(ask(reopened, "교환")) == ["a"]
        assert ids(ask(reopened, "반품 소포 배송")) == []
        assert reopened.verify().ok
        assert sorted(kept(reopened)) == ["a", "c"]


def test_without_kiwi_its_index_is_left_alone(
    collection: LocalCollection, data: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.close()
    with monkeypatch.context() as patched, DataFolder.open(data.path) as again:
        patched.setattr(korean, "versions", lambda: None)
        without = again.collection("help")
        with pytest.raises(LexicalIndexError, match="pip install kiwipiepy kiwipiepy_model"):
            ask(without, "소포")
        result = ask(without, "gift cards", "hybrid")
        assert ids(result)[0] == "e"
        assert "answered by meaning alone" in result.receipt.warnings[0]
        assert "Kiwi is not installed" in result.receipt.warnings[0]
        without.add([Document("f", "열대어 수족관")])
        without.delete(["b"])
        assert "f" not in kept(without)
    with DataFolder.open(data.path) as again:
        reopened = again.collection("help")
        assert ids(ask(reopened, "수족관")) == ["f"]
        assert ids(ask(reopened, "반품")) == []
        assert reopened.verify().ok
        assert kept(reopened)["f"] == Terms([], ["열대어", "수족관"])


def test_without_kiwi_a_repair_cuts_bigrams(
    collection: LocalCollection, data: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.close()
    with monkeypatch.context() as patched, DataFolder.open(data.path) as again:
        patched.setattr(korean, "versions", lambda: None)
        report = again.collection("help").verify(repair=True)
        assert report.ok
        assert "found by Kiwi" in report.repaired[0]
        assert ids(ask(again.collection("help"), "소포")) == ["d"]
        assert kept(again.collection("help"))["d"].title == ["배송"]
        assert kept(again.collection("help"))["d"].text[:2] == ["소포", "포는"]
    with DataFolder.open(data.path) as again:
        assert ids(ask(again.collection("help"), "소포를")) == ["d"]
        assert kept(again.collection("help"))["d"].text == ["소포", "당일", "출발"]


BROKEN = """
import sys
from indexing.data_folder import DataFolder
from embeddings.errors import AnalyzerError
from indexing.types import Document, SearchRequest
sys.modules["kiwipiepy"] = None  # installed, and cannot be imported
folder = DataFolder.open(sys.argv[1])
made = folder.collection("help")
made.add([Document("f", "열대어 수족관")])
try:
    made.search(SearchRequest(query="수족관", mode="lexical"))
except AnalyzerError as error:
    print("pip install kiwipiepy kiwipiepy_model" in str(error))
result = made.search(SearchRequest(query="수족관", mode="hybrid"))
print(result.receipt.index, "by meaning alone: Kiwi cannot" in result.receipt.warnings[0])
print(made.search(SearchRequest(query="gift cards", mode="lexical")).matches[0].document.id)
print(made.verify().problems)
folder.close()
"""


def test_a_kiwi_that_does_not_load_stops_korean_words_alone(
    collection: LocalCollection, data: DataFolder
) -> None:
    data.close()
    command = [sys.executable, "-c", BROKEN, str(data.path)]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "True",
        "flat True",
        "e",
        "('lexical index: 1 documents missing, 0 deleted ones left',)",
    ], done.stderr
    with DataFolder.open(data.path) as again:
        reopened = again.collection("help")
        assert ids(ask(reopened, "수족관")) == ["f"]
        assert reopened.verify().ok
