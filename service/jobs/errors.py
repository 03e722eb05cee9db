"""What can go wrong with jobs; each message names the value, the limit and the remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.jobs.types import Fault


class JobError(Exception):
    """Base of this room's errors."""


class JobNotFoundError(JobError):
    """No job of that id: there never was one, or it is long over and forgotten."""


class TooManyJobsError(JobError):
    """As many jobs wait as may; this one does not join them."""


class JobStateError(JobError):
    """A job that cannot be resumed: it waits, runs or is done."""


class JobsClosedError(JobError):
    """The service is stopping; no job is begun."""


class TaskFailedError(JobError):
    """Work failed for a reason that is known already.

    Attributes:
        fault: the reason.
    """

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class TaskLostError(JobError):
    """The process that worked ended without a word."""
