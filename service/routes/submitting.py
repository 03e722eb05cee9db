"""Handing in a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from service.routes.access import JsonAnswer
from service.schemas.jobs import JobAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from indexing.filters import Filter
    from service.engine import Engine
    from service.jobs.types import Kind


def handed_in(
    engine: Engine, kind: Kind, collection: str, request: Mapping[str, Any]
) -> JsonAnswer:
    """The answer that a job was taken in: 202, the job, and where to look after it; blocks.

    Raises:
        TooManyJobsError: as many wait as may.
    """
    job = engine.jobs.submit(kind, collection, request)
    headers = {"Location": f"/v1/jobs/{job.id}"}
    return JsonAnswer.of(JobAnswer.of(job), status=202, headers=headers)


class Asked(Protocol):
    """The body of a question that takes long."""

    @property
    def parsed_filter(self) -> Filter | None:
        """The filter."""

    def to_request(self) -> object:
        """The analysis's own request."""

    def to_json(self) -> dict[str, Any]:
        """What a job keeps of it."""


async def submit(
    engine: Engine, kind: Kind, collection: str, body: Asked, *, others: Sequence[str] = ()
) -> JsonAnswer:
    """The answer that a job was taken in: 202, the job, and where to look after it.

    Args:
        engine: takes it in.
        kind: of the job.
        collection: that is asked.
        body: how.
        others: collections that must be there as well.

    Raises:
        AnalysisError: an impossible value.
        InvalidFilterError: an impossible filter.
        CollectionNotFoundError: there is no such collection.
        TooManyJobsError: as many wait as may.
    """

    def work() -> JsonAnswer:
        _ = body.to_request(), body.parsed_filter
        for other in others:
            with engine.using(other):
                pass
        with engine.using(collection):
            return handed_in(engine, kind, collection, body.to_json())

    return await engine.write(work)
