from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.hashing import HashEncoder
from embeddings.load import BUILT_IN, load_encoder
from indexing.errors import LexicalIndexError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

    from embeddings.types import Encoding, Role
    from service.settings import Settings
    from tests.service.http.conftest import Client, Start

SEARCH = "/v1/collections/animals/search"
TEXTS = {
    "cat": "a cat sleeps on the sofa",
    "dog": "a dog barks in the yard",
    "bird": "a bird sings in the tree",
    "고양이": "고양이가 소파에서 잔다",
}
QUERY = "a bird in the tree"


@pytest.fixture(scope="module")
def truth():
    """Cosines of the query with every document, best first, computed here."""
    encoder = load_encoder("hash:64")
    documents = encoder.encode(list(TEXTS.values()), role="document").vectors
    query = encoder.encode([QUERY], role="query").vectors[0]
    scores = dict(zip(TEXTS, (documents @ query).tolist(), strict=True))
    return dict(sorted(scores.items(), key=lambda item: -item[1]))


def found(answer: httpx.Response):
    assert answer.status_code == 200, answer.text
    return {match["id"]: match["score"] for match in answer.json()["matches"]}


def test_scores_are_the_cosines(steady: Client, truth: dict[str, float]):
    answer = steady.post(SEARCH, {"query": QUERY, "mode": "dense"})
    assert list(found(answer)) == list(truth)
    assert found(answer) == pytest.approx(truth, abs=1e-6)
    best = answer.json()["matches"][0]
    assert best == {
        "id": "bird",
        "score": pytest.approx(truth["bird"], abs=1e-6),
        "distance": pytest.approx(1 - truth["bird"], abs=1e-6),
        "rank": 1,
        "text": TEXTS["bird"],
        "title": "",
        "metadata": {"lang": "en", "legs": 2},
        "channels": {"dense": pytest.approx(truth["bird"], abs=1e-6)},
        "truncated": False,
        "parent": None,
        "confidence": best["confidence"],
        "snippet": best["snippet"],
    }


def test_the_receipt_tells_what_was_done(steady: Client):
    receipt = steady.post(SEARCH, {"query": QUERY, "mode": "dense"}).json()["receipt"]
    milliseconds = receipt.pop("milliseconds")
    assert {"encode", "search", "fetch", "total"} <= set(milliseconds)
    assert receipt == {
        "exact": True,
        "index": "flat",
        "searched": 4,
        "documents": 4,
        "matched_by_filter": None,
        "recall_estimate": 1.0,
        "encoder": {
            "name": "hash:64",
            "fingerprint": load_encoder("hash:64").card.fingerprint,
        },
        "query_tokens": 5,
        "query_truncated": False,
        "query_unknown": 0,
        "query_terms": None,
        "truncated_matches": 0,
        "visited": receipt["visited"],
        "sampled_recall": None,
        "sampled_queries": 0,
        "no_good_answer": receipt["no_good_answer"],
        "reranker": None,
        "warnings": [],
    }


def test_a_query_is_answered_by_meaning_and_words(steady: Client, truth: dict[str, float]):
    """As with `hybrid` said; scores are scaled to 0 to 1 and name their channels."""
    answer = steady.post(SEARCH, {"query": QUERY})
    said = steady.post(SEARCH, {"query": QUERY, "mode": "hybrid"})
    null = steady.post(SEARCH, {"query": QUERY, "mode": None})
    assert answer.json()["matches"] == said.json()["matches"] == null.json()["matches"]
    scores = found(answer)
    assert list(scores) == list(truth)
    assert scores["bird"] == 1.0
    assert all(0 <= score <= 1 for score in scores.values())
    best, *others = answer.json()["matches"]
    assert best["channels"] == {
        "dense": pytest.approx(truth["bird"], abs=1e-6),
        "lexical": pytest.approx(found(steady.post(SEARCH, WORDS))["bird"], abs=1e-6),
    }
    assert best["distance"] == pytest.approx(1 - truth["bird"], abs=1e-6)
    assert [list(match["channels"]) for match in others] == [["dense"]] * 3
    receipt = answer.json()["receipt"]
    assert (receipt["index"], receipt["exact"]) == ("flat+bm25", True)
    assert (receipt["query_tokens"], receipt["query_terms"]) == (5, ["bird", "tree"])
    assert {"analyse", "encode", "search", "fetch", "total"} <= receipt["milliseconds"].keys()


WORDS = {"query": QUERY, "mode": "lexical"}


def test_words_alone_compare_no_vectors(steady: Client):
    answer = steady.post(SEARCH, WORDS).json()
    (match,) = answer["matches"]
    assert (match["id"], match["distance"]) == ("bird", None)
    assert match["channels"] == {"lexical": match["score"]}
    assert match["score"] > 1
    receipt = answer["receipt"]
    assert (receipt["index"], receipt["exact"]) == ("bm25", True)
    assert (receipt["query_tokens"], receipt["query_terms"]) == (None, ["bird", "tree"])
    korean = steady.post(SEARCH, {"query": "소파에 있는 고양이를", "mode": "lexical"})
    assert list(found(korean)) == ["고양이"]


def test_an_index_of_words_that_is_lost_is_told(animals: Client, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise LexicalIndexError("the lexical index is behind; open the collection for writing once")

    monkeypatch.setattr("indexing.lexicon.Lexicon.search", fail)
    for mode in (None, "hybrid", "lexical"):
        answer = animals.post(SEARCH, {"query": QUERY, "mode": mode})
        assert answer.status_code == 500
        error = answer.json()["error"]
        assert (error["code"], error["param"]) == ("lexical_unavailable", "mode")
        assert "open the collection for writing" in error["message"]
    assert len(found(animals.post(SEARCH, {"query": QUERY, "mode": "dense"}))) == 4


def test_a_query_without_words_is_left_to_its_meaning(steady: Client):
    answer = steady.post(SEARCH, {"query": "?!"}).json()
    assert len(answer["matches"]) == 4
    assert (answer["receipt"]["index"], answer["receipt"]["query_terms"]) == ("flat", None)
    (warning,) = answer["receipt"]["warnings"]
    assert warning.startswith("the query holds no words to look for ('?!' was dropped)")


def test_pages_continue(steady: Client, truth: dict[str, float]):
    answer = steady.post(SEARCH, {"query": QUERY, "limit": 2, "offset": 1, "mode": "dense"})
    assert list(found(answer)) == list(truth)[1:3]
    assert [match["rank"] for match in answer.json()["matches"]] == [2, 3]


def test_a_filter_leaves_out(steady: Client, truth: dict[str, float]):
    filter = {"must": [{"key": "legs", "match": {"value": 4}}]}
    answer = steady.post(SEARCH, {"query": QUERY, "filter": filter})
    assert list(found(answer)) == [id_ for id_ in truth if id_ != "bird"]
    receipt = answer.json()["receipt"]
    assert (receipt["matched_by_filter"], receipt["searched"], receipt["documents"]) == (3, 3, 4)


def test_a_threshold_leaves_out(steady: Client, truth: dict[str, float]):
    threshold = list(truth.values())[1]
    answer = steady.post(
        SEARCH, {"query": QUERY, "mode": "dense", "score_threshold": threshold - 1e-5}
    )
    assert list(found(answer)) == list(truth)[:2]
    assert found(steady.post(SEARCH, {"query": QUERY, "score_threshold": 1})) == {"bird": 1.0}


def test_a_vector_asks(steady: Client, truth: dict[str, float]):
    vector = load_encoder("hash:64").encode([QUERY], role="query").vectors[0].tolist()
    answer = steady.post(SEARCH, {"vector": vector, "exact": True})
    assert found(answer) == pytest.approx(truth, abs=1e-6)
    receipt = answer.json()["receipt"]
    assert (receipt["query_tokens"], receipt["index"]) == (None, "flat")


def test_whole_numbers_are_numbers(steady: Client):
    answer = steady.post(SEARCH, {"vector": [1] + [0] * 63, "score_threshold": -1})
    assert len(found(answer)) == 4


def test_a_document_asks_and_leaves_itself_out(steady: Client):
    answer = steady.post(SEARCH, {"document_id": "cat"})
    vectors = load_encoder("hash:64").encode(list(TEXTS.values()), role="document").vectors
    expected = dict(zip(list(TEXTS)[1:], (vectors[1:] @ vectors[0]).tolist(), strict=True))
    assert found(answer) == pytest.approx(expected, abs=1e-6)


def test_vectors_come_along_if_asked(steady: Client):
    answer = steady.post(SEARCH, {"query": QUERY, "with_vectors": True, "limit": 1}).json()
    vector = load_encoder("hash:64").encode([TEXTS["bird"]], role="document").vectors[0]
    got = np.asarray(answer["matches"][0]["vector"], dtype=np.float32)
    np.testing.assert_allclose(got, vector, atol=1e-6)


def test_one_match_a_parent(animals: Client):
    chunks = [
        {
            "id": f"book#{number}",
            "text": text,
            "parent": {"id": "book", "chunk": number, "start": 0, "end": 1},
        }
        for number, text in enumerate(["a whale dives", "the white whale", "call me"])
    ]
    animals.post("/v1/collections/animals/documents", {"documents": chunks})
    body = {"query": "the white whale", "limit": 5, "group": "parents"}
    answer = animals.post(SEARCH, body)
    assert [id_ for id_ in found(answer) if id_.startswith("book")] == ["book#1"]
    first = answer.json()["matches"][0]
    assert first["parent"] == {"id": "book", "chunk": 1, "start": 0, "end": 1}


def test_a_query_too_long_for_the_encoder_is_told(steady: Client):
    answer = steady.post(SEARCH, {"query": "cat " * 300}).json()
    assert answer["receipt"]["query_truncated"] is True
    assert answer["receipt"]["query_tokens"] == 300


def test_an_empty_collection_has_no_matches(client: Client):
    client.post("/v1/collections", {"name": "empty"})
    answer = client.post("/v1/collections/empty/search", {"query": "x"}).json()
    assert answer["matches"] == []
    assert answer["receipt"]["documents"] == 0


@pytest.mark.parametrize(
    ("body", "status", "param", "words"),
    [
        (
            {},
            400,
            "query",
            "exactly one of query, vector, image, document_id is needed, none given",
        ),
        ({"query": "a", "vector": [1.0]}, 400, "vector", "query and vector given"),
        ({"query": ""}, 422, "query", "query is empty"),
        ({"query": " \t"}, 422, "query", "query is empty"),
        ({"query": "x" * 65_537}, 422, "query", "65,537 bytes; at most 65,536"),
        ({"query": 5}, 400, "query", "query is 5; it must be a valid string"),
        ({"query": "a", "limit": 0}, 400, "limit", "limit is 0; 1 to 10,000 are possible"),
        ({"query": "a", "limit": 10**9}, 400, "limit", "limit is 1,000,000,000; 1 to 10,000"),
        ({"query": "a", "limit": 10.5}, 400, "limit", "limit is 10.5"),
        ({"query": "a", "limit": "10"}, 400, "limit", "limit is '10'; it must be a valid integer"),
        ({"query": "a", "limit": True}, 400, "limit", "limit is true"),
        ({"query": "a", "limit": 10**400}, 400, "limit", "1 to 10,000 are possible"),
        ({"query": "a", "offset": -1}, 400, "offset", "offset is -1; 0 to 10,000"),
        ({"query": "a", "offset": 9_999}, 400, "offset", "together with limit"),
        ({"query": "a", "mode": "x"}, 400, "mode", "must be 'dense', 'lexical' or 'hybrid'"),
        ({"query": "a", "mode": ""}, 400, "mode", "mode is ''; it must be 'dense'"),
        ({"vector": [1.0] * 64, "mode": "hybrid"}, 400, "mode", "'hybrid' needs a query; vector"),
        ({"document_id": "cat", "mode": "lexical"}, 400, "mode", "document_id can be asked in"),
        ({"query": "?!", "mode": "lexical"}, 400, "query", "holds no words to look for"),
        ({"query": "a", "group": "x"}, 400, "group", "'documents' or 'parents'"),
        ({"query": "a", "exact": 1}, 400, "exact", "exact is 1"),
        ({"query": "a", "k": 5}, 400, "k", "k is not a field here"),
        ({"query": "a", "score_threshold": 2}, 400, "score_threshold", "lie from 0 to 1"),
        ({"query": "a", "recall": 0}, 400, "recall", "recall is 0; it must be greater than 0"),
        ({"query": "a", "recall": 1.1}, 400, "recall", "less than or equal to 1"),
        ({"query": "a", "cursor": "x"}, 400, "cursor", "cursor 'x' is damaged"),
        ({"query": "a", "rerank": True}, 400, "rerank", ""),
        ({"query": "a", "score_threshold": "x"}, 400, "score_threshold", "'x'"),
        (
            {"query": "a", "filter": {"must": [{"key": "a", "rang": {}}]}},
            400,
            "filter.must[0].rang",
            "",
        ),
        ({"query": "a", "filter": {"musst": []}}, 400, "filter.musst", ""),
        ({"query": "a", "filter": "x"}, 400, "filter", "filter is 'x'; it must be a JSON object"),
        ({"vector": [1.0, 2.0]}, 409, "vector", "2 dimensions"),
        ({"vector": []}, 409, "vector", "0 dimensions"),
        ({"vector": [0.0] * 64}, 400, "vector", "zeros"),
        ({"vector": [1e39] * 64}, 400, "vector[0]", "fits a float32"),
        ({"vector": [[1.0] * 64]}, 400, "vector[0]", "list of 64 items"),
        ({"vector": ["1"] * 64}, 400, "vector[0]", "(and 63 more)"),
        ({"document_id": "cow"}, 404, "document_id", "no document 'cow'"),
    ],
)
def test_impossible_questions(
    steady: Client, body: object, status: int, param: str | None, words: str
):
    answer = steady.post(SEARCH, body)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (status, param), error
    assert words in error["message"]


@pytest.mark.parametrize("metric", ["euclidean", "dot"])
def test_other_metrics(client: Client, metric: str):
    client.post("/v1/collections", {"name": "m", "metric": metric})
    documents = [{"id": id_, "text": text} for id_, text in TEXTS.items()]
    client.post("/v1/collections/m/documents", {"documents": documents})
    encoder = load_encoder("hash:64")
    vectors = encoder.encode(list(TEXTS.values()), role="document").vectors
    query = encoder.encode([QUERY], role="query").vectors[0]
    scores = vectors @ query if metric == "dot" else -np.linalg.norm(vectors - query, axis=1)
    expected = dict(zip(TEXTS, scores.tolist(), strict=True))
    answer = client.post("/v1/collections/m/search", {"query": QUERY, "mode": "dense"})
    assert found(answer) == pytest.approx(expected, abs=1e-5)
    for match in answer.json()["matches"]:
        assert match["distance"] == -match["score"]


def test_a_slow_write_keeps_no_search_waiting(
    settings: Settings, started: Start, monkeypatch: pytest.MonkeyPatch
):
    gate = threading.Event()

    class Slow(HashEncoder):
        def encode(self, inputs: Sequence[str], *, role: Role) -> Encoding:
            if "slowly" in inputs[0]:
                assert gate.wait(30)
            return super().encode(inputs, role=role)

    monkeypatch.setitem(BUILT_IN, "hash", lambda name, device: Slow(64, max_tokens=256))
    one = settings.model_copy(update={"write_threads": 1})
    with started(one) as client, ThreadPoolExecutor(2) as pool:
        client.post("/v1/collections", {"name": "animals"})
        path = "/v1/collections/animals/documents"
        client.post(path, {"documents": [{"id": "1", "text": "quickly"}]})
        body = {"documents": [{"id": "2", "text": "slowly"}]}
        writing = [pool.submit(client.post, path, body) for _ in range(2)]
        for _ in range(20):
            assert list(found(client.post(SEARCH, {"query": "quickly"}))) == ["1"]
        assert not any(each.done() for each in writing)
        gate.set()
        receipts = [each.result().json() for each in writing]
    assert sorted(receipt["added"] for receipt in receipts) == [0, 1]
    assert sorted(receipt["unchanged"] for receipt in receipts) == [0, 1]
