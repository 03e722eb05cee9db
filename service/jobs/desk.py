"""Where jobs are handed in, waited for, called off and taken up again."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from analysis.errors import CancelledError
from service.jobs.errors import JobNotFoundError, JobsClosedError, TooManyJobsError
from service.jobs.turns import STOPPED, dropped, interrupted, now, queued_again, uses
from service.jobs.types import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from service.jobs.store import JobStore
    from service.jobs.types import Fault, JobProgress, Kind, State, Task

    Ended = Callable[[Job, float], None]
    """Told of a job that is over, and how many seconds it ran."""

logger = logging.getLogger(__name__)

Reason = Literal["cancelled", "interrupted", "dropped"]

_KEPT_EVERY = 1.0
"""Seconds between two writes of a running job's progress."""


@dataclass(slots=True)
class _Running:
    """A job that runs.

    Attributes:
        task: its work.
        reason: why it was stopped; None if it was not.
        gone: name of the collection that it was stopped for; empty if for none.
        keeping: True once it may keep what it found, and is not stopped any more.
        kept: when its progress was last written.
    """

    task: Task
    reason: Reason | None = None
    gone: str = ""
    keeping: bool = False
    kept: float = 0.0


class Jobs:
    """Jobs wait in a bounded queue and are done by a few threads, oldest first.

    Every change is stored before it is told. What runs when the process ends is found
    `interrupted` at the next start; what waits then begins.

    Args:
        store: where they are kept.
        begin: from a job to its work.
        explain: from an error of that work to what is told of it.
        workers: jobs that run at the same time.
        most_waiting: jobs that wait at most.
        ended: told of each job that is over.
    """

    def __init__(
        self,
        store: JobStore,
        begin: Callable[[Job], Task],
        explain: Callable[[Exception], Fault],
        *,
        workers: int = 1,
        most_waiting: int = 32,
        ended: Ended | None = None,
    ) -> None:
        self._store = store
        self._begin = begin
        self._explain = explain
        self._workers = workers
        self._most_waiting = most_waiting
        self._ended = ended
        self._changed = threading.Condition()
        self._live: dict[str, Job] = {}
        self._queue: deque[str] = deque()
        self._running: dict[str, _Running] = {}
        self._listeners: dict[str, list[Callable[[Job], None]]] = {}
        self._threads: list[threading.Thread] = []
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return len(self._queue)

    @property
    def running(self) -> int:
        """How many jobs run."""
        return len(self._running)

    def start(self) -> None:
        """Note what the last process left running, and begin what waits."""
        for job in self._store.unfinished():
            if job.state == "running":
                self._store.update(interrupted(job))
            else:
                self._live[job.id] = job
                self._queue.append(job.id)
        for number in range(self._workers):
            thread = threading.Thread(target=self._work, name=f"job_{number}")
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Stop what runs, keep what waits for the next start, and wait until nothing runs."""
        with self._changed:
            self._closed = True
            running = [each for each in self._running.values() if not each.keeping]
            for each in running:
                each.reason = each.reason or "interrupted"
            self._changed.notify_all()
        for each in running:
            each.task.stop()
        for thread in self._threads:
            thread.join()
        self._store.close()

    def submit(self, kind: Kind, collection: str, request: Mapping[str, Any]) -> Job:
        """A new job, which waits for its turn.

        Args:
            kind: what is to be found.
            collection: where.
            request: a JSON object.

        Raises:
            TooManyJobsError: as many wait as may.
            JobsClosedError: the service is stopping.
            StorageFullError: the disk is full.
        """
        job = Job(secrets.token_hex(8), kind, collection, dict(request), now())
        with self._changed:
            self._check_room()
            return self._enqueue(self._store.add(job))

    def resume(self, id: str) -> Job:
        """The job, waiting again; it begins from its beginning, with the same request.

        Raises:
            JobNotFoundError: there is none.
            JobStateError: it waits, runs, or is done.
            TooManyJobsError: as many wait as may.
            JobsClosedError: the service is stopping.
        """
        with self._changed:
            job = self.get(id)
            again = queued_again(job)
            self._check_room()
            return self._enqueue(self._store.add(again))

    def get(self, id: str) -> Job:
        """The job as it stands.

        Raises:
            JobNotFoundError: there is none.
        """
        job = self._live.get(id) or self._store.get(id)
        if job is None:
            message = f"no job {id!r}; GET /v1/jobs lists those that are remembered"
            raise JobNotFoundError(message)
        return job

    def page(self, limit: int, **wanted: Any) -> list[Job]:  # noqa: ANN401 - passed through
        """Jobs, newest first; see `JobStore.page`."""
        return [self._live.get(job.id, job) for job in self._store.page(limit, **wanted)]

    def cancel(self, id: str) -> Job:
        """Call a job off: one that waits is over at once, one that runs very soon.

        One that is over, or is keeping what it found at this moment, stays as it is.

        Raises:
            JobNotFoundError: there is none.
        """
        with self._changed:
            job = self.get(id)
            running = self._running.get(id)
            if running is None:
                return job if job.is_over else self._end(job, "cancelled")
            if running.keeping or running.reason is not None:
                return job
            running.reason = "cancelled"
        running.task.stop()
        with self._changed:
            self._changed.wait_for(lambda: id not in self._running)
            return self.get(id)

    def abandon(self, collection: str, *, besides: str | None = None) -> None:
        """End every job about a collection that is going; returns once none uses its files.

        Args:
            collection: its name.
            besides: id of the job that goes on.
        """
        with self._changed:
            live = [job for job in self._live.values() if job.id != besides]
            about = [job for job in live if uses(job, collection)]
            running = [self._running[job.id] for job in about if job.id in self._running]
            for job in about:
                if job.id not in self._running:
                    self._end(job, "failed", dropped(collection))
            for each in running:
                if each.reason is None:
                    each.reason, each.gone = "dropped", collection
        for each in running:
            each.task.stop()

    @contextmanager
    def listening(self, id: str, tell: Callable[[Job], None]) -> Iterator[Job]:
        """Have `tell` called whenever the job changes, in any thread, until the block ends.

        Gives the job as it stood when listening began.

        Raises:
            JobNotFoundError: there is none.
        """
        with self._changed:
            job = self.get(id)
            self._listeners.setdefault(id, []).append(tell)
        try:
            yield job
        finally:
            with self._changed:
                left = [each for each in self._listeners.pop(id, []) if each is not tell]
                if left:
                    self._listeners[id] = left

    def _check_room(self) -> None:
        if self._closed:
            message = "not ready: the service is stopping"
            raise JobsClosedError(message)
        if len(self._queue) >= self._most_waiting:
            message = (
                f"busy: {len(self._queue):,} jobs wait already; try again when one is over, or "
                "cancel one"
            )
            raise TooManyJobsError(message)

    def _enqueue(self, job: Job) -> Job:
        self._live[job.id] = job
        self._queue.append(job.id)
        self._tell(job)
        self._changed.notify_all()
        return job

    def _work(self) -> None:
        """A thread: do one job after the other until the service stops."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._queue)
                if self._closed:
                    return
                job, running = self._take()
            self._run(job, running)

    def _take(self) -> tuple[Job, _Running]:
        job = self._live[self._queue.popleft()]
        job = replace(job, state="running", started=now())
        running = _Running(self._begin(job), kept=time.monotonic())
        self._running[job.id] = running
        self._keep(job)
        return job, running

    def _run(self, job: Job, running: _Running) -> None:
        began = time.monotonic()
        state: State = "done"
        error: Fault | None = None
        result: Mapping[str, Any] | None = None
        try:
            result = running.task.run(
                lambda progress: self._note(job.id, progress), lambda: self._permit(running)
            )
        except Exception as failure:
            state, error = self._outcome(running, failure)
        with self._changed:
            del self._running[job.id]
            ended = self._end(self._live[job.id], state, error, result)
        if self._ended is not None:
            self._ended(ended, time.monotonic() - began)

    def _outcome(self, running: _Running, failure: Exception) -> tuple[State, Fault | None]:
        if running.reason == "cancelled":
            return "cancelled", None
        if running.reason == "interrupted":
            return "interrupted", STOPPED
        if running.reason == "dropped":
            return "failed", dropped(running.gone)
        return "failed", self._explain(failure)

    def _permit(self, running: _Running) -> None:
        """Let the work keep what it found, if nobody stopped it.

        Raises:
            CancelledError: somebody did.
        """
        with self._changed:
            if running.reason is not None:
                message = f"the job was {running.reason}"
                raise CancelledError(message)
            running.keeping = True

    def _note(self, id: str, progress: JobProgress) -> None:
        with self._changed:
            job = self._live[id] = replace(self._live[id], progress=progress)
            running = self._running[id]
            if (now := time.monotonic()) - running.kept >= _KEPT_EVERY:
                running.kept = now
                self._keep(job)
            else:
                self._tell(job)

    def _end(
        self,
        job: Job,
        state: State,
        error: Fault | None = None,
        result: Mapping[str, Any] | None = None,
    ) -> Job:
        """The job, over; the caller holds the lock."""
        progress = replace(job.progress, eta_s=None)
        job = replace(
            job, state=state, progress=progress, error=error, result=result, finished=now()
        )
        if job.id in self._queue:
            self._queue.remove(job.id)
        self._keep(job)
        del self._live[job.id]
        self._listeners.pop(job.id, None)
        self._changed.notify_all()
        return job

    def _keep(self, job: Job) -> None:
        """Store and tell; a disk that refuses costs the record of this change alone."""
        self._live[job.id] = job
        try:
            self._store.update(job)
        except Exception:
            logger.exception("job %s: its record could not be written", job.id)
        self._tell(job)

    def _tell(self, job: Job) -> None:
        for tell in self._listeners.get(job.id, ()):
            tell(job)
