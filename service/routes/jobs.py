"""Looking at jobs, following them, calling them off and taking them up again."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Path, Query
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event

from service.access.caller import CALLER
from service.access.needs import ADMIN_JOBS
from service.errors import BadValueError
from service.jobs.errors import JobNotFoundError
from service.jobs.types import collections_named
from service.routes.access import JsonAnswer, ReadyEngine, refusals, router
from service.schemas.jobs import JobAnswer, JobsAnswer, JobsQuery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.engine import Engine
    from service.jobs.types import Job

routes = router("jobs")

JobId = Annotated[str, Path(description="The job's id.", examples=["5b1f0c64a9d2e873"])]

_EVENT = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"const": "job"},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/JobAnswer"},
        },
    },
}
"""One event. `itemSchema` is OpenAPI 3.2's word, which earlier readers pass over; a `schema`
beside it would be of the whole stream, as a list."""

PING_SECONDS = 15.0
"""A silent stream says so often that it is still there."""


@routes.get("/v1/jobs", summary="List jobs", responses=refusals(400))
async def list_jobs(query: Annotated[JobsQuery, Query()], engine: ReadyEngine) -> JobsAnswer:
    """Those that wait, run, or are over and still remembered; newest first."""
    before = None if query.cursor is None else _number(query.cursor)

    def work() -> JobsAnswer:
        found = _page(
            engine,
            query.limit + 1,
            before=before,
            collection=query.collection,
            kind=query.kind,
            state=query.state,
        )
        page = found[: query.limit]
        more = len(found) > query.limit
        return JobsAnswer(
            jobs=[JobAnswer.of(job) for job in page],
            cursor=str(page[-1].number) if more else None,
        )

    return await engine.watch(work)


@routes.get("/v1/jobs/{job}", summary="Show a job", responses=refusals(404))
async def show_job(job: JobId, engine: ReadyEngine) -> JobAnswer:
    """The job as it stands."""
    return JobAnswer.of(await engine.watch(_get, engine, job))


@routes.delete("/v1/jobs/{job}", summary="Cancel a job", responses=refusals(404))
async def cancel_job(job: JobId, engine: ReadyEngine) -> JobAnswer:
    """Call it off; nothing it found is kept. One that is over already stays as it is."""

    def work() -> JobAnswer:
        return JobAnswer.of(engine.jobs.cancel(_own(engine, job).id))

    return await engine.write(work)


@routes.post(
    "/v1/jobs/{job}/resume",
    summary="Take a job up again",
    status_code=202,
    response_model=JobAnswer,
    responses=refusals(404, 409, 507),
)
async def resume_job(job: JobId, engine: ReadyEngine) -> JsonAnswer:
    """Queue one that was interrupted, cancelled or failed again, with the same request."""

    def work() -> JsonAnswer:
        again = engine.jobs.resume(_own(engine, job).id)
        return JsonAnswer.of(JobAnswer.of(again), status=202)

    return await engine.write(work)


@routes.get(
    "/v1/jobs/{job}/events",
    summary="Follow a job",
    response_class=StreamingResponse,
    responses={
        **refusals(404),
        200: {"content": {"text/event-stream": {"itemSchema": _EVENT}}},
    },
)
async def follow_job(job: JobId, engine: ReadyEngine) -> EventSourceResponse:
    """Server-sent events: `event: job` with the job as `data`, at once and at every change.

    Several changes that come together are told as one. The stream ends with the job; one that was
    cut off can be asked for again, and begins with the job as it stands then.
    """
    engine.streams.check_room()
    await engine.watch(_get, engine, job)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return EventSourceResponse(_Listener(engine, job).events(), headers=headers)


class _Listener:
    """Hears of a job's changes; slow as it may be, of those it missed it tells the last.

    Args:
        engine: whose job.
        id: the job's.
    """

    def __init__(self, engine: Engine, id: str) -> None:
        self._engine = engine
        self._id = id
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._latest: Job | None = None
        self._ended = False

    async def events(self) -> AsyncIterator[bytes]:
        """The stream, until the job is over, the listener leaves or the service stops."""
        with self._engine.streams.open(self._end), ExitStack() as listening:
            listen = self._engine.jobs.listening(self._id, self._hear)
            job = await self._engine.watch(listening.enter_context, listen)
            self._latest = self._latest or job
            while not self._ended:
                self._changed.clear()
                data = JobAnswer.of(self._latest).model_dump_json()
                yield format_sse_event(data_str=data, event="job")
                if self._latest.is_over:
                    return
                while not self._changed.is_set():
                    try:
                        await asyncio.wait_for(self._changed.wait(), PING_SECONDS)
                    except TimeoutError:
                        yield KEEPALIVE_COMMENT

    def _hear(self, job: Job) -> None:
        """In whichever thread changed the job."""

        def note() -> None:
            self._latest = job
            self._changed.set()

        self._loop.call_soon_threadsafe(note)

    def _end(self) -> None:
        self._ended = True
        self._changed.set()


def _page(engine: Engine, limit: int, *, before: int | None, **wanted: Any) -> list[Job]:  # noqa: ANN401 - passed through
    """Jobs about collections that whoever asks may see, newest first."""
    found: list[Job] = []
    while len(found) < limit:
        part = engine.jobs.page(limit, before=before, **wanted)
        found += filter(_is_seen, part)
        if len(part) < limit:
            break
        before = part[-1].number
    return found[:limit]


def _get(engine: Engine, id: str) -> Job:
    """The job, if whoever asks may see all collections it is about.

    Raises:
        JobNotFoundError: there is none, or none it may see.
    """
    job = engine.jobs.get(id)
    if not _is_seen(job):
        message = f"no job {id!r}; GET /v1/jobs lists those that are remembered"
        raise JobNotFoundError(message)
    return job


def _own(engine: Engine, id: str) -> Job:
    """The job, if whoever asks might have asked for it.

    Raises:
        JobNotFoundError: there is none, or none it may see.
        ScopeError: it may see the job alone.
    """
    job = _get(engine, id)
    if job.kind in ADMIN_JOBS:
        CALLER.get().check_scope("admin")
    return job


def _is_seen(job: Job) -> bool:
    return all(map(CALLER.get().sees, {job.collection, *collections_named(job.request)}))


def _number(cursor: str) -> int:
    """The number behind which a page begins.

    Raises:
        BadValueError: no page gave that cursor.
    """
    if cursor.isascii() and cursor.isdecimal() and len(cursor) < 19:
        return int(cursor)
    message = f"cursor {cursor!r} is not one that a page gave"
    raise BadValueError(message, "cursor")
