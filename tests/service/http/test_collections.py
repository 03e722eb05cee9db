from __future__ import annotations

import re
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
        ({"name": "a", "encoder": "nope"}, 404, "encoder", "model_not_found", "meari-ko-en"),
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
    shown = steady.get("/v1/collections/animals").json()
    assert optimized.json() | {"bytes": 0} == shown | {"bytes": 0}  # the word index breathes
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
    effort = {key: index[key] for key in ("reach", "candidates")}
    used = [point["recall"] for point in index["curve"] if effort.items() <= point.items()]
    assert used == [index["recall"]] == [pytest.approx(card["recall"], abs=1e-4)]
    assert (index["target"], index["memory_bytes"], index["held"]) == (0.98, None, 300)
    assert index["recall"] >= 0.98
    assert index["bytes_per_vector"] == pytest.approx(index["bytes"] / 300, abs=0.1)
    assert datetime.fromisoformat(index["built"]).tzinfo is not None
    assert card["calibration"]["documents"] == 300
    reliability = card["calibration"]["reliability"]
    assert "other" in reliability
    assert all(0 <= share <= 1 for share in reliability.values())
    client.post("/v1/collections/many/documents", {"documents": [{"id": "x", "text": "word"}]})
    assert client.get("/v1/collections/many").json()["tail"] == 1
    assert client.get("/v1/collections/many").json() | {"tail": 0} != card


def test_an_index_is_built_as_it_is_asked_for(client: Client):
    client.post("/v1/collections", {"name": "many"})
    documents = [{"id": str(n), "text": f"word{n} other{n % 7} third{n % 11}"} for n in range(300)]
    client.post("/v1/collections/many/documents", {"documents": documents})
    path = "/v1/collections/many/optimize"
    card = client.post(path, {"kind": "hnsw", "recall": 0.9, "memory_bytes": 10_000_000}).json()
    index = card["index_card"]
    told = (index["kind"], index["target"], index["memory_bytes"])
    assert told == ("hnsw", 0.9, 10_000_000)
    index = client.post(path, {"memory_bytes": None}).json()["index_card"]
    assert (index["kind"], index["target"], index["memory_bytes"]) == ("hnsw", 0.9, None)
    assert client.post(path, {"kind": None}).json()["index_card"] is None, "so few need no index"
    error = client.post(path, {"kind": "hnsw", "memory_bytes": 1000}).json()["error"]
    assert (error["param"], error["code"]) == ("memory_bytes", "invalid_value")
    assert re.match(
        r"memory is 1,000 bytes; [\d,]+ would do for an index of kind", error["message"]
    )
    for body, param in (
        ({"kind": "annoy"}, "kind"),
        ({"recall": 0}, "recall"),
        ({"memory_bytes": 0}, "memory_bytes"),
        ({"size": 1}, "size"),
    ):
        answer = client.post(path, body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_live_queries_are_sampled_and_their_recall_is_told(settings: Settings, started: Start):
    chosen = settings.model_copy(update={"sample_rate": 0.5})
    with started(chosen) as client:
        client.post("/v1/collections", {"name": "many"})
        documents = [{"id": str(n), "text": f"word{n} other{n % 7}"} for n in range(300)]
        client.post("/v1/collections/many/documents", {"documents": documents})
        client.post("/v1/collections/many/optimize", {"kind": "hnsw"})
        search = "/v1/collections/many/search"
        for number in range(6):
            answer = client.post(search, {"query": f"word{number}", "mode": "dense"}).json()
            assert answer["receipt"]["index"] == "hnsw"
        sampler = client.app.state.engine.folder.collection("many").storage.sampler
        sampler.settle()
        recall, number = sampler.recall()
        assert (number, sampler.total) == (3, 3)
        lines = client.get("/metrics").text.splitlines()
        assert f'meari_recall_sampled{{collection="many"}} {recall}' in lines
        assert 'meari_recall_samples_total{collection="many"} 3.0' in lines
        sampler.one_in = 0
        receipt = client.post(search, {"query": "word1", "mode": "dense"}).json()["receipt"]
        assert (receipt["sampled_recall"], receipt["sampled_queries"]) == (recall, 3)
        assert 0.8 <= recall <= 1
