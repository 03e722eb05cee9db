"""`/metrics`: what is counted, once each, under labels that stay few."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from embeddings.load import load_encoder
from service.collection_gauges import Reading, bounded
from service.collection_gauges import told as collection_metrics
from service.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.http.conftest import Client, Start

    Samples: TypeAlias = dict[tuple[str, frozenset[tuple[str, str]]], float]

SEARCH = "/v1/collections/animals/search"
DOCUMENTS = "/v1/collections/animals/documents"


def scrape(client: Client) -> Samples:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def told(samples: Samples, name: str) -> dict[object, float]:
    """Values of one metric by the values of its labels, these in the order of their names."""
    found = {}
    for (each, labels), value in samples.items():
        if each == name:
            key = tuple(text for _, text in sorted(labels))
            found[key[0] if len(key) == 1 else key] = value
    return found


def tokens(*texts: str) -> int:
    return int(load_encoder("hash:64").count_tokens(texts, role="document").sum())


def test_a_search_is_counted_once(animals: Client):
    filter = {"must": [{"key": "legs", "match": {"value": 4}}]}
    animals.post(SEARCH, {"query": "a cat", "mode": "dense"})
    animals.post(SEARCH, {"query": "a dog", "mode": "dense", "filter": filter})
    animals.post(SEARCH, {"document_id": "cat", "exact": True})
    animals.post(SEARCH, {"query": "cat " * 300, "mode": "dense"})
    animals.post(SEARCH, {"query": "a cat", "limit": 0})
    animals.post("/v1/collections/plants/search", {"query": "a cat"})
    samples = scrape(animals)
    assert told(samples, "meari_searches_total") == {("true", "flat"): 4}
    assert told(samples, "meari_queries_truncated_total") == {(): 1}
    assert told(samples, "meari_search_stage_seconds_count") == {
        "analyse": 3,
        "encode": 3,
        "filter": 1,
        "search": 4,
        "fetch": 4,
        "snippets": 3,
    }
    route = "/v1/collections/{collection}/search"
    requests = told(samples, "meari_http_requests_total")
    assert {key: value for key, value in requests.items() if key[1] == route} == {
        ("POST", route, "200"): 4,
        ("POST", route, "400"): 1,
        ("POST", route, "404"): 1,
    }
    assert told(samples, "meari_http_request_seconds_count")["POST", route] == 6


def test_searches_by_words_are_counted_by_what_answered(animals: Client):
    for mode in ("dense", "lexical", "hybrid"):
        animals.post(SEARCH, {"query": "a cat", "mode": mode})
    animals.post(SEARCH, {"query": "?!"})
    samples = scrape(animals)
    assert told(samples, "meari_searches_total") == {
        ("true", "flat"): 2,
        ("true", "bm25"): 1,
        ("true", "flat+bm25"): 1,
    }
    assert told(samples, "meari_search_stage_seconds_count") == {
        "analyse": 4,
        "encode": 3,
        "search": 4,
        "fetch": 4,
        "snippets": 4,
    }


def test_stages_are_in_seconds(animals: Client):
    receipts = [animals.post(SEARCH, {"query": "a cat"}).json()["receipt"] for _ in range(3)]
    told_seconds = told(scrape(animals), "meari_search_stage_seconds_sum")
    for stage in ("encode", "search", "fetch"):
        milliseconds = sum(receipt["milliseconds"][stage] for receipt in receipts)
        assert told_seconds[stage] == pytest.approx(milliseconds / 1000, rel=1e-9)


def test_documents_and_tokens_are_counted_once(client: Client):
    assert told(scrape(client), "meari_documents_written_total") == dict.fromkeys(
        ("added", "changed", "relabelled", "unchanged"), 0
    )
    client.post("/v1/collections", {"name": "animals"})
    texts = {id_: f"{id_} text" for id_ in "abcd"}
    send(client, texts)
    send(client, {"a": "a text", "b": "b other", "e": "word " * 300}, label="new")
    client.post(DOCUMENTS, {"documents": [{"id": "f", "text": ""}]})
    client.post(f"{DOCUMENTS}/states", {"documents": [{"id": "g", "text": "g text"}]})
    samples = scrape(client)
    assert told(samples, "meari_documents_written_total") == {
        "added": 5,
        "changed": 1,
        "relabelled": 1,
        "unchanged": 0,
    }
    assert told(samples, "meari_truncated_documents_total") == {(): 1}
    written = tokens(*texts.values(), "b other") + 300
    assert told(samples, "meari_encoded_tokens_total") == {(): written}

    client.post(SEARCH, {"query": "one two three"})
    client.post(SEARCH, {"document_id": "a"})
    client.post("/v1/embeddings", {"model": "hash:64", "input": ["one two", "three"]})
    client.post("/v1/similarity", {"source": "one", "texts": ["two", "three four"]})
    assert told(scrape(client), "meari_encoded_tokens_total") == {(): written + 3 + 3 + 4}


def send(client: Client, texts: dict[str, str], label: str = "") -> None:
    documents = [{"id": id_, "text": text} for id_, text in texts.items()]
    for document in documents:
        document["metadata"] = {"label": label}
    assert client.post(DOCUMENTS, {"documents": documents}).status_code == 200


def test_collections_as_they_stand(animals: Client):
    animals.delete(f"{DOCUMENTS}/cat")
    animals.post("/v1/collections", {"name": "동물"})
    samples = scrape(animals)
    for name in ("animals", "동물"):
        shown = animals.get(f"/v1/collections/{name}").json()
        for field in ("documents", "rows", "tombstones", "indexed_rows", "tail", "recall"):
            assert told(samples, f"meari_collection_{field}")[name] == shown[field], field
        size = told(samples, "meari_collection_bytes")[name]
        assert size == pytest.approx(shown["bytes"], rel=0.1), "SQLite's log comes and goes"
    assert told(samples, "meari_collection_tombstones") == {"animals": 1, "동물": 0}
    animals.delete("/v1/collections/animals")
    assert told(scrape(animals), "meari_collection_documents") == {"동물": 0}


def test_a_damaged_collection_is_left_out(animals: Client, settings: Settings):
    (settings.data / "broken").mkdir()
    (settings.data / "broken" / "card.json").write_text("{")
    assert told(scrape(animals), "meari_collection_documents") == {"animals": 4}


def test_the_process(steady: Client):
    samples = scrape(steady)
    (memory,) = told(samples, "process_resident_memory_bytes").values()
    assert 1e7 < memory < 1e11
    assert list(told(samples, "python_info").values()) == [1]
    assert told(samples, "meari_requests_waiting") == {
        "search": 0,
        "read": 0,
        "write": 0,
        "encode": 0,
    }
    assert not [name for name, _ in samples if name.endswith("_created")]


def test_applications_share_nothing(tmp_path: Path, started: Start):
    settings = [Settings(data=tmp_path / name, encoder="hash:64") for name in "ab"]
    with started(settings[0]) as first, started(settings[1]) as second:
        first.post("/v1/similarity", {"source": "one", "texts": ["two"]})
        assert told(scrape(first), "meari_encoded_tokens_total") == {(): 2}
        assert told(scrape(second), "meari_encoded_tokens_total") == {(): 0}
    assert not [each for each in REGISTRY.collect() if each.name.startswith("meari")]


def test_refusals_are_counted_by_their_code(animals: Client):
    animals.post(SEARCH, {"query": "a cat", "limit": 0})
    animals.post("/v1/collections/plants/search", {"query": "a cat"})
    animals.post("/v1/collections/trees/search", {"query": "a cat"})
    animals.get("/nothing")
    assert told(scrape(animals), "meari_refusals_total") == {
        "invalid_value": 1,
        "collection_not_found": 2,
        "path_not_found": 1,
    }


def test_memory_disk_and_threads_as_they_stand(steady: Client):
    samples, settings = scrape(steady), steady.app.state.engine.settings
    assert told(samples, "meari_threads") == {
        "search": settings.searches_at_once,
        "read": 8,
        "write": 4,
        "encode": 4,
        "watch": 1,
    }
    busy = told(samples, "meari_threads_busy")
    assert busy == {"search": 0, "read": 0, "write": 0, "encode": 0, "watch": 1}, "it is scraping"
    disk = shutil.disk_usage(settings.data)
    assert told(samples, "meari_disk_size_bytes") == {(): disk.total}
    assert told(samples, "meari_disk_free_bytes")[()] == pytest.approx(disk.free, abs=2e9)
    assert told(samples, "meari_disk_floor_bytes") == {(): 256 << 20}
    used, allowed = (
        told(samples, f"meari_memory_{name}_bytes")[()] for name in ("used", "allowed")
    )
    assert 1e7 < used < allowed
    assert told(samples, "meari_memory_held_bytes") == {(): 0}
    assert told(samples, "meari_streams_open") == {(): 0}
    assert told(samples, "meari_audit_failures_total") == {(): 0}


def test_an_audit_log_that_cannot_be_written_is_counted(animals: Client, settings: Settings):
    animals.app.state.audit.close()
    audit = settings.data / "audit.jsonl"
    audit.unlink()
    audit.mkdir()
    assert animals.delete(f"{DOCUMENTS}/cat").status_code == 200, "it has happened all the same"
    assert told(scrape(animals), "meari_audit_failures_total") == {(): 1}


def reading(number: int) -> Reading:
    fields = ("documents", "rows", "tombstones", "indexed_rows", "tail", "bytes")
    values = dict.fromkeys(fields, float(number)) | {"recall": 1 - number / 10_000}
    return Reading(f"c{number:04}", values, number / 1000 if number % 2 else None, number)


def test_a_thousand_collections_are_told_of_as_a_hundred_and_one():
    readings = [reading(number) for number in range(1000)]
    shown = bounded(readings)
    assert [each.name for each in shown] == [*(f"c{n:04}" for n in range(900, 1000)), "(others)"]
    rest = shown[-1]
    assert rest.values == dict.fromkeys(rest.values, 899 * 900 / 2) | {"recall": 1 - 899 / 10_000}
    assert (rest.sampled, rest.samples) == (0.001, 899 * 900 / 2)
    assert bounded(readings[:100]) == readings[:100]
    series = sum(len(metric.samples) for metric in collection_metrics(readings))
    assert series == 7 * 101 + 51 + 101, "each field, recalls of those sampled, samples"


def test_the_smallest_collections_share_their_series(
    animals: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("service.collection_gauges.MOST", 2)
    for name in "abc":
        animals.post("/v1/collections", {"name": name})
    document = {"documents": [{"id": "1", "text": "one"}]}
    for name in "bc":
        animals.post(f"/v1/collections/{name}/documents", document)
    samples = scrape(animals)
    assert told(samples, "meari_collection_documents") == {"animals": 4, "b": 1, "(others)": 1}
    assert set(told(samples, "meari_collection_recall")) == {"animals", "b", "(others)"}
    refused = animals.post("/v1/collections", {"name": "(others)"})
    assert refused.json()["error"]["code"] == "invalid_name"


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def test_labels_stay_few_whatever_is_asked(animals: Client):
    generator = random.Random(7)
    before = told(scrape(animals), "meari_http_requests_total")
    asked = Counter[str]()
    for _ in range(1000):
        method = generator.choice([*METHODS, f"X{generator.randrange(1000)}"])
        path = random_path(generator)
        answer = animals.request(method, path)
        asked[str(answer.status_code)] += 1
    after = told(scrape(animals), "meari_http_requests_total")
    grown = {key: value - before.get(key, 0) for key, value in after.items()}
    assert grown.pop(("GET", "/metrics", "200")) == 1, "the scrape before"
    counted = Counter[str]()
    for (_, _, status), value in grown.items():
        counted[status] += int(value)
    assert counted == asked
    assert counted.total() == 1000
    assert {method for method, _, _ in after} == {*METHODS, "other"}
    templates = set(animals.get("/openapi.json").json()["paths"])
    routes = {route.replace(":path", "") for _, route, _ in after}
    assert "-" in routes
    assert routes - {"-", "/", "/main.js", "/openapi.json"} <= templates


def random_path(generator: random.Random) -> str:
    word = f"{generator.choice(['w', '가', '%2e%2e', '%00', '{x}'])}{generator.randrange(10**6)}"
    return generator.choice(
        [
            f"/{word}",
            f"/v1/{word}/{word}",
            f"/v1/collections/{word}",
            f"/v1/collections/{word}/search",
            f"/v1/collections/animals/documents/{word}/{word}",
            "/main.js",
            f"/?{word}",
            "/openapi.json",
        ]
    )


def test_who_leaves_early_is_no_fault_of_ours(animals: Client, caplog: pytest.LogCaptureFixture):
    """A sender that is gone before its body came through is told of with nginx's number."""

    app, sent = animals.app, []
    messages = iter([{"type": "http.request", "body": b'{"qu', "more_body": True}])

    async def receive():
        return next(messages, {"type": "http.disconnect"})

    async def send(message: object):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": SEARCH,
        "headers": [(b"content-type", b"application/json")],
        "query_string": b"",
    }
    animals.call(lambda: app(scope, receive, send))
    requests = told(scrape(animals), "meari_http_requests_total")
    assert requests["POST", "/v1/collections/{collection}/search", "499"] == 1
    assert sent == []
    assert "Traceback" not in caplog.text
