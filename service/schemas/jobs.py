"""Jobs as they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import ConfigDict, Field

from service.jobs.types import Kind, State  # noqa: TC001 - pydantic reads them
from service.schemas.errors import ErrorDetail
from service.schemas.fields import Answer, Query, Within

if TYPE_CHECKING:
    from service.jobs.types import Job

MAX_PAGE = 1000
"""Jobs on one page."""


class ProgressAnswer(Answer):
    """How far a job is."""

    stage: Annotated[
        str, Field(description="What is being done; empty before the first.", examples=["layout"])
    ]
    done: Annotated[int, Field(description="Steps of the stage that are done.")]
    total: Annotated[int, Field(description="Steps of the stage; 0 while nobody knows.")]
    eta_s: Annotated[
        float | None, Field(description="Seconds left of the stage; null while nobody knows.")
    ]


class JobAnswer(Answer):
    """Long work, and where it stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "5b1f0c64a9d2e873",
                    "kind": "map",
                    "collection": "faq",
                    "state": "running",
                    "progress": {"stage": "layout", "done": 310, "total": 750, "eta_s": 4.2},
                    "error": None,
                    "result": None,
                    "request": {"neighbours": 15},
                    "created": "2026-11-29T23:30:00.000Z",
                    "started": "2026-11-29T23:30:00.004Z",
                    "finished": None,
                }
            ]
        }
    )

    id: str
    kind: Kind
    collection: str
    state: Annotated[
        State,
        Field(
            description="`queued`, `running`; over: `done`, `failed`, `cancelled`, `interrupted`."
        ),
    ]
    progress: ProgressAnswer
    error: Annotated[
        ErrorDetail | None, Field(description="Why it failed or was interrupted, else null.")
    ]
    result: Annotated[
        dict[str, Any] | None,
        Field(
            description="The receipt, once it is done; what was found is where it was asked for."
        ),
    ]
    request: Annotated[dict[str, Any], Field(description="What was asked.")]
    created: Annotated[str, Field(description="RFC 3339, UTC.")]
    started: Annotated[str | None, Field(description="When it last began.")]
    finished: Annotated[str | None, Field(description="When it ended.")]

    @classmethod
    def of(cls, job: Job) -> Self:
        """The job as an answer."""
        progress, error = job.progress, job.error
        return cls(
            id=job.id,
            kind=job.kind,
            collection=job.collection,
            state=job.state,
            progress=ProgressAnswer(
                stage=progress.stage,
                done=progress.done,
                total=progress.total,
                eta_s=progress.eta_s,
            ),
            error=None
            if error is None
            else ErrorDetail(
                message=error.message, type=error.type, param=error.param, code=error.code
            ),
            result=None if job.result is None else dict(job.result),
            request=dict(job.request),
            created=job.created,
            started=job.started,
            finished=job.finished,
        )


class JobsQuery(Query):
    """Which jobs."""

    collection: Annotated[str | None, Field(description="Only those about it.")] = None
    kind: Annotated[Kind | None, Field(description="Only those of that kind.")] = None
    state: Annotated[State | None, Field(description="Only those in that state.")] = None
    cursor: Annotated[str | None, Field(description="Of the page before.")] = None
    limit: Annotated[int, Within(1, MAX_PAGE), Field(description="Jobs on the page.")] = 100


class JobsAnswer(Answer):
    """Jobs, newest first."""

    jobs: list[JobAnswer]
    cursor: Annotated[str | None, Field(description="For the next page; null on the last.")]
