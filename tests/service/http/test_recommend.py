"""The like of documents, snippets, and pages that go on where the last one ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.load import load_encoder

if TYPE_CHECKING:
    from tests.service.http.conftest import Client

SEARCH = "/v1/collections/animals/search"
RECOMMEND = "/v1/collections/animals/recommend"
TEXTS = {
    "cat": "a cat sleeps on the sofa",
    "dog": "a dog barks in the yard",
    "bird": "a bird sings in the tree",
    "고양이": "고양이가 소파에서 잔다",
}


@pytest.fixture(scope="module")
def vectors():
    encoded = load_encoder("hash:64").encode(list(TEXTS.values()), role="document").vectors
    return dict(zip(TEXTS, encoded, strict=True))


def likeness(direction: np.ndarray, vectors: dict[str, np.ndarray], *without: str):
    direction = direction / np.linalg.norm(direction)
    return {id_: float(each @ direction) for id_, each in vectors.items() if id_ not in without}


def test_documents_are_found_near_the_positive_and_away_from_the_negative(
    steady: Client, vectors: dict[str, np.ndarray]
):
    for positive, negative, direction in (
        (["cat"], [], vectors["cat"]),
        (["cat", "bird"], [], vectors["cat"] + vectors["bird"]),
        (["cat"], ["dog"], 2 * vectors["cat"] - vectors["dog"]),
    ):
        answer = steady.post(RECOMMEND, {"positive": positive, "negative": negative})
        assert answer.status_code == 200, answer.text
        expected = likeness(direction, vectors, *positive, *negative)
        found = {match["id"]: match["score"] for match in answer.json()["matches"]}
        assert found == pytest.approx(expected, abs=1e-6)
        assert list(found) == sorted(expected, key=lambda id_: (-expected[id_], id_))
        assert [match["snippet"] for match in answer.json()["matches"]] == [None] * len(found)
        assert answer.json()["receipt"]["query_tokens"] is None


def test_recommending_takes_what_searching_takes(steady: Client, vectors: dict[str, np.ndarray]):
    filter = {"must": [{"key": "lang", "match": {"value": "en"}}]}
    body = {"positive": ["cat"], "filter": filter, "limit": 1, "with_vectors": True, "exact": True}
    answer = steady.post(RECOMMEND, body).json()
    (first,) = answer["matches"]
    np.testing.assert_allclose(first["vector"], vectors[first["id"]], atol=1e-6)
    assert answer["receipt"]["matched_by_filter"] == 3
    (second,) = steady.post(RECOMMEND, body | {"cursor": answer["cursor"]}).json()["matches"]
    assert {first["id"], second["id"]} == {"dog", "bird"}
    assert second["rank"] == 2


@pytest.mark.parametrize(
    ("body", "status", "param", "words"),
    [
        ({}, 400, "positive", "positive is missing"),
        ({"positive": []}, 400, "positive", "a list of 0 items; at least 1 is needed"),
        ({"positive": "cat"}, 400, "positive", "positive is 'cat'"),
        ({"positive": ["cat"] * 101}, 400, "positive", "101"),
        ({"positive": ["cat", "cat"]}, 400, "positive", "'cat' stands twice"),
        ({"positive": ["cat"], "negative": ["cat"]}, 400, "negative", "'cat' stands in positive"),
        ({"positive": ["cat", "cow"]}, 404, "positive[1]", "no document 'cow'"),
        ({"positive": ["cat"], "negative": ["cow"]}, 404, "negative[0]", "no document 'cow'"),
        ({"positive": ["c\0w"]}, 400, "positive[0]", "U+0000"),
        ({"positive": ["cat"], "query": "x"}, 400, "query", "not a field here"),
        ({"positive": ["cat"], "mode": "lexical"}, 400, "mode", "not a field here"),
        ({"positive": ["cat"], "limit": 0}, 400, "limit", "limit is 0; 1 to 10,000"),
    ],
)
def test_impossible_recommendations(
    steady: Client, body: object, status: int, param: str, words: str
):
    answer = steady.post(RECOMMEND, body)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (status, param), error
    assert words in error["message"]


def test_a_query_gets_the_passage_with_its_words(steady: Client):
    (match,) = steady.post(SEARCH, {"query": "고양이", "mode": "lexical"}).json()["matches"]
    assert match["snippet"] == {"text": TEXTS["고양이"], "start": 0, "highlights": [[0, 3]]}
    body = {"query": "birds in trees", "limit": 1}
    snippet = steady.post(SEARCH, body).json()["matches"][0]["snippet"]
    marked = [snippet["text"][start:end] for start, end in snippet["highlights"]]
    assert marked == ["bird", "tree"]
    left_out = steady.post(SEARCH, body | {"with_snippets": False}).json()["matches"][0]
    assert left_out["snippet"] is None
    begun = steady.post(SEARCH, {"document_id": "cat", "with_snippets": True}).json()["matches"][0]
    assert begun["snippet"] == {"text": begun["text"], "start": 0, "highlights": []}


@pytest.mark.parametrize("mode", ["dense", "hybrid"])
def test_pages_by_cursor_make_up_the_whole(animals: Client, mode: str):
    body = {"query": "a cat in the tree", "mode": mode}
    whole = animals.post(SEARCH, body).json()
    assert whole["cursor"] is None
    pages, cursor = [], None
    while not pages or cursor:
        answer = animals.post(SEARCH, body | {"limit": 1, "cursor": cursor}).json()
        pages += answer["matches"]
        cursor = answer["cursor"]
    assert pages == whole["matches"]


def test_a_page_goes_on_behind_what_was_deleted(animals: Client):
    body = {"query": "a cat in the tree", "mode": "dense"}
    ids = [match["id"] for match in animals.post(SEARCH, body).json()["matches"]]
    first = animals.post(SEARCH, body | {"limit": 2}).json()
    animals.delete(f"/v1/collections/animals/documents/{ids[0]}")
    second = animals.post(SEARCH, body | {"cursor": first["cursor"]}).json()
    assert [match["id"] for match in second["matches"]] == ids[2:]


def test_a_cursor_belongs_to_its_search(steady: Client):
    cursor = steady.post(SEARCH, {"query": "a cat", "limit": 1}).json()["cursor"]
    for body, words in (
        ({"query": "a dog"}, "another query"),
        ({"query": "a cat", "mode": "dense"}, "another mode"),
        ({"query": "a cat", "offset": 1}, "beside a cursor"),
    ):
        answer = steady.post(SEARCH, body | {"cursor": cursor})
        assert answer.status_code == 400
        assert words in answer.json()["error"]["message"]
