from __future__ import annotations

import threading
import time
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from embeddings.hashing import HashEncoder
from embeddings.load import BUILT_IN
from indexing.data_folder import DataFolder
from service.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.http.conftest import Client, Start


def test_ready_service(animals: Client):
    assert animals.get("/livez").json() == {"status": "ok"}
    computed = {"name": "hash:64", "runtime": "", "precision": "float32", "parity": {}}
    assert animals.get("/readyz").json() == {
        "status": "ok",
        "encoder": computed | {"fallback": ""},
        "missing": [],
    }
    health = animals.get("/health").json()
    assert health.pop("started") > 1_700_000_000
    assert health == {
        "status": "ok",
        "reason": "",
        "version": version("meari"),
        "encoder": "hash:64",
        "collections": [{"name": "animals", "documents": 4, "problems": []}],
    }


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch):
    """An encoder `slow` that is loaded only once the gate is set."""
    opened = threading.Event()

    def load(name: str, device: object):
        assert opened.wait(30)
        return HashEncoder(64, max_tokens=256)

    monkeypatch.setitem(BUILT_IN, "slow", load)
    yield opened
    opened.set()


def test_answers_at_once_while_the_encoder_loads(
    tmp_path: Path, starting: Start, gate: threading.Event
):
    with starting(Settings(data=tmp_path, encoder="slow")) as client:
        assert client.get("/livez").status_code == 200
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "2"
        assert answer.json()["error"] == {
            "message": "not ready: encoder 'slow' is being loaded",
            "type": "server_error",
            "param": None,
            "code": "not_ready",
        }
        assert client.get("/health").json()["status"] == "starting"
        work = client.get("/v1/collections")
        assert (work.status_code, work.json()["error"]["code"]) == (503, "not_ready")
        gate.set()
        client.wait_until_ready()
        assert client.get("/v1/collections").json() == {"collections": [], "unusable": {}}


def test_collections_are_opened_while_the_encoder_loads(
    tmp_path: Path, starting: Start, gate: threading.Event
):
    with DataFolder.open(tmp_path) as folder:
        folder.create("animals", encoder="hash:8")
    with starting(Settings(data=tmp_path, encoder="slow")) as client:
        engine = client.app.state.engine
        deadline = time.monotonic() + 30
        while engine.folder.opened("animals") is None:
            assert time.monotonic() < deadline
        assert client.get("/health").json()["status"] == "starting"
        gate.set()
        client.wait_until_ready()


def test_an_encoder_that_cannot_be_loaded_stops_only_what_needs_it(tmp_path: Path, starting: Start):
    with starting(Settings(data=tmp_path, encoder="hash:0")) as client:
        while (health := client.get("/health").json())["status"] == "starting":
            pass
        assert health["status"] == "failed"
        assert health["reason"].startswith("encoder 'hash:0' cannot be used: encoder 'hash:0' is")
        assert client.get("/livez").status_code == 200
        assert client.get("/readyz").status_code == 503
        made = client.post("/v1/collections", {"name": "a", "encoder": "hash:8"})
        assert made.status_code == 201
        documents = {"documents": [{"id": "1", "text": "one"}]}
        assert client.post("/v1/collections/a/documents", documents).json()["added"] == 1
        refused = client.post("/v1/collections", {"name": "b"})
        assert refused.status_code == 404
        assert refused.json()["error"]["param"] == "encoder"
        assert [model["id"] for model in client.get("/v1/models").json()["data"]] == ["hash:8"]


def test_a_damaged_collection_leaves_the_others_alone(animals: Client, settings: Settings):
    client = animals
    (settings.data / "broken").mkdir()
    (settings.data / "broken" / "card.json").write_text("{")
    health = client.get("/health").json()
    assert health["status"] == "degraded"
    assert health["reason"] == "collections with problems: broken"
    assert [(c["name"], c["documents"]) for c in health["collections"]] == [
        ("animals", 4),
        ("broken", None),
    ]
    listed = client.get("/v1/collections").json()
    assert [collection["name"] for collection in listed["collections"]] == ["animals"]
    assert list(listed["unusable"]) == ["broken"]
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert ready.json()["missing"][0].startswith("collection broken: ")
    answer = client.get("/v1/collections/broken")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "collection_damaged")
    assert client.delete("/v1/collections/broken").json() == {"name": "broken", "documents": 0}
    assert client.get("/health").json()["status"] == "ok"


def test_an_encoder_that_fails_in_its_own_way_shows_nothing_of_it(
    tmp_path: Path,
    starting: Start,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    def load(name: str, device: object):
        raise ZeroDivisionError("secret")

    monkeypatch.setitem(BUILT_IN, "odd", load)
    with starting(Settings(data=tmp_path, encoder="odd")) as client:
        while (health := client.get("/health").json())["status"] == "starting":
            pass
        assert health["reason"] == "encoder 'odd' failed to load; the log tells more"
        assert client.get("/readyz").json()["error"]["message"] == f"not ready: {health['reason']}"
    assert "ZeroDivisionError: secret" in caplog.text
