"""Several searches in one request: their answers, in order, and which of them is at fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from embeddings.hashing import HashEncoder
from service.schemas.search import MAX_SEARCHES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embeddings.types import Encoding, Role
    from tests.service.http.conftest import Client

SEARCH = "/v1/collections/animals/search"
BATCH = f"{SEARCH}/batch"
SEARCHES = [
    {"query": "a bird in the tree"},
    {"query": "소파에 있는 고양이", "mode": "lexical", "limit": 1},
    {"document_id": "cat", "filter": {"must": [{"key": "legs", "match": {"value": 4}}]}},
    {"vector": [1] + [0] * 63, "exact": True, "with_vectors": True},
]


def without_times(answer: dict) -> dict:
    receipt = {key: value for key, value in answer["receipt"].items() if key != "milliseconds"}
    return answer | {"receipt": receipt}


def test_each_search_is_answered_as_if_alone(steady: Client):
    answer = steady.post(BATCH, {"searches": SEARCHES})
    assert answer.status_code == 200, answer.text
    alone = [steady.post(SEARCH, body).json() for body in SEARCHES]
    assert [without_times(each) for each in answer.json()["results"]] == [
        without_times(each) for each in alone
    ]


def test_queries_are_encoded_together(animals: Client, monkeypatch: pytest.MonkeyPatch):
    batches: list[list[str]] = []
    encode = HashEncoder.encode

    def listen(self: HashEncoder, inputs: Sequence[str], *, role: Role) -> Encoding:
        batches.append(list(inputs))
        return encode(self, inputs, role=role)

    monkeypatch.setattr(HashEncoder, "encode", listen)
    queries = [f"animal {number}" for number in range(MAX_SEARCHES)]
    answer = animals.post(BATCH, {"searches": [{"query": each} for each in queries]})
    assert len(answer.json()["results"]) == MAX_SEARCHES
    assert batches == [queries]


def test_every_search_of_a_batch_is_counted(animals: Client):
    animals.post(BATCH, {"searches": SEARCHES})
    lines = animals.get("/metrics").text.splitlines()
    assert 'meari_searches_total{exact="true",index="flat"} 2.0' in lines
    assert 'meari_searches_total{exact="true",index="flat+bm25"} 1.0' in lines
    assert 'meari_searches_total{exact="true",index="bm25"} 1.0' in lines


@pytest.mark.parametrize(
    ("wrong", "status", "param", "words"),
    [
        (
            {},
            400,
            "searches[1].query",
            "searches[1]: exactly one of query, vector, image, document_id",
        ),
        ({"query": "a", "limit": 0}, 400, "searches[1].limit", "searches[1].limit is 0; 1 to"),
        ({"query": "a", "k": 1}, 400, "searches[1].k", "searches[1].k is not a field here"),
        ({"query": " "}, 422, "searches[1].query", "searches[1]: query is empty"),
        ({"query": "x" * 65_537}, 422, "searches[1].query", "searches[1]: query has 65,537 bytes"),
        ({"vector": [1e39] * 64}, 400, "searches[1].vector[0]", "searches[1]: vector[0] is 1e+39"),
        ({"vector": [1.0, 2.0]}, 409, "searches[1].vector", "searches[1]: vector has 2 dimensions"),
        ({"vector": [0.0] * 64}, 400, "searches[1].vector", "zeros"),
        ({"document_id": "cow"}, 404, "searches[1].document_id", "searches[1]: no document 'cow'"),
        ({"query": "a", "offset": 9_999}, 400, "searches[1].offset", "searches[1]: offset is 9"),
        ({"query": "?!", "mode": "lexical"}, 400, "searches[1].query", "holds no words"),
        (
            {"query": "a", "filter": {"must": [{"key": "a", "rang": {}}]}},
            400,
            "searches[1].filter.must[0].rang",
            "searches[1]: must[0].rang",
        ),
        ("a", 400, "searches[1]", "searches[1] is 'a'; it must be a JSON object"),
    ],
)
def test_the_search_at_fault_is_named(
    steady: Client, wrong: object, status: int, param: str, words: str
):
    answer = steady.post(BATCH, {"searches": [SEARCHES[0], wrong, SEARCHES[1]]})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (status, param), error
    assert words in error["message"]


def test_a_batch_has_an_upper_and_a_lower_end(steady: Client):
    error = steady.post(BATCH, {"searches": []}).json()["error"]
    assert error["message"] == "searches is a list of 0 items; at least 1 is needed"
    many = [{"query": "a"}] * (MAX_SEARCHES + 1)
    error = steady.post(BATCH, {"searches": many}).json()["error"]
    assert error["message"] == "searches is a list of 101 items; at most 100 are taken"
    assert error["param"] == "searches"
    missing = steady.post("/v1/collections/plants/search/batch", {"searches": SEARCHES})
    assert (missing.status_code, missing.json()["error"]["param"]) == (404, "collection")


def test_a_large_batch_of_vectors_is_read(steady: Client):
    searches = [{"vector": [0.123456789012345] * 64 * 16} for _ in range(MAX_SEARCHES)]
    answer = steady.post(BATCH, {"searches": searches})
    assert answer.status_code == 409, "read, though larger than other requests may be"
    assert answer.json()["error"]["param"] == "searches[0].vector"
