"""Questions about a whole collection, asked of the data folder or as jobs of a server."""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Protocol, cast

import typer

from service.cli.errors import MisuseError
from service.cli.progress import Amount, metered
from service.cli.store import check_place, connect, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from indexing.data_folder import DataFolder
    from service.client import Client, JsonObject
    from service.client.answers_structure import Job
    from service.jobs.types import JobProgress

Last = Annotated[
    bool, typer.Option("--last", help="Show what was found last, and find nothing anew.")
]

_ASKING = {
    "clusters": "find_clusters",
    "outliers": "find_outliers",
    "duplicates": "find_duplicates",
    "leakage": "find_leakage",
    "map": "draw_map",
    "drift": "find_drift",
}
"""By kind, the client's method that asks for it."""
_SHOWING = {**{kind: kind for kind in _ASKING}, "map": "show_map"}
"""By kind, the client's method that shows what was found."""


class Analyses(Protocol):
    """What finds and shows; every answer is the JSON object HTTP would give."""

    def find(self, kind: str, name: str, body: Mapping[str, Any]) -> None:
        """Find what the body asks for and keep it; tells how far it is."""

    def show(self, kind: str, name: str, **page: Any) -> JsonObject:  # noqa: ANN401 - query
        """A page of what was found last."""

    def points(self, name: str, **page: Any) -> JsonObject:  # noqa: ANN401 - query
        """A page of a map's points."""


class LocalAnalyses:
    """`Analyses` over a data folder.

    Args:
        folder: open; for writing, where something is found.
    """

    def __init__(self, folder: DataFolder) -> None:
        from service.analyses.kept import Shelf

        self._folder = folder
        self._shelf = Shelf()

    def find(self, kind: str, name: str, body: Mapping[str, Any]) -> None:
        """Find it here and now."""
        from service.analyses.finding import find
        from service.jobs.pace import Pace

        with _told(kind) as tell:
            pace = Pace(tell)
            find(kind, name, body, self._folder.collection, progress=pace).keep()

    def show(self, kind: str, name: str, **page: Any) -> JsonObject:  # noqa: ANN401 - query
        """Read it."""
        module = import_module(f"service.analyses.{kind}")
        collection = self._folder.collection(name)
        query = _query(kind, page)
        given = () if query is None else (query,)
        answer = module.answer_of(collection, self._shelf, *given)
        return cast("JsonObject", answer.model_dump(mode="json"))

    def points(self, name: str, **page: Any) -> JsonObject:  # noqa: ANN401 - query
        """Read them."""
        from service.analyses.map import points_of
        from service.schemas.map import PointsQuery

        query = PointsQuery.model_validate(page)
        answer = points_of(self._folder.collection(name), self._shelf, query)
        return answer.model_dump(mode="json")


class RemoteAnalyses:
    """`Analyses` of a server.

    Args:
        client: of it.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def find(self, kind: str, name: str, body: Mapping[str, Any]) -> None:
        """Hand a job in and wait for it; Ctrl-C calls it off."""
        job: Job = getattr(self._client, _ASKING[kind])(name, **body)
        with _told(kind) as tell:
            try:
                self._client.wait(job, progress=lambda now: tell(_progress(now)))
            except KeyboardInterrupt:
                self._client.cancel_job(job["id"])
                raise

    def show(self, kind: str, name: str, **page: Any) -> JsonObject:  # noqa: ANN401 - query
        """Ask for it."""
        return cast("JsonObject", getattr(self._client, _SHOWING[kind])(name, **page))

    def points(self, name: str, **page: Any) -> JsonObject:  # noqa: ANN401 - query
        """Ask for them."""
        return self._client.map_points(name, **page)


@contextmanager
def analysing(data: Path | None, url: str | None, *, finds: bool) -> Iterator[Analyses]:
    """The server at `url`, or the data folder; given back when the block ends.

    Args:
        data: data folder; None takes the environment's or `./meari-data`.
        url: a server; the folder is not looked at.
        finds: False if what was found before is shown alone.
    """
    check_place(data, url)
    if url is not None:
        with connect(url) as client:
            yield RemoteAnalyses(client)
        return
    from indexing.data_folder import DataFolder

    chosen = settings(data=data)
    with DataFolder.open(
        chosen.data,
        mode="write" if finds else "read",
        create=False,
        device=chosen.device,
        maintain=False,
        sample_rate=0.0,
    ) as folder:
        yield LocalAnalyses(folder)


@contextmanager
def reading(data: Path | None) -> Iterator[DataFolder]:
    """The data folder, for reading alone."""
    from indexing.data_folder import DataFolder

    with DataFolder.open(settings(data=data).data, mode="read", create=False) as folder:
        yield folder


def answered(
    place: tuple[Path | None, str | None],
    kind: str,
    name: str,
    body: Mapping[str, Any],
    *,
    last: bool,
    **page: Any,  # noqa: ANN401 - query
) -> JsonObject:
    """Find what is asked for, unless the last result will do, and show it.

    Raises:
        MisuseError: options for finding together with `last`.
    """
    if last and body:
        given = ", ".join(f"--{key.replace('_', '-')}" for key in body)
        message = f"--last shows what was found before; it does not go with {given}"
        raise MisuseError(message)
    with analysing(*place, finds=not last) as analyses:
        if not last:
            analyses.find(kind, name, body)
        return analyses.show(kind, name, **page)


def given(**values: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON values
    """What was said, without what was not (None)."""
    return {name: value for name, value in values.items() if value is not None}


@contextmanager
def _told(kind: str) -> Iterator[Callable[[JobProgress], None]]:
    """A bar for each stage on a terminal, a line every few seconds elsewhere."""
    with metered(kind) as tell:

        def told(progress: JobProgress) -> None:
            tell(
                Amount(
                    progress.done,
                    progress.total or None,
                    eta_s=progress.eta_s,
                    stage=progress.stage or "waiting",
                )
            )

        yield told


def _progress(job: Job) -> JobProgress:
    from service.jobs.types import JobProgress

    return JobProgress(**job["progress"])


def _query(kind: str, page: Mapping[str, Any]) -> object | None:
    """The page as the HTTP API would check it; None for kinds without pages."""
    from service.schemas.analysis import PageQuery
    from service.schemas.clusters import ClustersQuery

    if kind in {"map", "drift"}:
        return None
    model = ClustersQuery if kind == "clusters" else PageQuery
    return model.model_validate(dict(page))
