"""What a collection promises: the next search sees every write, and says how it answered."""

from __future__ import annotations

import os
import tempfile
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from embeddings.hashing import HashEncoder
from indexing.collection import Collection, open_collection
from indexing.data_folder import DataFolder
from indexing.errors import (
    CollectionExistsError,
    CollectionNotFoundError,
    DimensionMismatchError,
    DocumentNotFoundError,
    EncoderMismatchError,
    FolderLockedError,
    InvalidDocumentError,
    InvalidNameError,
    InvalidRequestError,
)
from indexing.filters import Filter
from indexing.types import Document, Metric, Parent, SearchRequest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from embeddings.types import Encoding, Role
    from indexing.local import LocalCollection


def ids(collection: LocalCollection, request: SearchRequest) -> list[str]:
    return [match.document.id for match in collection.search(request).matches]


def nested(levels: int) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for _ in range(levels - 1):
        data = {"k": data}
    return data


def test_it_is_a_collection(collection: LocalCollection) -> None:
    assert isinstance(collection, Collection)
    assert collection.card.name == "help"
    assert collection.card.metric is Metric.COSINE
    assert collection.card.encoder == HashEncoder(32).card


def test_the_best_match_comes_first(collection: LocalCollection) -> None:
    result = collection.search(SearchRequest(query="gift cards", limit=3))
    best = result.matches[0]
    assert (best.document.id, best.rank) == ("e", 1)
    assert best.document.title == "Gift cards"
    assert best.document.metadata == {"lang": "en", "n": 5}
    assert best.distance == pytest.approx(1 - best.score)
    assert best.channels == {"dense": best.score}
    assert [match.rank for match in result.matches] == [1, 2, 3]
    scores = [match.score for match in result.matches]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("metric", list(Metric), ids=str)
def test_scores_are_the_metrics(data: DataFolder, metric: Metric) -> None:
    made = data.create(metric.value, encoder="hash:16", metric=metric)
    texts = {"x": "red book", "y": "blue book", "z": "green tea"}
    made.add([Document(id_, text) for id_, text in texts.items()])
    query = (np.arange(16) - 7.5).astype(np.float32) / 3
    vectors = HashEncoder(16).encode(list(texts.values()), role="document").vectors
    by_hand: dict[str, float] = {}
    for id_, vector in zip(texts, vectors.astype(np.float64), strict=True):
        if metric is Metric.EUCLIDEAN:
            by_hand[id_] = -float(np.linalg.norm(vector - query))
        else:
            length = np.linalg.norm(query) if metric is Metric.COSINE else 1.0
            by_hand[id_] = float(vector @ query / length)
    result = made.search(SearchRequest(vector=query, limit=3))
    assert [m.document.id for m in result.matches] == sorted(by_hand, key=lambda i: -by_hand[i])
    for match in result.matches:
        assert match.score == pytest.approx(by_hand[match.document.id], abs=1e-5)
    if metric is Metric.EUCLIDEAN:
        assert result.matches[0].distance == pytest.approx(-result.matches[0].score)


def test_equal_scores_come_by_id(data: DataFolder) -> None:
    made = data.create("ties", encoder="hash:16")
    names = [f"doc-{number:03d}" for number in range(60)]
    made.add([Document(name, "the very same words") for name in reversed(names)])
    assert ids(made, SearchRequest(query="same words", limit=7)) == names[:7]
    assert ids(made, SearchRequest(query="same words", limit=5, offset=50)) == names[50:55]


def test_pages_follow_one_another(collection: LocalCollection) -> None:
    whole = ids(collection, SearchRequest(query="gift returns", limit=5))
    pages = [
        *ids(collection, SearchRequest(query="gift returns", limit=2)),
        *ids(collection, SearchRequest(query="gift returns", limit=2, offset=2)),
        *ids(collection, SearchRequest(query="gift returns", limit=2, offset=4)),
    ]
    assert pages == whole
    last = collection.search(SearchRequest(query="gift returns", limit=2, offset=4))
    assert [match.rank for match in last.matches] == [5]


def test_fewer_than_asked_is_a_normal_answer(collection: LocalCollection) -> None:
    assert len(ids(collection, SearchRequest(query="gift", limit=100))) == 5
    assert ids(collection, SearchRequest(query="gift", limit=3, offset=90)) == []


def test_an_empty_collection_has_no_matches(data: DataFolder) -> None:
    result = data.create("empty", encoder="hash:8").search(SearchRequest(query="anything"))
    assert result.matches == ()
    assert result.receipt.exact
    assert result.receipt.searched == 0


def test_the_receipt_says_how(collection: LocalCollection) -> None:
    receipt = collection.search(SearchRequest(query="gift cards")).receipt
    assert receipt.exact
    assert receipt.index == "flat"
    assert receipt.recall_estimate == 1.0
    assert (receipt.searched, receipt.documents, receipt.matched_by_filter) == (5, 5, None)
    assert receipt.encoder == {"name": "hash:32", "fingerprint": HashEncoder(32).card.fingerprint}
    assert receipt.query_tokens == 2
    assert not receipt.query_truncated
    assert {"encode", "search", "fetch", "total"} <= receipt.milliseconds.keys()
    assert receipt.warnings == ()


def test_truncation_is_in_both_receipts(data: DataFolder) -> None:
    made = data.create("short", encoder="hash:16:4")
    written = made.add([Document("long", "one two three four five"), Document("short", "one two")])
    assert written.truncated == ("long",)
    assert written.tokens == 7
    result = made.search(SearchRequest(query="a query of far too many words"))
    assert result.receipt.query_truncated
    assert result.receipt.query_tokens == 7
    assert result.receipt.truncated_matches == 1
    assert {m.document.id: m.truncated for m in result.matches} == {"long": True, "short": False}
    assert made.describe().truncated == 1


def test_a_filter_is_obeyed_and_counted(collection: LocalCollection) -> None:
    korean = Filter.parse({"must": [{"key": "lang", "match": {"value": "ko"}}]})
    result = collection.search(SearchRequest(query="gift cards", filter=korean))
    assert {match.document.id for match in result.matches} == {"b", "d"}
    assert result.receipt.matched_by_filter == 2
    assert result.receipt.searched == 2
    nothing = Filter.parse({"must": [{"key": "lang", "match": {"value": "fr"}}]})
    assert collection.search(SearchRequest(query="gift", filter=nothing)).matches == ()


def test_search_by_document_leaves_itself_out(collection: LocalCollection) -> None:
    found = ids(collection, SearchRequest(document_id="a", limit=5))
    assert set(found) == {"b", "c", "d", "e"}
    with pytest.raises(DocumentNotFoundError, match="'nope'"):
        collection.search(SearchRequest(document_id="nope"))


def test_a_threshold_cuts(collection: LocalCollection) -> None:
    scores = [m.score for m in collection.search(SearchRequest(query="gift cards")).matches]
    middle = (scores[1] + scores[2]) / 2
    kept = collection.search(SearchRequest(query="gift cards", score_threshold=middle)).matches
    assert [match.score for match in kept] == scores[:2]
    assert ids(collection, SearchRequest(query="gift cards", score_threshold=1.0)) == []


def test_vectors_come_on_request(collection: LocalCollection) -> None:
    match = collection.search(SearchRequest(query="gift", limit=1, with_vectors=True)).matches[0]
    text = match.document.encoded_text
    expected = HashEncoder(32).encode([text], role="document").vectors[0]
    assert match.vector is not None
    np.testing.assert_allclose(match.vector, expected, atol=1e-6)
    assert collection.search(SearchRequest(query="gift")).matches[0].vector is None


def test_chunks_can_be_grouped_by_parent(data: DataFolder) -> None:
    made = data.create("chunks", encoder="hash:32")
    made.add(
        [
            Document("book#0", "whales and the sea", parent=Parent("book", 0, 0, 18)),
            Document("book#1", "the sea and ships", parent=Parent("book", 1, 19, 36)),
            Document("song", "a song of the sea"),
        ]
    )
    assert len(ids(made, SearchRequest(query="the sea"))) == 3
    grouped = made.search(SearchRequest(query="the sea and ships", group="parents", limit=2))
    assert [match.document.id for match in grouped.matches] == ["book#1", "song"]
    assert grouped.matches[0].document.parent == Parent("book", 1, 19, 36)
    assert made.describe().parents == 1
    assert made.delete(["book"]) == 2
    assert made.count() == 1


def test_many_chunks_of_one_parent_do_not_hide_others(data: DataFolder) -> None:
    made = data.create("crowd", encoder="hash:32")
    crowd = [Document(f"p#{n}", "storm at sea", parent=Parent("p", n, n, n + 1)) for n in range(90)]
    made.add([*crowd, Document("other", "calm lake"), Document("third", "dry land")])
    grouped = made.search(SearchRequest(query="storm at sea", group="parents", limit=3))
    assert {match.document.id for match in grouped.matches} == {"p#0", "other", "third"}
    assert grouped.matches[0].document.id == "p#0"


def test_leftovers_of_longer_versions_go(data: DataFolder) -> None:
    made = data.create("trim", encoder="hash:8")
    made.add([Document(f"f#{n}", f"part {n}", parent=Parent("f", n, n, n + 1)) for n in range(4)])
    made.add([Document("g", "plain once")])
    assert made.trim_parents({"f": 2, "g": 0}) == 2
    assert {item.document.id for item in made.scan().documents} == {"f#0", "f#1", "g"}
    assert made.trim_parents({"f": 0, "g": 3}) == 3
    assert made.count() == 0


def test_upserts_say_what_they_did(collection: LocalCollection) -> None:
    before = collection.storage.vectors.rows
    receipt = collection.add(
        [
            Document("a", "returns are free for fourteen days", "Returns", {"lang": "en", "n": 1}),
            Document("b", "반품은 십사 일 안에 무료입니다", "반품", {"lang": "ko", "n": 22}),
            Document("c", "parcels leave the next day", "Shipping", {"lang": "en", "n": 3}),
            Document("f", "a new document"),
        ]
    )
    counts = (receipt.added, receipt.changed, receipt.relabelled, receipt.unchanged)
    assert counts == (1, 1, 1, 1)
    assert collection.storage.vectors.rows == before + 2, "two were encoded"
    stored = collection.get(["b", "c", "f", "unknown"])
    assert [item.document.metadata.get("n") if item else None for item in stored] == [
        22,
        3,
        None,
        None,
    ]
    assert stored[1] is not None
    assert stored[1].document.text == "parcels leave the next day"
    assert collection.describe().tombstones == 1
    assert ids(collection, SearchRequest(query="parcels leave the next day", limit=1)) == ["c"]


def test_deleted_documents_are_gone_from_the_next_search(collection: LocalCollection) -> None:
    assert collection.delete(["a", "never was"]) == 1
    assert "a" not in ids(collection, SearchRequest(query="returns are free", limit=10))
    assert collection.get(["a"]) == [None]
    korean = Filter.parse({"must": [{"key": "lang", "match": {"value": "ko"}}]})
    assert collection.delete(filter=korean) == 2
    assert collection.count() == 2
    collection.add([Document("a", "back again")])
    assert ids(collection, SearchRequest(query="back again", limit=1)) == ["a"]


@pytest.mark.parametrize("other", ["a\0b", "\0a", "a\ud800"])
def test_ids_that_cannot_be_touch_no_other(collection: LocalCollection, other: str) -> None:
    assert collection.delete([other]) == 0
    assert collection.trim_parents({other: 1}) == 0
    assert collection.get([other, "a"])[0] is None
    assert collection.count() == 5


def test_scan_pages_through_everything(collection: LocalCollection) -> None:
    first = collection.scan(limit=2)
    second = collection.scan(limit=2, cursor=first.cursor)
    third = collection.scan(limit=2, cursor=second.cursor)
    seen = [item.document.id for page in (first, second, third) for item in page.documents]
    assert seen == ["a", "b", "c", "d", "e"]
    assert third.cursor is None
    korean = Filter.parse({"must": [{"key": "lang", "match": {"value": "ko"}}]})
    assert [i.document.id for i in collection.scan(filter=korean).documents] == ["b", "d"]
    assert collection.count(korean) == 2


def test_everything_is_there_after_reopening(data: DataFolder, tmp_path: Path) -> None:
    made = data.create("kept", encoder="hash:32")
    made.add([Document("x", "한국어 문서", "제목", {"deep": {"list": [1, None, True]}})])
    made.add([Document("y", "english document")])
    made.delete(["y"])
    before = made.search(SearchRequest(query="문서")).matches
    data.close()
    with DataFolder.open(tmp_path / "data") as again:
        reopened = again.collection("kept")
        assert reopened.search(SearchRequest(query="문서")).matches == before
        assert reopened.verify().ok
        assert reopened.describe().tombstones == 1


def test_many_requests_at_once_answer_as_one_by_one(collection: LocalCollection) -> None:
    requests = [
        SearchRequest(query="gift cards", limit=2),
        SearchRequest(document_id="b", limit=1),
        SearchRequest(query="소포는 당일", limit=3, offset=1),
    ]
    together = collection.search_many(requests)
    for request, result in zip(requests, together, strict=True):
        assert [m.document.id for m in result.matches] == ids(collection, request)


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"limit": 0}, "limit", "1 to 10,000"),
        ({"limit": 10**9}, "limit", "1 to 10,000"),
        ({"offset": -1}, "offset", "offset is -1"),
        ({"offset": 9_999, "limit": 2}, "offset", "together with limit"),
        ({"mode": "fuzzy"}, "mode", "this version has dense, lexical, hybrid"),
        ({"mode": "hybrid", "query": None, "document_id": "a"}, "mode", "needs a query"),
        ({"group": "pairs"}, "group", "documents or parents"),
        ({"query": "   "}, "query", "query is empty"),
        ({"query": None}, "query", "none given"),
        ({"document_id": "a"}, "document_id", "query and document_id given"),
        ({"score_threshold": float("nan")}, "score_threshold", "finite"),
    ],
)
def test_impossible_requests_are_named(
    collection: LocalCollection, changes: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(InvalidRequestError, match=message) as caught:
        collection.search(replace(SearchRequest(query="gift"), **changes))
    assert caught.value.field == field


def test_impossible_vectors_are_named(collection: LocalCollection) -> None:
    def search(vector: list[float]) -> None:
        collection.search(SearchRequest(vector=np.array(vector, dtype=np.float32)))

    with pytest.raises(DimensionMismatchError, match=r"has 3 dimensions.* have 32"):
        search([1.0, 2.0, 3.0])
    with pytest.raises(InvalidRequestError, match="NaN or infinity"):
        search([float("nan")] * 32)
    with pytest.raises(InvalidRequestError, match="all zeros"):
        search([0.0] * 32)
    with pytest.raises(InvalidRequestError, match="vector has 2 rows"):
        search([[1.0] * 32, [2.0] * 32])  # type: ignore[list-item]


def test_one_string_is_not_a_list_of_ids(data: DataFolder) -> None:
    made = data.create("digits", encoder="hash:8")
    made.add([Document("2", "two"), Document("3", "three"), Document("23", "both")])
    with pytest.raises(TypeError, match="pass a list of ids"):
        made.delete("23")
    assert made.count() == 3


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (Document("x", ""), "'x' has empty text"),
        (Document("x", " \n "), "'x' has empty text"),
        (Document("", "text"), "empty id"),
        (Document("x" * 600, "text"), "id has 600 bytes, at most 512"),
        (Document("x", "가" * 3_400_000), "text has 10,200,000 bytes.*split it into chunks"),
        (Document("x", "\ud83d"), "half a surrogate pair"),
        (Document("x", "text", metadata={"n": float("nan")}), "not a JSON object"),
        (Document("x", "text", metadata={"n": {1, 2}}), "not a JSON object"),
        (Document("x", "text", metadata={"n": "y" * 70_000}), "metadata has 70,008 bytes"),
        (Document("x\0y", "text"), r"U\+0000 in id or metadata"),
        (Document("x", "text", metadata={"k": ["a\0b"]}), r"U\+0000 in id or metadata"),
        (Document("x", "text", metadata=nested(65)), "nested deeper than 64 levels"),
        (Document("x", "text", metadata=nested(100_000)), "not a JSON object"),
    ],
)
def test_impossible_documents_are_named_and_nothing_is_kept(
    collection: LocalCollection, document: Document, message: str
) -> None:
    with pytest.raises(InvalidDocumentError, match=message):
        collection.add([Document("fine", "a fine document"), document])
    assert collection.count() == 5
    assert collection.get(["fine"]) == [None]
    assert collection.verify().ok


def test_an_id_twice_in_one_request_is_refused(collection: LocalCollection) -> None:
    with pytest.raises(InvalidDocumentError, match="'f' stands twice") as caught:
        collection.add([Document("f", "one"), Document("f", "two")])
    assert caught.value.document_id == "f"
    assert collection.count() == 5


def test_another_encoder_is_refused(collection: LocalCollection, data: DataFolder) -> None:
    folder = collection.folder
    data.close()
    with pytest.raises(EncoderMismatchError) as caught:
        open_collection(folder, encoder=HashEncoder(64))
    for fingerprint in (HashEncoder(32).card.fingerprint, HashEncoder(64).card.fingerprint):
        assert fingerprint in str(caught.value)


def test_names_that_changed_their_encoder_are_refused(data: DataFolder, tmp_path: Path) -> None:
    made = data.create("help", encoder="hash:32")
    made.add([Document("a", "text")])
    data.close()
    card = tmp_path / "data" / "help" / "card.json"
    card.write_text(card.read_text().replace(HashEncoder(32).card.fingerprint, "0" * 64))
    with DataFolder.open(tmp_path / "data") as again:
        reopened = again.collection("help")
        with pytest.raises(EncoderMismatchError, match=r"0{64}"):
            reopened.search(SearchRequest(query="text"))
        with pytest.raises(EncoderMismatchError, match=r"0{64}"):
            reopened.add([Document("b", "more")])
        assert reopened.count() == 1, "reading without the encoder goes on"


def test_one_process_owns_a_folder(data: DataFolder) -> None:
    with pytest.raises(FolderLockedError, match=f"process {os.getpid()} \\(meari\\)"):
        DataFolder.open(data.path)
    with pytest.raises(FolderLockedError, match="in use"):
        DataFolder.open(data.path, mode="read")


def test_readers_share_and_change_nothing(collection: LocalCollection, data: DataFolder) -> None:
    data.close()
    with (
        DataFolder.open(data.path, mode="read") as one,
        DataFolder.open(data.path, mode="read") as two,
    ):
        for folder in (one, two):
            opened = folder.collection("help")
            assert ids(opened, SearchRequest(query="gift cards", limit=1)) == ["e"]
            with pytest.raises(InvalidRequestError, match="reading alone"):
                opened.add([Document("f", "text")])
            with pytest.raises(InvalidRequestError, match="reading alone"):
                opened.delete(["a"])
        with pytest.raises(FolderLockedError):
            DataFolder.open(data.path)


def test_collections_are_made_and_dropped(data: DataFolder) -> None:
    data.create("one", encoder="hash:8").add([Document("a", "text")])
    data.create("둘", encoder="hash:8", metric=Metric.DOT)
    assert data.names() == ["one", "둘"]
    with pytest.raises(CollectionExistsError, match="'one' exists already"):
        data.create("one", encoder="hash:8")
    data.drop("one")
    assert data.names() == ["둘"]
    with pytest.raises(CollectionNotFoundError, match=r"'one'.*there: 둘"):
        data.collection("one")
    with pytest.raises(CollectionNotFoundError, match="'one'"):
        data.drop("one")
    assert data.create("one", encoder="hash:8").count() == 0


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 65, "a b", "-first", "a\0b"])
def test_names_are_one_plain_folder(data: DataFolder, name: str) -> None:
    with pytest.raises(InvalidNameError, match="not possible"):
        data.create(name, encoder="hash:8")


def test_searches_go_on_while_documents_change(data: DataFolder) -> None:
    """Every answer is of one moment: a document is always there in one version or the other."""
    made = data.create("busy", encoder="hash:16")
    made.add([Document(f"d{n}", f"version zero of {n}", metadata={"n": n}) for n in range(20)])
    half = Filter.parse({"must": [{"key": "n", "range": {"lt": 10}}]})
    failures: list[str] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            found = ids(made, SearchRequest(query="version of", limit=50))
            if len(found) != 20 or len(set(found)) != 20:
                failures.append(f"{len(found)} documents: {found}")
            found = ids(made, SearchRequest(query="version of", limit=50, filter=half))
            if sorted(found) != [f"d{n}" for n in range(10)]:
                failures.append(f"filtered: {found}")

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(40):
        turned = range(0, 20, 2)
        made.add([Document(f"d{n}", f"turn {turn} of {n}", metadata={"n": n}) for n in turned])
    done.set()
    for thread in threads:
        thread.join(timeout=30)
    assert failures == []


class Broken(HashEncoder):
    """Gives no numbers for texts that say so."""

    def encode(self, inputs: Sequence[str], *, role: Role) -> Encoding:
        encoding = super().encode(inputs, role=role)
        encoding.vectors[["broken" in text for text in inputs]] = np.nan
        return encoding


def test_a_vector_of_no_numbers_is_not_stored(tmp_path: Path) -> None:
    with DataFolder.open(tmp_path) as data:
        data.create("c", encoder="hash:8")
    with open_collection(tmp_path / "c", encoder=Broken(8)) as made:
        with pytest.raises(InvalidDocumentError, match=r"'b' cannot .*'hash:8' gives NaN"):
            made.add([Document("a", "whole"), Document("b", "broken")])
        assert made.count() == 0
        made.add([Document("a", "whole")])
        assert made.verify().ok


class CollectionMachine(RuleBasedStateMachine):
    """Any order of writes leaves what a dictionary would hold."""

    def __init__(self) -> None:
        super().__init__()
        self.scratch = tempfile.TemporaryDirectory()
        self.data = DataFolder.open(self.scratch.name)
        self.made = self.data.create("c", encoder="hash:8")
        self.model: dict[str, str] = {}

    names = st.sampled_from([f"id{n}" for n in range(8)])
    texts = st.sampled_from([f"text {n}" for n in range(6)])

    @rule(entries=st.dictionaries(names, texts, max_size=5))
    def add(self, entries: dict[str, str]) -> None:
        self.made.add([Document(id_, text) for id_, text in entries.items()])
        self.model |= entries

    @rule(gone=st.sets(names, max_size=4))
    def delete(self, gone: set[str]) -> None:
        assert self.made.delete(gone) == len(gone & self.model.keys())
        for id_ in gone:
            self.model.pop(id_, None)

    @rule()
    def reopen(self) -> None:
        self.data.close()
        self.data = DataFolder.open(self.data.path)
        self.made = self.data.collection("c")

    @invariant()
    def holds_what_it_should(self) -> None:
        found = {i.document.id: i.document.text for i in self.made.scan(limit=100).documents}
        assert found == self.model
        matches = self.made.search(SearchRequest(query="text 1", limit=50)).matches
        assert {m.document.id: m.document.text for m in matches} == self.model

    def teardown(self) -> None:
        assert self.made.verify().ok
        self.data.close()
        self.scratch.cleanup()


def test_any_order_of_writes() -> None:
    run_state_machine_as_test(
        CollectionMachine,
        settings=settings(
            max_examples=25,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
