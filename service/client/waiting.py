"""Waiting until a job is over, and following it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, cast

from service.client.errors import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.client.answers_structure import Job

FIRST_WAIT, LONGEST_WAIT = 0.1, 2.0
"""Seconds between two looks at a job: doubled from the first to the longest."""


class JobError(ClientError):
    """A job that was waited for is over, and not done.

    Attributes:
        job: as it ended.
    """

    def __init__(self, job: Job) -> None:
        error = job["error"]
        why = f": {error['message']}" if error is not None else ""
        verb = "failed" if job["state"] == "failed" else f"was {job['state']}"
        super().__init__(
            f"job {job['id']} ({job['kind']} of {job['collection']!r}) {verb}{why}",
            code=None if error is None else error["code"],
            param=None if error is None else error["param"],
        )
        self.job = job

    @property
    def is_misuse(self) -> bool:
        """True if the same job can never succeed."""
        return self.code in {"invalid_value", "invalid_filter", "unsuitable_documents"}


def is_over(job: Job) -> bool:
    """True unless it waits or runs."""
    return job["state"] not in {"queued", "running"}


def done(job: Job) -> Job:
    """The job.

    Raises:
        JobError: it ended otherwise than done.
    """
    if job["state"] != "done":
        raise JobError(job)
    return job


def id_of(job: Job | str) -> str:
    """The id of a job, or an id."""
    return job if isinstance(job, str) else job["id"]


class Waits:
    """The waits between looks at a job.

    Args:
        timeout: seconds in all; None: no bound.
        clock: seconds that never go back; for tests.
    """

    def __init__(
        self, timeout: float | None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._until = None if timeout is None else clock() + timeout
        self._timeout = timeout
        self._wait = FIRST_WAIT

    def next(self, job: Job) -> float:
        """Seconds until the next look.

        Raises:
            TimeoutError: there is no time left.
        """
        wait, self._wait = self._wait, min(2 * self._wait, LONGEST_WAIT)
        if self._until is None:
            return wait
        left = self._until - self._clock()
        if left <= 0:
            message = f"job {job['id']} is {job['state']} after {self._timeout:g} seconds"
            raise TimeoutError(message)
        return min(wait, left)


class EventReader:
    """Server-sent events, line by line."""

    def __init__(self) -> None:
        self._data: list[str] = []

    def read(self, line: str) -> Job | None:
        """The job that an event tells of, once its last line was read."""
        if line.startswith("data:"):
            self._data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and self._data:
            told = json.loads("\n".join(self._data))
            self._data = []
            return cast("Job", told)
        return None
