"""Jobs over HTTP, done by real processes: followed, called off, dropped under, taken up again."""

from __future__ import annotations

import json
import shutil
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from indexing.data_folder import DataFolder
from indexing.types import Document
from service.settings import Settings
from tests.service.http.conftest import ENCODER
from tests.service.http.gone import Gone
from tests.service.http.test_server import running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from tests.service.http.conftest import Client, Start

MAP = "/v1/collections/animals/map"
LARGE = "/v1/collections/large/map"
SECONDS = 120


def wait(get: Callable[[str], httpx.Response], id: str, *states: str) -> dict[str, Any]:
    """The job, once it is in one of the states; over unless told otherwise."""
    wanted = states or ("done", "failed", "cancelled", "interrupted")
    deadline = time.monotonic() + SECONDS
    while (job := get(f"/v1/jobs/{id}").json())["state"] not in wanted:
        assert time.monotonic() < deadline, job
        time.sleep(0.02)
    return job


def fill_large(data: Path) -> None:
    """A collection whose map takes long."""
    random = np.random.default_rng(7)
    vectors = random.normal(size=(4_000, 64)).astype(np.float32)
    documents = [Document(f"d{n}", f"text {n}") for n in range(len(vectors))]
    with DataFolder.open(data, maintain=False) as folder:
        folder.create("large", encoder=ENCODER).add(documents, vectors=vectors)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("filled")
    fill_large(data)
    return data


@pytest.fixture
def large(tmp_path: Path, filled: Path, started: Start):
    shutil.copytree(filled, tmp_path / "data")
    chosen = Settings(data=tmp_path / "data", encoder=ENCODER, max_jobs=2, job_niceness=0)
    with started(chosen) as client:
        yield client


def test_a_job_from_its_asking_to_its_result(animals: Client):
    assert animals.get(MAP).json()["error"] == {
        "message": "no map are kept in 'animals'; ask for them first",
        "type": "invalid_request_error",
        "param": "collection",
        "code": "result_not_found",
    }
    answer = animals.post(MAP, {"neighbours": 2, "seed": 3})
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert (job["kind"], job["collection"], job["state"]) == ("map", "animals", "queued")
    assert job["request"] == {"neighbours": 2, "seed": 3}
    done = wait(animals.get, job["id"])
    assert (done["state"], done["error"]) == ("done", None)
    assert done["progress"] | {"eta_s": None} == done["progress"]
    assert done["progress"]["done"] == done["progress"]["total"] > 0
    assert done["created"] <= done["started"] <= done["finished"]

    shown = animals.get(MAP).json()
    assert shown["receipt"] == done["result"]
    assert (shown["points"], shown["stale"]) == (4, False)
    assert shown["made"]["request"] == {"neighbours": 2, "seed": 3}
    assert animals.get("/v1/jobs").json() == {"jobs": [done], "cursor": None}
    animals.post("/v1/collections/animals/documents", {"documents": [{"id": "x", "text": "x"}]})
    assert animals.get(MAP).json()["stale"] is True
    text = animals.get("/metrics").text.splitlines()
    assert 'meari_jobs_total{kind="map",state="done"} 1.0' in text
    assert 'meari_job_seconds_count{kind="map"} 1.0' in text
    assert 'meari_jobs_unfinished{state="running"} 0.0' in text


def events(text: str) -> list[dict[str, Any]]:
    told = [each.split("\n") for each in text.split("\n\n") if each and each != ": ping"]
    assert all(lines[0] == "event: job" and len(lines) == 2 for lines in told), text
    return [json.loads(lines[1].removeprefix("data: ")) for lines in told]


def test_a_stream_tells_of_a_job_until_it_is_over(animals: Client):
    id = animals.post(MAP, {"neighbours": 2}).json()["id"]
    answer = animals.get(f"/v1/jobs/{id}/events")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    told = events(answer.text)
    states = [each["state"] for each in told]
    assert states == sorted(states, key=["queued", "running", "done"].index)
    assert told[-1] == animals.get(f"/v1/jobs/{id}").json()
    assert told[-1]["state"] == "done"
    assert events(animals.get(f"/v1/jobs/{id}/events").text) == [told[-1]]


def test_whoever_leaves_a_stream_leaves_nothing_behind(large: Client):
    id = large.post(LARGE, {}).json()["id"]
    gone = Gone({})
    path = f"/v1/jobs/{id}/events"
    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
    asking = threading.Thread(
        target=large.call, args=(lambda: large.app(scope, gone._receive, gone._send),)
    )
    asking.start()
    engine = large.app.state.engine
    deadline = time.monotonic() + SECONDS
    while not any(b"data: " in each.get("body", b"") for each in gone.sent):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert len(engine.streams) == 1
    gone.leave()
    asking.join(SECONDS)
    assert len(engine.streams) == 0
    assert engine.jobs._listeners == {}
    assert large.delete(f"/v1/jobs/{id}").json()["state"] == "cancelled"


def test_a_silent_stream_says_that_it_is_there(large: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("service.routes.jobs.PING_SECONDS", 0.01)
    running, waiting = (large.post(LARGE, {}).json()["id"] for _ in range(2))
    answers = []
    asking = threading.Thread(
        target=lambda: answers.append(large.get(f"/v1/jobs/{waiting}/events").text)
    )
    asking.start()
    time.sleep(0.2)
    assert large.delete(f"/v1/jobs/{waiting}").json()["state"] == "cancelled"
    asking.join(SECONDS)
    assert ": ping\n\n" in answers[0]
    assert answers[0].rpartition("data: ")[2].startswith(f'{{"id":"{waiting}"')
    large.delete(f"/v1/jobs/{running}")


def test_a_running_job_is_called_off_and_keeps_nothing(large: Client):
    id = large.post(LARGE, {}).json()["id"]
    wait(large.get, id, "running")
    cancelled = large.delete(f"/v1/jobs/{id}")
    assert cancelled.status_code == 200
    assert cancelled.json() == wait(large.get, id)
    assert (cancelled.json()["state"], cancelled.json()["error"]) == ("cancelled", None)
    assert large.get(LARGE).status_code == 404
    assert large.delete(f"/v1/jobs/{id}").json() == cancelled.json()
    again = large.post(f"/v1/jobs/{id}/resume")
    assert (again.status_code, again.json()["state"]) == (202, "queued")
    large.delete(f"/v1/jobs/{id}")


def test_one_job_too_many_is_refused(large: Client):
    ids = [large.post(LARGE, {}).json()["id"]]
    wait(large.get, ids[0], "running")
    ids += [large.post(LARGE, {"seed": n}).json()["id"] for n in range(2)]
    refused = large.post(LARGE, {})
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["error"]["message"].startswith("busy: 2 jobs wait already")
    assert [each["id"] for each in large.get("/v1/jobs?state=queued").json()["jobs"]] == [
        ids[2],
        ids[1],
    ]
    for id in reversed(ids):
        assert large.delete(f"/v1/jobs/{id}").json()["state"] == "cancelled"


def test_a_dropped_collection_fails_its_jobs_and_does_not_wait_for_them(large: Client):
    ids = [large.post(LARGE, {}).json()["id"] for _ in range(2)]
    wait(large.get, ids[0], "running")
    assert large.delete("/v1/collections/large").json()["documents"] == 4_000
    for id in ids:
        job = wait(large.get, id)
        assert job["state"] == "failed"
        assert job["error"] == {
            "message": "collection 'large' was dropped, or encoded anew, before the job was done",
            "type": "invalid_request_error",
            "param": "collection",
            "code": "collection_dropped",
        }
    assert large.post(LARGE, {}).json()["error"]["code"] == "collection_not_found"
    assert not (large.app.state.engine.settings.data / "large").exists()


def test_what_cannot_be_found_fails_with_the_reason(animals: Client):
    animals.post("/v1/collections", {"name": "alone"})
    animals.post("/v1/collections/alone/documents", {"documents": [{"id": "x", "text": "x"}]})
    id = animals.post("/v1/collections/alone/map", {}).json()["id"]
    job = wait(animals.get, id)
    assert (job["state"], job["result"]) == ("failed", None)
    assert job["error"]["code"] == "unsuitable_documents"
    assert "at least 4 are needed" in job["error"]["message"]
    filter = {"must": [{"key": "legs", "match": {"value": 2}}]}
    id = animals.post(MAP, {"filter": filter}).json()["id"]
    assert "a map of 1 document; at least 4 are needed" in wait(animals.get, id)["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "param"),
    [
        ("POST", MAP, {"neighbours": 1}, 400, "invalid_value", "neighbours"),
        ("POST", MAP, {"neighbours": "many"}, 400, "invalid_value", "neighbours"),
        ("POST", MAP, {"colour": "red"}, 400, "invalid_value", "colour"),
        ("POST", MAP, {"filter": {"must": [{"kez": 1}]}}, 400, "invalid_filter", None),
        ("POST", "/v1/collections/nobody/map", {}, 404, "collection_not_found", "collection"),
        ("GET", "/v1/jobs/nobody", None, 404, "job_not_found", "job"),
        ("DELETE", "/v1/jobs/nobody", None, 404, "job_not_found", "job"),
        ("POST", "/v1/jobs/nobody/resume", None, 404, "job_not_found", "job"),
        ("GET", "/v1/jobs/nobody/events", None, 404, "job_not_found", "job"),
        ("GET", "/v1/jobs?cursor=x", None, 400, "invalid_value", "cursor"),
        ("GET", "/v1/jobs?limit=0", None, 400, "invalid_value", "limit"),
        ("GET", "/v1/jobs?state=lost", None, 400, "invalid_value", "state"),
        ("GET", "/v1/jobs?kinds=map", None, 400, "invalid_value", "kinds"),
    ],
)
def test_what_is_refused(
    animals: Client,
    method: str,
    path: str,
    body: object,
    status: int,
    code: str,
    param: str | None,
):
    answer = animals.request(method, path, json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), error
    if param is not None:
        assert error["param"] == param


def test_pages_of_jobs(large: Client):
    ids = [large.post(LARGE, {"seed": n}).json()["id"] for n in range(2)]
    for id in reversed(ids):
        large.delete(f"/v1/jobs/{id}")
    first = large.get("/v1/jobs?limit=1").json()
    second = large.get(f"/v1/jobs?limit=1&cursor={first['cursor']}").json()
    assert [each["id"] for each in first["jobs"] + second["jobs"]] == ids[::-1]
    assert second["cursor"] is None
    assert large.get("/v1/jobs?collection=nobody").json() == {"jobs": [], "cursor": None}
    assert len(large.get("/v1/jobs?kind=map&state=cancelled").json()["jobs"]) == 2


def test_a_server_stops_at_once_and_its_jobs_are_taken_up_again(tmp_path: Path):
    """SIGTERM while a job runs and somebody follows it: the stream ends, nobody waits."""
    data = tmp_path / "data"
    fill_large(data)
    with running(data, MEARI_JOB_NICENESS="0") as (process, client):
        ids = [client.post(LARGE, json={"seed": n}).json()["id"] for n in range(2)]
        wait(client.get, ids[0], "running")
        with client.stream("GET", f"/v1/jobs/{ids[0]}/events") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "event: job"
            process.popen.send_signal(signal.SIGTERM)
            assert process.wait() == 0
            assert list(lines)[-1] == ""
    with running(data, MEARI_JOB_NICENESS="0") as (_, client):
        job = client.get(f"/v1/jobs/{ids[0]}").json()
        assert (job["state"], job["error"]["code"]) == ("interrupted", "interrupted")
        wait(client.get, ids[1], "running")
        assert client.delete(f"/v1/jobs/{ids[1]}").json()["state"] == "cancelled"
        client.post(f"/v1/jobs/{ids[0]}/resume").raise_for_status()
        wait(client.get, ids[0], "running")


def test_a_process_that_is_killed_fails_its_job(large: Client):
    id = large.post(LARGE, {}).json()["id"]
    wait(large.get, id, "running")
    jobs = large.app.state.engine.jobs
    deadline = time.monotonic() + SECONDS
    while not wait(large.get, id, "running")["progress"]["total"]:
        assert time.monotonic() < deadline
    jobs._running[id].task._process.kill()
    job = wait(large.get, id)
    assert (job["state"], job["error"]["code"]) == ("failed", "job_lost")
    assert job["error"]["message"].startswith("the job's process is gone: it was killed")
