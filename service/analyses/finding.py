"""Finding what a job asks for; the same for the process of a job and for the command line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from analysis.progress import unwatched
from analysis.results import Result, Results

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from analysis.progress import Progress
    from indexing.local import LocalCollection

    Opening = Callable[[str], LocalCollection]
    """From a name to the collection of that name, open at least for reading."""

FINDERS = {
    "clusters": "service.analyses.clusters",
    "outliers": "service.analyses.outliers",
    "duplicates": "service.analyses.duplicates",
    "leakage": "service.analyses.leakage",
    "drift": "service.analyses.drift",
    "map": "service.analyses.map",
}
"""By kind of job, the module whose `find` does it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What an analysis found, not kept yet.

    Attributes:
        kind: of the result.
        collection: in whose folder it is kept.
        made_from: what of; see `analysis.origin`.
        result: what is kept.
        told: what its job tells: the receipt.
    """

    kind: str
    collection: LocalCollection
    made_from: Mapping[str, Any]
    result: Result
    told: Mapping[str, Any]

    def keep(self) -> None:
        """Keep it in place of the last result of its kind.

        Raises:
            StorageFullError: the disk is full; the last result stands.
        """
        Results(self.collection.folder).save(self.kind, self.result)


class Finder(Protocol):
    """What a module in `FINDERS` has as `find`."""

    def __call__(
        self, collection: str, request: Mapping[str, Any], opening: Opening, progress: Progress
    ) -> Found:
        """What the request asks for, a body as it came over HTTP."""


def find(
    kind: str,
    collection: str,
    request: Mapping[str, Any],
    opening: Opening,
    *,
    progress: Progress = unwatched,
) -> Found:
    """What a job asks for.

    Args:
        kind: of the job.
        collection: its name.
        request: the body that asked for it.
        opening: opens collections by name.
        progress: told how far it is.

    Raises:
        AnalysisError: it cannot be found, or shall not be any more.
        IndexingError: a collection is not there or cannot be read.
    """
    finder: Finder = import_module(FINDERS[kind]).find
    found = finder(collection, request, opening, progress)
    return replace(found, result=marked(found.result, request, found.made_from))


def marked(result: Result, request: Mapping[str, Any], origin: Mapping[str, Any]) -> Result:
    """The result with when, as asked how, and of what it was made (`made` in its header)."""
    made = {"at": _now(), "request": dict(request), **origin}
    return Result({**result.header, "made": made}, result.tables)


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
