"""Search by words and by both, in step with every write."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from indexing.data_folder import DataFolder
from indexing.errors import InvalidRequestError, LexicalIndexError
from indexing.filters import Filter
from indexing.lexical import LexicalIndex
from indexing.lexicon import Lexicon
from indexing.types import Document, Parent, SearchRequest

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.local import LocalCollection
    from indexing.types import Hits, SearchResult

KOREAN = Filter.parse({"must": [{"key": "lang", "match": {"value": "ko"}}]})


def ask(
    collection: LocalCollection, query: str, mode: str = "lexical", limit: int = 10
) -> SearchResult:
    return collection.search(SearchRequest(query=query, mode=mode, limit=limit))  # type: ignore[arg-type]


def ids(result: SearchResult) -> list[str]:
    return [match.document.id for match in result.matches]


def test_words_are_found_whatever_hangs_on_them(collection: LocalCollection) -> None:
    """The particle and the ending differ, the noun is the same."""
    result = ask(collection, "소포를 보냈는데요")
    assert ids(result) == ["d"]
    match = result.matches[0]
    assert match.channels == {"lexical": match.score}
    assert match.distance is None
    assert match.score > 0
    assert ids(ask(collection, "A parcel left?")) == ["c"]


def test_the_receipt_says_what_was_looked_for(collection: LocalCollection) -> None:
    receipt = ask(collection, "무료 반품").receipt
    assert receipt.query_terms is not None
    assert {"무료", "반품"} <= set(receipt.query_terms)
    assert (receipt.exact, receipt.index, receipt.recall_estimate) == (True, "bm25", 1.0)
    assert receipt.query_tokens is None
    assert {"analyse", "search", "fetch", "total"} <= receipt.milliseconds.keys()
    assert "encode" not in receipt.milliseconds
    stages = sum(ms for stage, ms in receipt.milliseconds.items() if stage != "total")
    assert stages <= receipt.milliseconds["total"] + 1


def test_both_channels_are_fused_into_one_scale(collection: LocalCollection) -> None:
    result = ask(collection, "gift cards", "hybrid")
    best = result.matches[0]
    assert best.document.id == "e"
    assert best.score == 1.0, "first by meaning and by words"
    assert best.channels.keys() == {"dense", "lexical"}
    assert best.distance == pytest.approx(1 - best.channels["dense"])
    assert all(0 <= match.score <= 1 for match in result.matches)
    assert len(result.matches) == 5
    assert result.receipt.index == "flat+bm25"
    assert result.receipt.query_tokens == 2
    assert result.receipt.query_terms is not None


def test_filters_hold_for_words(collection: LocalCollection) -> None:
    for mode in ("lexical", "hybrid"):
        request = SearchRequest(query="반품 소포", mode=mode, filter=KOREAN)  # type: ignore[arg-type]
        assert set(ids(collection.search(request))) == {"b", "d"}
    english = Filter.parse({"must_not": [{"key": "lang", "match": {"value": "ko"}}]})
    request = SearchRequest(query="반품 소포", mode="lexical", filter=english)
    assert collection.search(request).matches == ()


def test_writes_are_in_the_next_search(collection: LocalCollection) -> None:
    collection.add([Document("f", "열대어 수족관 관리"), Document("d", "이제 배를 탑니다", "배송")])
    assert ids(ask(collection, "수족관")) == ["f"]
    assert ids(ask(collection, "소포")) == []
    collection.delete(["f"])
    assert ids(ask(collection, "수족관")) == []
    assert collection.verify().ok


def test_a_query_without_words_is_told(collection: LocalCollection) -> None:
    with pytest.raises(InvalidRequestError, match="holds no words to look for"):
        ask(collection, "?! ...")
    result = ask(collection, "?! ...", "hybrid")
    assert "answered by meaning alone" in result.receipt.warnings[0]
    assert result.receipt.index == "flat"


def test_vectors_and_documents_have_no_words(collection: LocalCollection) -> None:
    with pytest.raises(InvalidRequestError, match="needs a query; document_id"):
        collection.search(SearchRequest(document_id="a", mode="hybrid"))


def test_chunks_of_one_parent_are_folded_in_every_mode(data: DataFolder) -> None:
    made = data.create("chunks", encoder="hash:32")
    made.add(
        [
            Document("book#0", "고래와 바다", parent=Parent("book", 0, 0, 6)),
            Document("book#1", "바다와 배와 바다", parent=Parent("book", 1, 7, 16)),
            Document("song", "바다의 노래"),
        ]
    )
    for mode in ("lexical", "hybrid"):
        request = SearchRequest(query="바다", mode=mode, group="parents")  # type: ignore[arg-type]
        parents = {
            match.document.parent.id if match.document.parent else match.document.id
            for match in made.search(request).matches
        }
        assert parents == {"book", "song"}
        assert len(made.search(request).matches) == 2


def test_a_lost_lexical_index_is_built_again(collection: LocalCollection, data: DataFolder) -> None:
    data.close()
    shutil.rmtree(collection.folder / "lexical")
    with DataFolder.open(data.path) as again:
        reopened = again.collection("help")
        assert ids(ask(reopened, "소포")) == ["d"]
        assert reopened.verify().ok


@pytest.mark.parametrize("size", [0, 40])
def test_a_damaged_lexical_index_is_built_again(
    collection: LocalCollection, data: DataFolder, size: int
) -> None:
    data.close()
    for path in (collection.folder / "lexical").iterdir():
        path.write_bytes(path.read_bytes()[:size])
    with DataFolder.open(data.path) as again:
        reopened = again.collection("help")
        assert ids(ask(reopened, "소포")) == ["d"]
        assert reopened.verify().ok


def test_an_index_that_fell_behind_catches_up(
    collection: LocalCollection, data: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a crash between the two commits, and after a commit that failed."""
    assert ids(ask(collection, "소포")) == ["d"]
    with monkeypatch.context() as patched:
        patched.setattr(LexicalIndex, "commit", _fail)
        collection.add([Document("f", "열대어 수족관"), Document("a", "바뀐 문서")])
        collection.delete(["b"])
        result = ask(collection, "수족관 반품")
        assert ids(result) == [], "neither the new nor the deleted one"
        assert "not found yet: commit 3 failed" in result.receipt.warnings[0]
        report = collection.verify()
        assert report.problems == ("lexical index: 2 documents missing, 2 deleted ones left",)
        data.close()
    assert collection.storage.lexicon.problem
    with DataFolder.open(data.path) as again:
        reopened = again.collection("help")
        assert ids(ask(reopened, "수족관")) == ["f"]
        assert ids(ask(reopened, "반품")) == []
        assert reopened.verify().ok
        reopened.add([Document("g", "또 다른 수족관")])
        assert set(ids(ask(reopened, "수족관"))) == {"f", "g"}


def _fail(self: LexicalIndex, version: int) -> None:
    from indexing.errors import LexicalIndexError

    self.rollback()
    message = f"commit {version} failed"
    raise LexicalIndexError(message)


def test_collections_from_before_lexical_search_are_migrated(
    collection: LocalCollection, data: DataFolder
) -> None:
    import sqlite3

    data.close()
    shutil.rmtree(collection.folder / "lexical")
    connection = sqlite3.connect(collection.folder / "documents.sqlite")
    connection.executescript(
        "ALTER TABLE documents DROP COLUMN image; DROP TRIGGER pictures_go;"
        "DROP TRIGGER pictures_follow; DROP TABLE pictures;"
        "DROP TABLE version; DROP TRIGGER terms_go; DROP TRIGGER terms_follow; DROP TABLE terms;"
        "DROP TABLE analyzers; PRAGMA user_version = 1;"
    )
    connection.close()
    with DataFolder.open(data.path) as again:
        reopened = again.collection("help")
        assert ids(ask(reopened, "소포")) == ["d"]
        assert reopened.verify().ok


def test_readers_search_words_too(collection: LocalCollection, data: DataFolder) -> None:
    data.close()
    with DataFolder.open(data.path, mode="read") as again:
        assert ids(ask(again.collection("help"), "소포")) == ["d"]


def test_a_korean_question_to_an_english_encoder_is_left_to_its_words(
    data: DataFolder, tmp_path: Path
) -> None:
    made = data.create("shop", encoder="hash:32")
    made.add([Document("a", "소포는 당일 출발합니다"), Document("b", "parcels leave the same day")])
    data.close()
    card = tmp_path / "data" / "shop" / "card.json"
    card.write_text(card.read_text().replace('"languages": []', '"languages": ["en"]'))
    with DataFolder.open(data.path) as again:
        result = ask(again.collection("shop"), "소포가 언제 출발하나요", "hybrid")
        assert ids(result) == ["a"]
        assert result.receipt.index == "bm25"
        assert "was not made for Korean" in result.receipt.warnings[0]
        english = ask(again.collection("shop"), "parcels leave", "hybrid")
        assert english.receipt.index == "flat+bm25"
        assert ids(english)[0] == "b"


def test_without_a_lexical_index_meaning_answers_and_says_so(
    collection: LocalCollection, data: DataFolder
) -> None:
    data.close()
    shutil.rmtree(collection.folder / "lexical")
    with DataFolder.open(data.path, mode="read") as again:
        reopened = again.collection("help")
        result = ask(reopened, "gift cards", "hybrid")
        assert ids(result)[0] == "e"
        assert result.receipt.index == "flat"
        assert "answered by meaning alone: no lexical index" in result.receipt.warnings[0]
        with pytest.raises(LexicalIndexError, match="open the collection for writing"):
            ask(reopened, "gift cards", "lexical")


@pytest.mark.parametrize("mode", ["lexical", "hybrid"])
def test_words_written_while_vectors_are_compared_are_of_one_moment_with_them(
    data: DataFolder, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """Rows behind the moment's vectors were read from whatever lies behind the file in memory."""
    made = data.create("many", encoder="hash:32")
    made.add([Document(f"d{number}", f"parcel number {number}") for number in range(600)])
    assert made.storage.calibration is not None
    written = iter(
        [[Document(f"d{number}", f"rare parcel {number}") for number in range(300, 900)]]
    )
    search = Lexicon.search

    def search_after_a_write(self: Lexicon, *asked: object) -> Hits:
        for documents in written:
            made.add(documents)
        return search(self, *asked)  # type: ignore[arg-type]

    monkeypatch.setattr(Lexicon, "search", search_after_a_write)
    disturbed = ask(made, "rare parcel 300", mode, 200)
    monkeypatch.undo()
    quiet = ask(made, "rare parcel 300", mode, 200)
    assert ids(disturbed) == ids(quiet)
    assert ids(quiet)[0] == "d300"
    assert [match.score for match in disturbed.matches] == [match.score for match in quiet.matches]
