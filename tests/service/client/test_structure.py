"""Both clients against the real application: jobs, and what a collection is about."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from anyio.from_thread import start_blocking_portal

from service.app import create_app
from service.client import AsyncClient, Client, ClientError, JobError, UnreachableError
from service.client import answers_structure as kinds
from service.client.waiting import EventReader, Waits
from service.settings import Settings
from tests.service.client.conforming import mismatch
from tests.service.client.test_served import Served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from service.client.questions import DocumentInput
    from tests.service.client.conftest import Script

DOCUMENTS: list[DocumentInput] = [
    {"id": f"{topic}-{n}", "text": f"{words} {n}", "metadata": {"half": n % 2}}
    for topic, words in (
        ("delivery", "parcel courier delivery"),
        ("refund", "refund money receipt"),
    )
    for n in range(12)
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    settings = Settings(data=tmp_path_factory.mktemp("data"), encoder="hash:64", job_niceness=0)
    app = create_app(settings)
    lifespan = app.router.lifespan_context(app)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(lifespan):
        served = Served(app, portal)
        deadline = time.monotonic() + 30
        while served.blocking.health()["status"] != "ok":
            assert time.monotonic() < deadline, served.blocking.health()
            time.sleep(0.01)
        served.blocking.create("topics")
        served.blocking.upload("topics", DOCUMENTS)
        served.blocking.create("test")
        served.blocking.upload("test", DOCUMENTS[:12])
        for job in (
            served.blocking.find_clusters("topics", k=2),
            served.blocking.find_outliers("topics", contamination=0.1, k=3),
            served.blocking.find_duplicates("topics", threshold=0.9),
            served.blocking.find_leakage("topics", "test", exact_only=True),
            served.blocking.draw_map("topics", neighbours=5),
            served.blocking.find_drift(
                "topics", before={"collection": "test"}, permutations=99, examples=3
            ),
        ):
            assert served.blocking.wait(job)["state"] == "done"
        yield served
        served.close()


@pytest.fixture(params=["blocking", "awaited"])
def ask(served: Served, request: pytest.FixtureRequest) -> Callable[..., Any]:
    return partial(served.ask, request.param)


def test_every_result_is_of_its_type(ask: Callable[..., Any]) -> None:
    clusters = ask("clusters", "topics", members=True)
    assert mismatch(clusters, kinds.ClustersAnswer) is None
    assert sum(len(each["members"]) for each in clusters["clusters"]) == len(DOCUMENTS)
    first = clusters["clusters"][0]["id"]
    documents = ask("cluster_documents", "topics", first, limit=2)
    assert mismatch(documents, kinds.MembersAnswer) is None
    rest = ask("cluster_documents", "topics", first, cursor=documents["cursor"])
    assert len(documents["documents"]) + len(rest["documents"]) == clusters["clusters"][0]["size"]
    for method, kind in (
        ("outliers", kinds.OutliersAnswer),
        ("duplicates", kinds.DuplicatesAnswer),
        ("leakage", kinds.LeakageAnswer),
        ("show_map", kinds.MapAnswer),
        ("map_points", kinds.MapPointsAnswer),
        ("drift", kinds.DriftAnswer),
        ("reassign_outliers", kinds.ClustersAnswer),
    ):
        assert mismatch(ask(method, "topics"), kind) is None, method
    assert ask("leakage", "topics")["share"] == 1.0
    scores = ask("score", "topics", ["parcel courier delivery 1", "zebra"])
    assert mismatch(scores, kinds.ScoresAnswer) is None
    assert scores["scores"][0]["score"] < scores["scores"][1]["score"]
    placed = ask("map_documents", "topics", [0, 1])
    assert mismatch(placed, kinds.MapDocumentsAnswer) is None
    assert [each["id"] for each in placed["documents"]] == ["delivery-0", "delivery-1"]
    values = ask("map_values", "topics", "half")
    assert mismatch(values, kinds.MapFieldAnswer) is None


def test_jobs_are_listed_shown_and_followed(ask: Callable[..., Any]) -> None:
    listed = ask("jobs", collection="topics", state="done")
    assert mismatch(listed, kinds.JobsAnswer) is None
    [job] = [each for each in listed["jobs"] if each["kind"] == "map"]
    assert ask("job", job["id"]) == job
    assert ask("cancel_job", job["id"]) == job
    assert list(ask("follow", job)) == [job]
    assert ask("wait", job["id"]) == job
    with pytest.raises(ClientError, match="is done") as caught:
        ask("resume_job", job["id"])
    assert (caught.value.status, caught.value.code) == (409, "job_not_resumable")
    with pytest.raises(ClientError) as caught:
        list(ask("follow", "nobody"))
    assert (caught.value.status, caught.value.code) == (404, "job_not_found")


def test_a_job_that_fails_is_an_error_with_its_reason(ask: Callable[..., Any]) -> None:
    job = ask("find_clusters", "topics", k=100)
    with pytest.raises(JobError, match="failed: k is 100 and there are 24 documents") as caught:
        ask("wait", job)
    assert (caught.value.code, caught.value.param) == ("invalid_value", "k")
    assert caught.value.is_misuse
    assert caught.value.job["state"] == "failed"


JOB = {
    "id": "1",
    "kind": "map",
    "collection": "c",
    "state": "running",
    "progress": {"stage": "layout", "done": 1, "total": 2, "eta_s": 1.0},
    "error": None,
}


def test_waiting_looks_less_and_less_often(script: Script) -> None:
    for _ in range(7):
        script.say(200, JOB)
    script.say(200, {**JOB, "state": "done"})
    slept: list[float] = []
    told: list[str] = []
    with Client(script.url, sleep=slept.append) as client:
        client.wait("1", progress=lambda job: told.append(job["state"]))
    assert slept == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    assert told == ["running"] * 7
    assert {path for _, path, _ in script.requests} == {"/v1/jobs/1"}


def test_waiting_has_an_end(script: Script) -> None:
    script.say(200, JOB)
    late = pytest.raises(TimeoutError, match="job 1 is running after 0 seconds")
    with Client(script.url, sleep=lambda _: None) as client, late:
        client.wait("1", timeout=0)
    now = 0.0
    waits = Waits(0.25, clock=lambda: now)
    assert [waits.next(JOB), waits.next(JOB)] == [0.1, 0.2]
    now = 0.2
    assert waits.next(JOB) == pytest.approx(0.05)


def test_events_are_read_whatever_stands_between_them() -> None:
    reader = EventReader()
    lines = [": ping", "", "event: job", 'data: {"id":', 'data: "1"}', "", "retry: 5", ""]
    assert [reader.read(line) for line in lines] == [None] * 5 + [{"id": "1"}, None, None]


def test_a_stream_that_breaks_is_told(script: Script) -> None:
    script.hang_up()
    with Client(script.url) as client, pytest.raises(UnreachableError, match="broke"):
        list(client.follow("1"))

    async def follow() -> None:
        async with AsyncClient(script.url) as client:
            async for _ in client.follow("1"):
                pass

    with pytest.raises(UnreachableError, match="broke"):
        asyncio.run(follow())
