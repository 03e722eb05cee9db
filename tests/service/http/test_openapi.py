from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.words.folder import WordFacts, WordTable, write_table
from embeddings.words.vocabulary import Vocabulary
from tests.service.http.test_classify import write as write_classifier
from tests.service.http.test_jobs import wait

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from tests.service.http.conftest import Client

OTHER_TYPES = {
    "GET /metrics": ["text/plain"],
    "GET /v1/jobs/{job}/events": ["text/event-stream"],
    "GET /v1/collections/{collection}/clusters/export": ["application/x-ndjson", "text/csv"],
    "GET /v1/collections/{collection}/thumbnails/{document_id}": ["image/jpeg"],
    "GET /v1/collections/{collection}/map/tiles/{level}/{column}/{row}": [
        "application/vnd.meari.tile"
    ],
}
"""What is answered in another language than JSON."""
ERROR = {"$ref": "#/components/schemas/ErrorAnswer"}


@pytest.fixture
def document(steady: Client):
    return steady.get("/openapi.json").json()


def operations(document: dict[str, Any]):
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_what_is_served(document: dict[str, Any]):
    collection = "/v1/collections/{collection}"
    assert sorted(name for name, _ in operations(document)) == sorted(
        [
            "GET /livez",
            "GET /readyz",
            "GET /health",
            "GET /metrics",
            "GET /v1/collections",
            "POST /v1/collections",
            f"GET {collection}",
            f"DELETE {collection}",
            f"POST {collection}/optimize",
            f"POST {collection}/verify",
            f"POST {collection}/backups",
            f"POST {collection}/reembed",
            "GET /v1/backups",
            "POST /v1/backups/{backup}/restore",
            "POST /v1/backups/{backup}/drill",
            f"GET {collection}/documents",
            f"POST {collection}/documents",
            f"POST {collection}/documents/states",
            f"POST {collection}/documents/trim",
            f"POST {collection}/documents/delete",
            f"POST {collection}/documents/count",
            f"GET {collection}/documents/{{document_id}}",
            f"DELETE {collection}/documents/{{document_id}}",
            f"POST {collection}/search",
            f"POST {collection}/search/batch",
            f"POST {collection}/search/image",
            f"GET {collection}/thumbnails/{{document_id}}",
            f"POST {collection}/recommend",
            "POST /v1/embeddings",
            "POST /v1/similarity",
            "GET /v1/models",
            "GET /v1/models/{model}",
            "POST /rerank",
            "POST /v1/rerank",
            "POST /v2/rerank",
            "POST /embed",
            "POST /similarity",
            "POST /tokenize",
            "GET /info",
            "GET /v1/encoders",
            "GET /v1/words",
            "GET /v1/words/{model}/neighbours",
            "POST /v1/words/{model}/analogy",
            "GET /v1/words/{model}/similarity",
            f"POST {collection}/clusters",
            f"GET {collection}/clusters",
            f"GET {collection}/clusters/export",
            f"POST {collection}/clusters/reassign",
            f"GET {collection}/clusters/{{cluster}}/documents",
            f"POST {collection}/outliers",
            f"GET {collection}/outliers",
            f"POST {collection}/outliers/score",
            f"POST {collection}/duplicates",
            f"GET {collection}/duplicates",
            f"POST {collection}/duplicates/leakage",
            f"GET {collection}/duplicates/leakage",
            f"POST {collection}/drift",
            f"GET {collection}/drift",
            f"POST {collection}/map",
            f"GET {collection}/map",
            f"GET {collection}/map/tiles/{{level}}/{{column}}/{{row}}",
            f"GET {collection}/map/points",
            f"POST {collection}/map/documents",
            f"GET {collection}/map/values",
            "GET /v1/jobs",
            "GET /v1/jobs/{job}",
            "DELETE /v1/jobs/{job}",
            "POST /v1/jobs/{job}/resume",
            "GET /v1/jobs/{job}/events",
            "GET /v1/classify",
            "POST /v1/classify/{model}",
        ]
    )


def test_every_operation_says_what_it_does_and_how_it_refuses(document: dict[str, Any]):
    for name, operation in operations(document):
        assert operation["summary"], name
        assert len(operation["description"]) > 20, name
        assert len(operation["tags"]) == 1, name
        for status, answer in operation["responses"].items():
            if status == "200" and name in OTHER_TYPES:
                assert list(answer["content"]) == OTHER_TYPES[name]
                continue
            schema = answer["content"]["application/json"]["schema"]
            if status >= "400":
                assert schema == ERROR, (name, status)
            else:
                assert schema.get("$ref"), (name, status)
        if "/v1/" in name:
            assert {"429", "500", "503"} <= operation["responses"].keys(), name


def test_frameworks_own_errors_are_not_promised(document: dict[str, Any]):
    assert "HTTPValidationError" not in document["components"]["schemas"]
    search = document["paths"]["/v1/collections/{collection}/search"]["post"]
    assert set(search["responses"]) == {
        "200", "400", "404", "409", "413", "415", "422", "429", "500", "503", "default"
    }  # fmt: skip


def test_an_event_is_told_and_not_the_stream_it_is_in(document: dict[str, Any]):
    events = document["paths"]["/v1/jobs/{job}/events"]["get"]["responses"]["200"]["content"]
    told = events["text/event-stream"]
    assert list(told) == ["itemSchema"]
    data = told["itemSchema"]["properties"]["data"]
    assert data["contentSchema"] == {"$ref": "#/components/schemas/JobAnswer"}
    assert "JobAnswer" in document["components"]["schemas"]


def test_limits_and_examples_are_told(document: dict[str, Any]):
    body = document["components"]["schemas"]["SearchBody"]
    assert body["additionalProperties"] is False
    limit = body["properties"]["limit"]
    assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, 10_000, 10)
    assert body["properties"]["query"]["examples"] == ["언제 도착하나요?"]
    mode = body["properties"]["mode"]
    assert mode["anyOf"][0]["enum"] == ["dense", "lexical", "hybrid"]
    assert ("default" in mode, mode["examples"]) == (False, ["hybrid"])
    assert "null: `hybrid` for a `query`, `dense` for the others" in mode["description"]
    embeddings = document["components"]["schemas"]["EmbeddingsBody"]["properties"]["input"]
    assert [option["type"] for option in embeddings["anyOf"]] == ["string"] + ["array"] * 3
    for name in ("EmbedBody", "TokenizeBody"):
        inputs = document["components"]["schemas"][name]["properties"]["inputs"]
        assert inputs["anyOf"] == embeddings["anyOf"]


def write_capitals(folder: Path) -> None:
    """Word vectors of the words in the example of an analogy."""
    vectors = np.eye(4, dtype=np.float32)
    facts = WordFacts(method="cbow", dim=4, analyzer="kiwi")
    write_table(WordTable.of(facts, Vocabulary(["한국", "서울", "일본", "도쿄"]), vectors), folder)


def test_the_examples_work(animals: Client):
    """Every body has one, and it is answered as its operation promises."""
    for kind, body in (("clusters", {"k": 2}), ("outliers", {}), ("map", {})):
        job = animals.post(f"/v1/collections/animals/{kind}", body).json()
        assert wait(animals.get, job["id"])["state"] == "done", kind
    models = animals.app.state.engine.settings.data / "models"
    write_capitals(models / "capitals")
    write_classifier(models / "capitals")
    document = animals.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    tried = 0
    for path, methods in document["paths"].items():
        if "post" not in methods or "requestBody" not in methods["post"]:
            continue
        if path == "/tokenize":
            continue  # this encoder has no token ids; test_tei.py asks one that has
        if path.startswith("/v1/backups/"):
            continue  # of a server that keeps some; test_backups.py asks one
        if path.endswith("/reembed"):
            continue  # of an encoder that would have to be loaded; test_reembed.py asks for one
        if path.endswith("/search/image"):
            continue  # a form; test_images.py sends one
        schema = methods["post"]["requestBody"]["content"]["application/json"]["schema"]
        options = [schema, *schema.get("anyOf", ())]
        name = next(each["$ref"] for each in options if "$ref" in each).rpartition("/")[2]
        for example in schemas[name]["examples"]:
            for wanted in example.get("positive", ()):
                documents = [{"id": wanted, "text": "x"}]
                animals.post("/v1/collections/animals/documents", {"documents": documents})
            if "model" in example:
                example["model"] = "hash:64"
            place = path.replace("{collection}", "animals").replace("{model}", "capitals")
            answer = animals.post(place, example)
            assert str(answer.status_code) in methods["post"]["responses"], path
            assert answer.is_success, answer.text
            tried += 1
    assert tried == 33
