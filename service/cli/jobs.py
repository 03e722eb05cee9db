"""`meari jobs`: long work of a server, or what a data folder remembers of it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal, Protocol, cast

import typer

from service.cli.output import AsJson, facts, note, told_time, write, write_json, write_table
from service.cli.store import Data, Url, check_place, connect, settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from service.client import JsonObject

Id = Annotated[str, typer.Argument(metavar="ID", help="The job.")]
Limit = Annotated[int, typer.Option("-n", "--limit", metavar="N", help="Jobs shown.")]
Collection = Annotated[
    str | None, typer.Option("--collection", metavar="NAME", help="Only jobs about it.")
]


class Desk(Protocol):
    """What knows jobs; every answer is the JSON object HTTP would give."""

    def jobs(self, **wanted: Any) -> JsonObject:  # noqa: ANN401 - query
        """Jobs, newest first."""

    def job(self, id: str) -> JsonObject:
        """One job."""

    def cancel_job(self, id: str) -> JsonObject:
        """Call it off."""

    def resume_job(self, id: str) -> JsonObject:
        """Queue it again."""


def list_(
    collection: Collection = None,
    limit: Limit = 20,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    wanted = {"limit": limit} | ({} if collection is None else {"collection": collection})
    with _desk(data, url) as desk:
        answer = desk.jobs(**wanted)
    if as_json:
        write_json(answer)
        return
    rows = [
        (each["id"], each["kind"], each["collection"], _state(each), each["created"][:19])
        for each in answer["jobs"]
    ]
    if rows:
        write_table(("id", "kind", "collection", "state", "created"), rows)
    else:
        note("no jobs yet")


def show(id: Id, data: Data = None, url: Url = None, as_json: AsJson = False) -> None:
    """Show a job: how far it is, what came of it, or why it failed."""
    with _desk(data, url) as desk:
        _write(desk.job(id), as_json=as_json)


def cancel(id: Id, data: Data = None, url: Url = None, as_json: AsJson = False) -> None:
    """Call a job off; one that is over stays as it is."""
    with _desk(data, url, writes=True) as desk:
        _write(desk.cancel_job(id), as_json=as_json)


def resume(id: Id, data: Data = None, url: Url = None, as_json: AsJson = False) -> None:
    """Take a job up again that was interrupted or cancelled, or failed.

    On a data folder it waits for the next `meari serve`; to do it at once ask anew.
    """
    with _desk(data, url, writes=True) as desk:
        job = desk.resume_job(id)
    _write(job, as_json=as_json)
    if url is None:
        note(f"job {id} begins when `meari serve` does")


class _LocalDesk:
    """`Desk` over a data folder that no server owns: nothing runs there."""

    def __init__(self, path: Path, *, writable: bool) -> None:
        from service.jobs.store import JOBS_FILE, JobStore

        self._store = JobStore(path / JOBS_FILE, writable=writable)

    def close(self) -> None:
        """Give back the file."""
        self._store.close()

    def jobs(self, **wanted: Any) -> JsonObject:  # noqa: ANN401 - query
        """Jobs, newest first."""
        from service.schemas.jobs import JobAnswer, JobsAnswer, JobsQuery

        query = JobsQuery.model_validate(wanted)
        found = self._store.page(query.limit, collection=query.collection)
        return JobsAnswer(jobs=[JobAnswer.of(job) for job in found], cursor=None).model_dump(
            mode="json"
        )

    def job(self, id: str) -> JsonObject:
        """One job.

        Raises:
            FailedError: there is none.
        """
        from service.cli.errors import FailedError
        from service.schemas.jobs import JobAnswer

        found = self._store.get(id)
        if found is None:
            message = f"no job {id!r}; `meari jobs list` shows those that are remembered"
            raise FailedError(message)
        return JobAnswer.of(found).model_dump(mode="json")

    def cancel_job(self, id: str) -> JsonObject:
        """Call it off: it does not begin when a server starts."""
        from dataclasses import replace

        from service.jobs.turns import now

        self.job(id)
        found = self._store.get(id)
        if found is not None and not found.is_over:
            self._store.update(replace(found, state="cancelled", finished=now()))
        return self.job(id)

    def resume_job(self, id: str) -> JsonObject:
        """Queue it again, behind those that wait: a server takes it up when it starts.

        Raises:
            FailedError: there is none, or it waits, runs or is done.
        """
        from service.cli.errors import FailedError
        from service.jobs.errors import JobStateError
        from service.jobs.turns import queued_again

        self.job(id)
        found = self._store.get(id)
        if found is not None:
            try:
                self._store.add(queued_again(found))
            except JobStateError as error:
                raise FailedError(str(error)) from error
        return self.job(id)


@contextmanager
def _desk(data: Path | None, url: str | None, *, writes: bool = False) -> Iterator[Desk]:
    check_place(data, url)
    if url is not None:
        with connect(url) as client:
            yield cast("Desk", client)
        return
    from indexing.data_folder import DataFolder

    mode: Literal["read", "write"] = "write" if writes else "read"
    with DataFolder.open(
        settings(data=data).data, mode=mode, create=False, maintain=False
    ) as folder:
        desk = _LocalDesk(folder.path, writable=writes)
        try:
            yield desk
        finally:
            desk.close()


def _write(job: JsonObject, *, as_json: bool) -> None:
    if as_json:
        write_json(job)
        return
    error = job["error"]
    write(
        facts(
            [
                ("id", job["id"]),
                ("kind", job["kind"]),
                ("collection", job["collection"]),
                ("state", _state(job)),
                ("error", None if error is None else error["message"]),
                ("request", _pairs(job["request"])),
                ("result", None if job["result"] is None else _pairs(job["result"])),
                ("created", job["created"]),
                ("started", job["started"]),
                ("finished", job["finished"]),
            ]
        )
    )


def _state(job: JsonObject) -> str:
    """`running, layout 41 %, 3.0 s left`."""
    progress = job["progress"]
    if job["state"] != "running" or not progress["total"]:
        return str(job["state"])
    left = "" if not progress["eta_s"] else f", {told_time(progress['eta_s'])} left"
    return f"running, {progress['stage']} {100 * progress['done'] // progress['total']} %{left}"


def _pairs(value: Mapping[str, Any]) -> str | None:
    """`k 12, seed 0`: what is one word each."""
    told = [f"{name} {each}" for name, each in value.items() if isinstance(each, str | int | float)]
    return ", ".join(told) or None
