"""The types of this room: a job, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
Kind = Literal[
    "clusters",
    "outliers",
    "duplicates",
    "leakage",
    "map",
    "drift",
    "backup",
    "restore",
    "drill",
    "reembed",
]

KINDS: tuple[Kind, ...] = get_args(Kind)
UNFINISHED: tuple[State, ...] = ("queued", "running")


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a job is.

    Attributes:
        stage: what is being done, one word or two; empty before the first.
        done: steps of the stage that are done.
        total: steps of the stage; 0 while nobody knows.
        eta_s: seconds that are left of the stage at its pace so far; None while nobody knows.
    """

    stage: str = ""
    done: int = 0
    total: int = 0
    eta_s: float | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a job failed, in the words an HTTP error has.

    Attributes:
        message: a sentence: the value, the limit, the remedy.
        type: `invalid_request_error` or `server_error`.
        param: path of the field at fault.
        code: a stable word.
    """

    message: str
    type: str
    param: str | None
    code: str


@dataclass(frozen=True, slots=True)
class Job:
    """Long work that somebody asked for.

    Attributes:
        id: letters and digits.
        kind: what is to be found or done.
        collection: where.
        request: what was asked, a JSON object.
        state: where it stands.
        progress: how far it is.
        error: why it failed or was interrupted; None otherwise.
        result: what came of it, a JSON object; None before it is done.
        created: RFC 3339 time in UTC at which it was asked for.
        started: when it last began; None before.
        finished: when it ended; None before.
        number: its place in the order of asking; 0 before it is stored.
    """

    id: str
    kind: Kind
    collection: str
    request: Mapping[str, Any]
    created: str
    state: State = "queued"
    progress: JobProgress = field(default_factory=JobProgress)
    error: Fault | None = None
    result: Mapping[str, Any] | None = None
    started: str | None = None
    finished: str | None = None
    number: int = 0

    @property
    def is_over(self) -> bool:
        """True unless it waits or runs."""
        return self.state not in UNFINISHED


class Task(Protocol):
    """The work of one job."""

    def run(
        self, told: Callable[[JobProgress], None], permitted: Callable[[], None]
    ) -> Mapping[str, Any]:
        """Do it, here and now.

        Args:
            told: told now and then how far the work is.
            permitted: called once before anything is kept.

        Returns:
            The job's result.

        Raises:
            CancelledError: it was stopped; nothing was kept.
        """

    def stop(self) -> None:
        """Have `run` end soon; returns once no more of the collections' files is used."""


_USED = ("other", "collection", "shadow")


def collections_used(request: Mapping[str, Any]) -> set[str]:
    """Collections that a request has read or written beside the job's own."""
    return _named(request, _USED)


def collections_named(request: Mapping[str, Any]) -> set[str]:
    """Those, and the name that one is to have."""
    return _named(request, (*_USED, "retired"))


def _named(request: Mapping[str, Any], keys: Sequence[str]) -> set[str]:
    places = [request, *(each for each in request.values() if isinstance(each, dict))]
    return {value for place in places for key in keys if isinstance(value := place.get(key), str)}
