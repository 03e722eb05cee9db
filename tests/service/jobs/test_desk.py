"""The queue of jobs: what becomes of each, whoever hands in, calls off and stops when."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from analysis.errors import CancelledError
from service.jobs.desk import Jobs
from service.jobs.errors import JobNotFoundError, JobsClosedError, JobStateError, TooManyJobsError
from service.jobs.store import JobStore
from service.jobs.types import Fault, Job, JobProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

SECONDS = 30


class Bench:
    """Work that goes on until it is told how to end."""

    def __init__(self) -> None:
        self.tasks: dict[str, HandTask] = {}
        self.began: list[str] = []
        self.changed = threading.Condition()

    def begin(self, job: Job) -> HandTask:
        with self.changed:
            self.tasks[job.id] = task = HandTask(self, job)
            return task

    def wait_for(self, id: str) -> HandTask:
        """The task of a job, once it runs."""
        with self.changed:
            assert self.changed.wait_for(lambda: id in self.began, SECONDS)
            return self.tasks[id]


class HandTask:
    def __init__(self, bench: Bench, job: Job) -> None:
        self.bench = bench
        self.job = job
        self.told: Callable[[JobProgress], None] | None = None
        self._ended = threading.Event()
        self._error: Exception | None = None

    def run(
        self, told: Callable[[JobProgress], None], permitted: Callable[[], None]
    ) -> Mapping[str, object]:
        self.told = told
        with self.bench.changed:
            self.bench.began.append(self.job.id)
            self.bench.changed.notify_all()
        assert self._ended.wait(SECONDS)
        if self._error is not None:
            raise self._error
        permitted()
        return {"answer": self.job.request}

    def end(self, error: Exception | None = None) -> None:
        self._error = error
        self._ended.set()

    def stop(self) -> None:
        self.end(CancelledError("stopped"))


def explain(error: Exception) -> Fault:
    return Fault(str(error), "server_error", None, type(error).__name__)


class Desk:
    """Jobs in a file, and the bench they are done on."""

    def __init__(self, path: Path, *, workers: int = 1, most_waiting: int = 3) -> None:
        self.bench = Bench()
        self.over: list[tuple[str, str]] = []
        self.jobs = Jobs(
            JobStore(path),
            self.bench.begin,
            explain,
            workers=workers,
            most_waiting=most_waiting,
            ended=lambda job, _: self.over.append((job.id, job.state)),
        )
        self.jobs.start()

    def until_over(self, id: str) -> Job:
        """The job, once it is over."""
        over = threading.Event()
        with self.jobs.listening(id, lambda job: over.set() if job.is_over else None) as job:
            if not job.is_over:
                assert over.wait(SECONDS)
        return self.jobs.get(id)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "jobs.sqlite")
    yield made
    made.jobs.stop()


def test_a_job_from_its_asking_to_its_end(desk: Desk) -> None:
    heard: list[tuple[str, JobProgress]] = []
    job = desk.jobs.submit("clusters", "faq", {"count": 3})
    task = desk.bench.wait_for(job.id)
    assert (job.state, desk.jobs.get(job.id).state) == ("queued", "running")
    with desk.jobs.listening(job.id, lambda now: heard.append((now.state, now.progress))):
        task.told(JobProgress("labels", 1, 4, 2.5))
        assert desk.jobs.get(job.id).progress == JobProgress("labels", 1, 4, 2.5)
        task.end()
        done = desk.until_over(job.id)
    assert done.result == {"answer": {"count": 3}}
    assert (done.state, done.error, done.progress) == ("done", None, JobProgress("labels", 1, 4))
    assert heard == [
        ("running", JobProgress("labels", 1, 4, 2.5)),
        ("done", JobProgress("labels", 1, 4)),
    ]
    assert job.created <= done.started <= done.finished


def test_jobs_are_done_in_turn_and_one_too_many_is_refused(desk: Desk) -> None:
    ids = [desk.jobs.submit("map", "faq", {}).id for _ in range(1)]
    desk.bench.wait_for(ids[0])
    ids += [desk.jobs.submit("map", "faq", {"seed": n}).id for n in range(3)]
    with pytest.raises(TooManyJobsError, match="busy: 3 jobs wait already; try again"):
        desk.jobs.submit("map", "faq", {})
    assert (desk.jobs.waiting, desk.jobs.running) == (3, 1)
    for id in ids:
        desk.bench.wait_for(id).end()
        assert desk.until_over(id).state == "done"
    assert desk.bench.began == ids
    assert [job.id for job in desk.jobs.page(10)] == ids[::-1]


def test_what_failed_says_why_and_the_next_begins(desk: Desk) -> None:
    first, second = (desk.jobs.submit("outliers", "faq", {}).id for _ in range(2))
    desk.bench.wait_for(first).end(ValueError("contamination is 0.9"))
    failed = desk.until_over(first)
    assert failed.state == "failed"
    assert failed.error == Fault("contamination is 0.9", "server_error", None, "ValueError")
    desk.bench.wait_for(second).end()
    assert desk.until_over(second).state == "done"
    assert desk.over == [(first, "failed"), (second, "done")]


def test_cancelling_before_while_and_after(desk: Desk) -> None:
    running, waiting = (desk.jobs.submit("map", "faq", {}).id for _ in range(2))
    desk.bench.wait_for(running)
    assert desk.jobs.cancel(waiting).state == "cancelled"
    cancelled = desk.jobs.cancel(running)
    assert (cancelled.state, cancelled.error, cancelled.result) == ("cancelled", None, None)
    assert desk.jobs.cancel(running) == cancelled
    assert desk.bench.began == [running], "the other never began"
    with pytest.raises(JobNotFoundError, match="no job 'nobody'"):
        desk.jobs.cancel("nobody")


def test_whoever_is_keeping_a_result_is_not_called_off(desk: Desk) -> None:
    """Between the permission and the end `cancel` changes nothing: the result stands."""
    job = desk.jobs.submit("map", "faq", {})
    task = desk.bench.wait_for(job.id)
    seen = []
    permit = desk.jobs._permit

    def permitted(running: object) -> None:
        permit(running)
        seen.append(desk.jobs.cancel(job.id).state)

    desk.jobs._permit = permitted
    task.end()
    assert desk.until_over(job.id).state == "done"
    assert seen == ["running"]


def test_a_dropped_collection_takes_its_jobs_along(desk: Desk) -> None:
    running = desk.jobs.submit("map", "faq", {})
    waiting = desk.jobs.submit("leakage", "other", {"other": "faq"})
    free = desk.jobs.submit("map", "other", {})
    desk.bench.wait_for(running.id)
    desk.jobs.abandon("faq")
    for job in (running, waiting):
        ended = desk.until_over(job.id)
        assert ended.state == "failed"
        assert ended.error.code == "collection_dropped"
        assert "'faq' was dropped" in ended.error.message
    desk.bench.wait_for(free.id).end()
    assert desk.until_over(free.id).state == "done"


def test_what_ran_is_interrupted_what_waited_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    first = Desk(path)
    ran, waited = (first.jobs.submit("map", "faq", {"seed": n}) for n in range(2))
    first.bench.wait_for(ran.id)
    first.jobs.stop()
    with pytest.raises(JobsClosedError):
        first.jobs.submit("map", "faq", {})

    second = Desk(path)
    interrupted = second.jobs.get(ran.id)
    assert (interrupted.state, interrupted.error.code) == ("interrupted", "interrupted")
    second.bench.wait_for(waited.id).end()
    assert second.until_over(waited.id).state == "done"
    with pytest.raises(JobStateError, match="is done; an interrupted"):
        second.jobs.resume(waited.id)
    assert second.jobs.resume(ran.id).state == "queued"
    with pytest.raises(JobStateError, match=r"is (queued|running)"):
        second.jobs.resume(ran.id)
    second.bench.wait_for(ran.id).end()
    done = second.until_over(ran.id)
    assert (done.state, done.error, done.result) == ("done", None, {"answer": {"seed": 0}})
    second.jobs.stop()


def test_a_process_that_died_leaves_interrupted_jobs(tmp_path: Path) -> None:
    """Nobody could write down that it stopped: the next start does."""
    path = tmp_path / "jobs.sqlite"
    store = JobStore(path)
    store.add(Job("lost", "map", "faq", {}, "2026-01-01T00:00:00Z", state="running"))
    store.close()
    desk = Desk(path)
    assert desk.jobs.get("lost").state == "interrupted"
    desk.jobs.stop()


class AnyOrder(RuleBasedStateMachine):
    """Jobs against a list of what each must be by now, whatever is done in whatever order."""

    path: Path
    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.path.unlink(missing_ok=True)
        self.desk = Desk(self.path)
        self.expected: dict[str, str] = {}
        self.queue: list[str] = []
        self.running: str | None = None
        self.collections: dict[str, str] = {}

    def settle(self) -> None:
        """The next in the queue runs, as soon as nothing else does."""
        if self.running is None and self.queue:
            self.running = self.queue.pop(0)
            self.expected[self.running] = "running"
            self.desk.bench.wait_for(self.running)

    def finish(self, id: str, state: str) -> None:
        self.expected[id] = state
        if self.running == id:
            self.desk.until_over(id)
            self.running = None
        else:
            self.queue.remove(id)

    @rule(target=jobs, collection=st.sampled_from(["a", "b"]))
    def submit(self, collection: str) -> object:
        if len(self.queue) == 3:
            with pytest.raises(TooManyJobsError):
                self.desk.jobs.submit("map", collection, {})
            return multiple()
        job = self.desk.jobs.submit("map", collection, {})
        self.expected[job.id] = "queued"
        self.collections[job.id] = collection
        self.queue.append(job.id)
        self.settle()
        return job.id

    @rule(id=jobs)
    def cancel(self, id: str) -> None:
        self.desk.jobs.cancel(id)
        if self.expected[id] in {"queued", "running"}:
            self.finish(id, "cancelled")
        self.settle()

    @rule(fails=st.booleans())
    def work(self, fails: bool) -> None:
        if self.running is None:
            return
        id = self.running
        self.desk.bench.tasks[id].end(ValueError("no") if fails else None)
        self.finish(id, "failed" if fails else "done")
        self.settle()

    @rule(collection=st.sampled_from(["a", "b"]))
    def drop(self, collection: str) -> None:
        self.desk.jobs.abandon(collection)
        for id in [each for each in self.queue if self.collections[each] == collection]:
            self.finish(id, "failed")
        if self.running is not None and self.collections[self.running] == collection:
            self.finish(self.running, "failed")
        self.settle()

    @rule(id=consumes(jobs))
    def resume(self, id: str) -> None:
        state = self.expected[id]
        if state in {"queued", "running", "done"}:
            with pytest.raises(JobStateError):
                self.desk.jobs.resume(id)
        elif len(self.queue) == 3:
            with pytest.raises(TooManyJobsError):
                self.desk.jobs.resume(id)
        else:
            self.desk.bench.began = [each for each in self.desk.bench.began if each != id]
            self.desk.jobs.resume(id)
            self.expected[id] = "queued"
            self.queue.append(id)
            self.settle()

    @rule()
    def restart(self) -> None:
        self.desk.jobs.stop()
        if self.running is not None:
            self.expected[self.running] = "interrupted"
            self.running = None
        self.desk = Desk(self.path)
        self.settle()

    @invariant()
    def every_job_is_what_it_must_be(self) -> None:
        found = {job.id: job.state for job in self.desk.jobs.page(1000)}
        assert found == self.expected
        counts = Counter(self.expected.values())
        assert self.desk.jobs.waiting == counts["queued"]
        assert self.desk.jobs.running == counts["running"]

    def teardown(self) -> None:
        self.desk.jobs.stop()


def test_in_any_order(tmp_path: Path) -> None:
    AnyOrder.path = tmp_path / "jobs.sqlite"
    run_state_machine_as_test(
        AnyOrder, settings=settings(max_examples=15, stateful_step_count=20, deadline=None)
    )
