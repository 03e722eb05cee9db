"""From one state of a job to another, and what is told of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from service.jobs.errors import JobStateError
from service.jobs.types import Fault, Job, JobProgress, collections_used

STOPPED = Fault(
    "the service stopped while the job ran; resume it, or ask anew",
    "server_error",
    None,
    "interrupted",
)
"""Why a job was interrupted."""


def dropped(collection: str) -> Fault:
    """Why a job failed whose collection went."""
    message = f"collection {collection!r} was dropped, or encoded anew, before the job was done"
    return Fault(message, "invalid_request_error", "collection", "collection_dropped")


def queued_again(job: Job) -> Job:
    """The job as it waits again, with the same request.

    Raises:
        JobStateError: it waits, runs, or is done.
    """
    if not job.is_over or job.state == "done":
        message = (
            f"job {job.id} is {job.state}; an interrupted, failed or cancelled one can be "
            "resumed: ask anew instead"
        )
        raise JobStateError(message)
    return replace(
        job,
        state="queued",
        progress=JobProgress(),
        error=None,
        result=None,
        started=None,
        finished=None,
    )


def interrupted(job: Job) -> Job:
    """The job as it stands whose process ended while it ran."""
    progress = replace(job.progress, eta_s=None)
    return replace(job, state="interrupted", progress=progress, error=STOPPED, finished=now())


def uses(job: Job, collection: str) -> bool:
    """True if the job reads or writes that collection, its own or another."""
    return job.collection == collection or collection in collections_used(job.request)


def now() -> str:
    """This moment, RFC 3339 in UTC with milliseconds."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
