"""The process that does a job: opens what it needs, computes, tells, keeps what it found."""

from __future__ import annotations

import json
import os
import signal
import threading
import traceback
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from service.jobs.pace import Pace
from service.jobs.process import send

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from indexing.local import LocalCollection
    from service.jobs.types import JobProgress

T = TypeVar("T")


def main(descriptor: int, lifeline: int, job: Mapping[str, Any]) -> None:
    """Do one job and tell of it over the descriptor; end when the lifeline does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which stops us
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    with Connection(descriptor) as connection, suppress(BrokenPipeError), ExitStack() as opened:
        worker = Worker(connection, opened, job)
        try:
            result = worker.work(job)
        except Exception as error:
            _tell_failure(connection, error)
        else:
            send(connection, "done", result)


class Worker:
    """One job's view of the process that asked.

    Args:
        connection: to it.
        opened: closes the collections in the end.
        given: the job and where it is done, as they came.
    """

    def __init__(self, connection: Connection, opened: ExitStack, given: Mapping[str, Any]) -> None:
        self._connection = connection
        self._opened = opened
        self.given = given

    def work(self, job: Mapping[str, Any]) -> Mapping[str, Any]:
        """Find what is asked for and keep it, or do it; the job's result."""
        from service.analyses.finding import find
        from service.jobs.chores import CHORES

        if job["kind"] in CHORES:
            return CHORES[job["kind"]](self, job["collection"], job["request"])

        found = find(
            job["kind"], job["collection"], job["request"], self.open, progress=Pace(self.tell)
        )
        self.permit()
        found.keep()
        return found.told

    def open(self, name: str, *, indexed: bool = False) -> LocalCollection:
        """The collection of that name as it stands now, to be read.

        Args:
            name: the collection's.
            indexed: load its indexes, too.
        """
        return self.opening(name, lambda collection: collection, indexed=indexed)

    def opening(
        self, name: str, make: Callable[[LocalCollection], T], *, indexed: bool = False
    ) -> T:
        """What is made of the collection of that name while nobody writes to it."""
        from indexing.local import LocalCollection

        _, folder = self._ask("open", name)
        collection = LocalCollection.open(
            Path(folder), mode="read", locked=True, maintain=False, indexed=indexed
        )
        self._opened.enter_context(collection)
        made = make(collection)
        send(self._connection, "opened")
        return made

    def adopt(self, aside: Path, name: str) -> None:
        """Let a folder beside the collections be one of them; see `DataFolder.adopt`."""
        from indexing.errors import CollectionExistsError

        word, *rest = self._ask("adopt", str(aside), name)
        if word == "exists":
            raise CollectionExistsError(*rest)

    def permit(self) -> None:
        """Wait for leave to keep what was made; from then on nobody stops the job."""
        self._ask("keep")

    def tell(self, progress: JobProgress) -> None:
        """Tell how far the work is."""
        send(
            self._connection,
            "progress",
            progress.stage,
            progress.done,
            progress.total,
            progress.eta_s,
        )

    def _ask(self, *message: object) -> list[Any]:
        send(self._connection, *message)
        answer: list[Any] = json.loads(self._connection.recv_bytes())
        return answer


def _end_with(lifeline: int) -> None:
    """Wait until whoever holds the other end is gone, and go too."""
    os.read(lifeline, 1)
    os._exit(1)


def _tell_failure(connection: Connection, error: Exception) -> None:
    """What went wrong: in a user's words, and with the traceback where it is our fault."""
    from service.errors import explain

    fault, is_ours = explain(error)
    told = "".join(traceback.format_exception(error)) if is_ours else ""
    facts = {
        "message": fault.message,
        "type": fault.type,
        "param": fault.param,
        "code": fault.code,
    }
    send(connection, "failed", facts, told)
