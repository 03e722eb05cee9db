from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from embeddings.load import load_encoder

if TYPE_CHECKING:
    from service.settings import Settings
    from tests.service.http.conftest import Client, Start


def test_made_shown_listed_dropped(client: Client):
    made = client.post("/v1/collections", {"name": "faq", "encoder": "hash:32", "metric": "dot"})
    assert made.status_code == 201
    collection = made.json()
    assert collection["encoder"] == load_encoder("hash:32").card.to_json()
    assert datetime.fromisoformat(collection["created"]).utcoffset().total_seconds() == 0
    expected = {
        "name": "faq",
        "metric": "dot",
        "analyzer": "auto",
        "format": 1,
        "documents": 0,
        "rows": 0,
        "tombstones": 0,
        "truncated": 0,
        "index": "flat",
        "recall": 1.0,
        "problems": [],
        "tail": 0,
        "maintenance": "idle",
        "progress": 0.0,
        "index_card": None,
        "calibration": None,
    }
    assert {key: collection[key] for key in expected} == expected
    assert client.get("/v1/collections/faq").json() == collection
    brief = {key: collection[key] for key in collection.keys() - {"index_card", "calibration"}}
    assert client.get("/v1/collections").json() == {"collections": [brief], "unusable": {}}

    client.post("/v1/collections/faq/documents", {"documents": [{"id": "1", "text": "one"}]})
    assert client.get("/v1/collections/faq").json()["documents"] == 1
    assert client.delete("/v1/collections/faq").json() == {"name": "faq", "documents": 1}
    assert client.get("/v1/collections").json()["collections"] == []
    assert client.get("/v1/collections/faq").status_code == 404


def test_defaults(client: Client):
    made = client.post("/v1/collections", {"name": "가나-다", "encoder": None}).json()
    assert (made["name"], made["metric"], made["encoder"]["name"]) == (
        "가나-다",
        "cosine",
        "hash:64",
    )
    assert client.get("/v1/collections/가나-다").json()["name"] == "가나-다"


@pytest.mark.parametrize(
    ("body", "status", "param", "code", "words"),
    [
        ({"name": "animals"}, 409, "name", "collection_exists", "'animals' exists already"),
        ({"name": "../up"}, 400, "name", "invalid_name", "1 to 64 letters"),
        ({"name": ""}, 400, "name", "invalid_name", "1 to 64 letters"),
        ({"name": "a", "metric": "l2"}, 400, "metric", "invalid_value", "'cosine', 'euclidean'"),
        ({"name": "a", "analyzer": "x"}, 400, "analyzer", "invalid_value", "must be 'auto'"),
        ({"name": "a", "encoder": "hash:x"}, 404, "encoder", "model_not_found", "hash:DIM"),
        ({"name": "a", "encoder": "nope"}, 404, "encoder", "model_not_found", "minilm"),
        ({"name": "a", "metrik": "dot"}, 400, "metrik", "invalid_value", "not a field here"),
        ({"name": 5}, 400, "name", "invalid_value", "name is 5; it must be a valid string"),
        ({}, 400, "name", "invalid_value", "name is missing"),
        ([], 400, None, "invalid_value", "the body is a list of 0 items; it must be a JSON object"),
    ],
)
def test_refused(
    steady: Client, body: object, status: int, param: str | None, code: str, words: str
):
    answer = steady.post("/v1/collections", body)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert (error["param"], error["code"]) == (param, code)
    assert words in error["message"]
    assert error["type"] == "invalid_request_error"
    assert len(steady.get("/v1/collections").json()["collections"]) == 1


BODIES = {
    "/documents": {"documents": [{"id": "1", "text": "one"}]},
    "/documents/states": {"documents": [{"id": "1", "text": "one"}]},
    "/documents/delete": {"ids": []},
    "/documents/trim": {"chunks": {}},
    "/search": {"query": "one"},
}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/optimize"),
        ("POST", "/verify"),
        ("GET", "/documents"),
        ("GET", "/documents/x"),
        ("DELETE", "/documents/x"),
        ("POST", "/documents/count"),
        ("POST", "/documents/delete"),
        ("POST", "/documents/states"),
        ("POST", "/documents/trim"),
        ("POST", "/documents"),
        ("POST", "/search"),
    ],
)
def test_a_collection_that_is_not_there(steady: Client, method: str, path: str):
    answer = steady.request(method, f"/v1/collections/plants{path}", json=BODIES.get(path))
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (404, "collection_not_found")
    assert "'plants'" in error["message"]
    assert "animals" in error["message"], "the message lists what there is"
    assert str(steady.app.state.engine.settings.data) not in error["message"]
    assert not set("/\\") & set(error["message"]), "it says nothing of the server's folders"


def test_optimize_answers_with_the_status(steady: Client):
    optimized = steady.post("/v1/collections/animals/optimize")
    assert optimized.status_code == 200
    assert optimized.json() == steady.get("/v1/collections/animals").json()
    assert (optimized.json()["documents"], optimized.json()["index"]) == (4, "flat")


@pytest.mark.parametrize("body", [None, {}, {"repair": False}])
def test_verify_finds_nothing_wrong(steady: Client, body: object):
    report = steady.post("/v1/collections/animals/verify", body)
    assert report.json() == {"ok": True, "documents": 4, "problems": [], "repaired": []}


def test_verify_finds_and_repairs(animals: Client, settings: Settings):
    path = settings.data / "animals" / "vectors.f32"
    content = bytearray(path.read_bytes())
    content[8] ^= 0xFF
    path.write_bytes(content)
    broken = animals.post("/v1/collections/animals/verify").json()
    assert broken["ok"] is False
    assert "checksum" in broken["problems"][0]
    mended = animals.post("/v1/collections/animals/verify", {"repair": True}).json()
    assert (mended["ok"], mended["problems"], len(mended["repaired"])) == (True, [], 1)
    found = animals.post("/v1/collections/animals/search", {"query": "a cat sleeps on the sofa"})
    assert found.json()["matches"][0]["id"] == "cat"


def test_collections_outlive_the_process(settings: Settings, started: Start):
    with started(settings) as client:
        client.post("/v1/collections", {"name": "faq"})
        client.post("/v1/collections/faq/documents", {"documents": [{"id": "1", "text": "one"}]})
    with started(settings) as client:
        assert client.get("/v1/collections/faq").json()["documents"] == 1


def test_the_card_of_an_index_tells_its_curve(client: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("indexing.planner._FLAT_NUMBERS", 1000)
    client.post("/v1/collections", {"name": "many"})
    documents = [{"id": str(n), "text": f"word{n} other{n % 7} third{n % 11}"} for n in range(300)]
    client.post("/v1/collections/many/documents", {"documents": documents})
    card = client.post("/v1/collections/many/optimize").json()
    index = card["index_card"]
    assert (index["kind"], index["rows"], card["tail"]) == (card["index"], 300, 0)
    used = [point["recall"] for point in index["curve"] if point["effort"] == index["effort"]]
    assert used == [index["recall"]] == [card["recall"]]
    assert index["recall"] >= 0.98
    assert card["calibration"]["documents"] == 300
    reliability = card["calibration"]["reliability"]
    assert "other" in reliability
    assert all(0 <= share <= 1 for share in reliability.values())
    client.post("/v1/collections/many/documents", {"documents": [{"id": "x", "text": "word"}]})
    assert client.get("/v1/collections/many").json()["tail"] == 1
    assert client.get("/v1/collections/many").json() | {"tail": 0} != card
