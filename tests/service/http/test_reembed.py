"""Another encoder for a collection, over HTTP: a job that can be called off and gone on with."""

from __future__ import annotations

import threading
import time
from json import loads
from typing import TYPE_CHECKING

import pytest

from service.access.keyring import KeyWish, create_key
from service.settings import Settings
from tests.service.http.conftest import ENCODER
from tests.service.http.test_jobs import wait

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from tests.service.http.conftest import Client, Start

ASK = "/v1/collections/faq/reembed"


def texts(first: int, count: int) -> dict[str, object]:
    numbers = range(first, first + count)
    return {"documents": [{"id": f"d{n}", "text": f"word{n} and word{n % 7}"} for n in numbers]}


@pytest.fixture
def faq(animals: Client) -> Client:
    """A collection `faq` of 60 documents."""
    animals.post("/v1/collections", {"name": "faq"})
    animals.post("/v1/collections/faq/documents", texts(0, 60))
    return animals


def fill_up(client: Client) -> None:
    """6000 documents in all, so that encoding them takes a moment."""
    for first in range(0, 6000, 1000):
        client.post("/v1/collections/faq/documents", texts(first, 1000))


def job_of(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(ASK, body)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
    return wait(client.get, answer.json()["id"])


def wait_for_encoding(client: Client, id_: str) -> None:
    while client.get(f"/v1/jobs/{id_}").json()["progress"]["stage"] != "encoding":
        time.sleep(0.01)


def encoders(client: Client) -> dict[str, str]:
    listed = client.get("/v1/collections").json()["collections"]
    return {each["name"]: each["encoder"]["name"] for each in listed}


def test_another_encoder_is_tried_and_takes_the_name(faq: Client) -> None:
    job = job_of(faq, {"encoder": "hash:32", "queries": 10})
    assert (job["kind"], job["state"], job["error"]) == ("reembed", "done", None)
    told = job["result"]
    assert (told["documents"], told["written"], told["queries"]) == (60, 60, 10)
    assert (told["before"]["encoder"], told["after"]["encoder"]) == ("hash:64", "hash:32")
    assert 0 < told["overlap_at_10"] <= 1
    assert (told["swapped"], told["kept_as"]) == (False, None)
    assert encoders(faq)["faq.reembedded"] == "hash:32"

    faq.post("/v1/collections/faq/documents", texts(60, 5))
    faq.delete("/v1/collections/faq/documents/d0")
    told = job_of(faq, {"encoder": "hash:32", "swap": True})["result"]
    assert (told["written"], told["deleted"], told["documents"]) == (5, 1, 64)
    assert (told["swapped"], told["kept_as"]) == (True, "faq.before")
    found = encoders(faq)
    assert (found["faq"], found["faq.before"]) == ("hash:32", "hash:64")
    assert "faq.reembedded" not in found
    body = {"query": "word7", "limit": 1}
    match = faq.post("/v1/collections/faq/search", body).json()["matches"][0]
    assert match["id"] == "d7"
    added = faq.post("/v1/collections/faq/documents", texts(90, 1))
    assert added.status_code == 200
    assert faq.post("/v1/collections/faq/documents/count", {}).json()["count"] == 65


def test_the_old_one_is_brought_up_and_takes_its_name_back(faq: Client) -> None:
    assert job_of(faq, {"encoder": "hash:32", "swap": True})["state"] == "done"
    faq.post("/v1/collections/faq/documents", texts(60, 2))
    back = {"encoder": "hash:64", "shadow": "faq.before", "retired": "faq.32", "swap": True}
    told = job_of(faq, back)["result"]
    assert (told["written"], told["documents"]) == (2, 62)
    assert encoders(faq) == {"animals": "hash:64", "faq": "hash:64", "faq.32": "hash:32"}


def test_another_collection_is_not_made_one_of_the_same_documents(faq: Client) -> None:
    assert job_of(faq, {"encoder": "hash:32", "swap": True})["state"] == "done"
    failed = job_of(faq, {"encoder": "hash:64", "shadow": "animals"})
    assert (failed["state"], failed["error"]["code"]) == ("failed", "collection_exists")
    assert faq.post("/v1/collections/animals/documents/count", {}).json()["count"] == 4


def test_writes_and_searches_go_on_while_it_takes_the_name(faq: Client) -> None:
    over, problems, written = threading.Event(), [], []

    def write() -> None:
        for number in range(1000, 3000):
            if over.is_set():
                return
            answer = faq.post("/v1/collections/faq/documents", texts(number, 1))
            if answer.status_code == 200:
                written.append(f"d{number}")
            else:
                problems.append(answer.text)

    def search() -> None:
        while not over.is_set():
            answer = faq.post("/v1/collections/faq/search", {"query": "word3"})
            if answer.status_code != 200:
                problems.append(answer.text)

    threads = [threading.Thread(target=each) for each in (write, search)]
    for thread in threads:
        thread.start()
    try:
        job = job_of(faq, {"encoder": "hash:32", "swap": True, "queries": 5})
        time.sleep(0.2)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert (job["state"], problems) == ("done", [])
    retired = faq.post("/v1/collections/faq.before/documents/count", {}).json()["count"]
    assert (job["result"]["written"], job["result"]["documents"]) == (retired, retired)
    count = faq.post("/v1/collections/faq/documents/count", {}).json()["count"]
    assert count == 60 + len(written)
    assert faq.get(f"/v1/collections/faq/documents/{written[-1]}").status_code == 200


def test_what_is_called_off_goes_on_where_it_was(faq: Client) -> None:
    fill_up(faq)
    id_ = faq.post(ASK, {"encoder": "hash:32", "queries": 1}).json()["id"]
    wait_for_encoding(faq, id_)
    assert faq.delete(f"/v1/jobs/{id_}").json()["state"] == "cancelled"
    begun = faq.post("/v1/collections/faq.reembedded/documents/count", {}).json()["count"]
    assert 0 < begun < 6000
    assert faq.post(f"/v1/jobs/{id_}/resume").status_code == 202
    told = wait(faq.get, id_)["result"]
    assert (told["written"], told["documents"]) == (6000 - begun, 6000)


def test_what_is_cut_off_behind_the_exchange_is_done(
    faq: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a process that ends between the exchange and the job's last word."""

    def cut_off(*_: object) -> None:
        message = "gone"
        raise RuntimeError(message)

    asked = {"encoder": "hash:32", "swap": True, "queries": 5}
    with monkeypatch.context() as patch:
        patch.setattr("service.reembedding.ReembeddedAnswer.of", cut_off)
        assert job_of(faq, asked)["state"] == "failed"
    assert encoders(faq)["faq"] == "hash:32"
    id_ = faq.get("/v1/jobs").json()["jobs"][0]["id"]
    assert faq.post(f"/v1/jobs/{id_}/resume").status_code == 202
    job = wait(faq.get, id_)
    assert (job["state"], job["error"]) == ("done", None)
    told = job["result"]
    assert (told["written"], told["documents"], told["queries"]) == (0, 60, 5)
    assert (told["name"], told["shadow"]) == ("faq", "faq.reembedded")
    assert (told["before"]["encoder"], told["after"]["encoder"]) == ("hash:64", "hash:32")
    assert (told["swapped"], told["kept_as"]) == (True, "faq.before")
    # Asked for anew it is another wish, which cannot be.
    answer = faq.post(ASK, asked)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "collection_exists")


def test_what_cannot_be_is_refused(faq: Client) -> None:
    def refused(body: dict[str, Any]) -> tuple[int, str]:
        answer = faq.post(ASK, body)
        return answer.status_code, answer.json()["error"]["code"]

    assert refused({}) == (400, "invalid_value")
    assert refused({"encoder": "hash:32", "shadow": "faq"}) == (400, "invalid_value")
    assert refused({"encoder": "hash:32", "shadow": "../x"}) == (400, "invalid_name")
    for field in ("shadow", "retired"):
        assert refused({"encoder": "hash:32", field: ""}) == (400, "invalid_name")
        assert faq.post(ASK, {"encoder": "hash:32", field: ""}).json()["error"]["param"] == field
    swap = {"encoder": "hash:32", "swap": True, "retired": "animals"}
    assert refused(swap) == (409, "collection_exists")
    assert faq.post("/v1/collections/none/reembed", {"encoder": "hash:32"}).status_code == 404
    assert refused({"encoder": "hash:64"}) == (409, "collection_exists")
    assert refused({"encoder": "none-such"}) == (404, "model_not_found")
    assert faq.get("/v1/jobs").json()["jobs"] == []
    assert set(encoders(faq)) == {"animals", "faq"}


def test_it_ends_where_memory_is_short(faq: Client) -> None:
    engine = faq.app.state.engine
    engine.resources.memory_allowed = 1
    id_ = engine.jobs.submit("reembed", "faq", {"encoder": "hash:32"}).id
    job = wait(faq.get, id_)
    assert (job["state"], job["error"]["code"]) == ("failed", "memory_short")
    assert "MEARI_PROCESS_MEMORY" in job["error"]["message"]


def test_jobs_go_on_behind_one_that_a_library_ends(
    faq: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a library in Rust does that panics: with what is no `Exception`."""

    class PanicError(BaseException):
        pass

    def panic(*_: object) -> None:
        raise PanicError

    with monkeypatch.context() as patch:
        patch.setattr("service.jobs.reembedding.reembed", panic)
        job = job_of(faq, {"encoder": "hash:32"})
        assert (job["state"], job["error"]["code"]) == ("failed", "internal_error")
    assert job_of(faq, {"encoder": "hash:32"})["state"] == "done"


def test_a_collection_that_is_dropped_meanwhile_ends_it(faq: Client) -> None:
    fill_up(faq)
    id_ = faq.post(ASK, {"encoder": "hash:32", "swap": True}).json()["id"]
    wait_for_encoding(faq, id_)
    assert faq.delete("/v1/collections/faq").status_code == 200
    job = wait(faq.get, id_)
    assert (job["state"], job["error"]["code"]) == ("failed", "collection_dropped")


def test_a_shadow_that_is_dropped_meanwhile_ends_it(faq: Client) -> None:
    fill_up(faq)
    id_ = faq.post(ASK, {"encoder": "hash:32", "swap": True, "shadow": "next"}).json()["id"]
    wait_for_encoding(faq, id_)
    assert faq.delete("/v1/collections/next").status_code == 200
    job = wait(faq.get, id_)
    assert (job["state"], job["error"]["code"]) == ("failed", "collection_dropped")
    assert "collection 'next'" in job["error"]["message"]
    assert set(encoders(faq)) == {"animals", "faq"}


def test_a_name_kept_for_the_old_one_may_be_made_free_meanwhile(faq: Client) -> None:
    fill_up(faq)
    id_ = faq.post(ASK, {"encoder": "hash:32", "swap": True}).json()["id"]
    wait_for_encoding(faq, id_)
    faq.post("/v1/collections", {"name": "faq.before"})
    assert faq.delete("/v1/collections/faq.before").status_code == 200
    assert wait(faq.get, id_)["result"]["kept_as"] == "faq.before"


KEYS = (
    KeyWish("reads", "read"),
    KeyWish("writes", "write"),
    KeyWish("one", "admin", ("faq",)),
    KeyWish("two", "admin", ("faq", "faq.reembedded")),
    KeyWish("three", "admin", ("faq", "faq.reembedded", "faq.before")),
    KeyWish("all", "admin"),
)


def test_who_may_have_it_done(tmp_path: Path, started: Start) -> None:
    """Whoever has scope admin and may see all three collections."""
    keys = {wish.name: create_key(tmp_path, wish)[1] for wish in KEYS}
    with started(Settings(data=tmp_path, encoder=ENCODER, job_niceness=0)) as client:

        def ask(key: str, method: str, path: str, body: object = None) -> tuple[int, str | None]:
            headers = {"authorization": f"Bearer {keys[key]}"}
            answer = client.request(method, path, json=body, headers=headers)
            return answer.status_code, (answer.json().get("error") or {}).get("code")

        for name in ("faq", "faq.before"):
            assert ask("all", "POST", "/v1/collections", {"name": name}) == (201, None)
        body = {"encoder": "hash:32", "swap": True}
        asked = {key: ask(key, "POST", ASK, body) for key in keys}
        assert asked == {
            "reads": (403, "insufficient_scope"),
            "writes": (403, "insufficient_scope"),
            "one": (403, "collection_forbidden"),
            "two": (403, "collection_forbidden"),
            "three": (409, "collection_exists"),
            "all": (409, "collection_exists"),
        }
        headers = {"authorization": f"Bearer {keys['all']}"}
        # One that fails, and so can be resumed; over HTTP it would be refused.
        wish = {"encoder": "none-such", "shadow": "faq.reembedded", "retired": "faq.before"}
        job = client.app.state.engine.jobs.submit("reembed", "faq", wish).id
        path = f"/v1/jobs/{job}"
        wait(lambda path: client.request("GET", path, headers=headers), job)
        unseen, forbidden = (404, "job_not_found"), (403, "insufficient_scope")
        for key, seen, changed in (
            ("reads", (200, None), forbidden),
            ("writes", (200, None), forbidden),
            ("one", unseen, unseen),
            ("two", unseen, unseen),
            ("three", (200, None), (200, None)),
        ):
            assert ask(key, "GET", path)[0] == seen[0], key
            assert ask(key, "DELETE", path)[0] == changed[0], key
        assert ask("writes", "POST", f"{path}/resume") == forbidden
        assert ask("three", "POST", f"{path}/resume") == (202, None)
        audit = (tmp_path / "audit.jsonl").read_text().splitlines()
        told = [(line["name"], line["status"], line["collection"]) for line in map(loads, audit)]
        assert told[-2:] == [("writes", 403, None), ("three", 202, "faq")]
