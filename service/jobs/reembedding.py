"""The job that encodes a collection anew, in a thread of this process.

It writes to collections that this process owns, as background indexing does: a process of its own
could read them alone.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from analysis.errors import CancelledError
from indexing.index.threads import give_way
from service.errors import MemoryShortError
from service.jobs.pace import Pace
from service.reembedding import Wish, reembed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from service.engine import Engine
    from service.jobs.types import Job, JobProgress


class ReembedTask:
    """See `Task`.

    Args:
        job: of the kind `reembed`.
        engine: of the collections.
    """

    def __init__(self, job: Job, engine: Engine) -> None:
        self._job = job
        self._engine = engine
        self._stopped = threading.Event()
        self._over = threading.Event()

    def run(
        self, told: Callable[[JobProgress], None], permitted: Callable[[], None]
    ) -> Mapping[str, Any]:
        """Encode, compare, exchange; see `Task.run`. What was written stays, to be gone on with."""
        found: list[Mapping[str, Any]] = []
        failed: list[BaseException] = []

        def work() -> None:
            give_way()
            try:
                found.append(self._work(told, permitted))
            except BaseException as error:
                failed.append(error)

        # A thread of its own: processes of later jobs would take over its priority.
        thread = threading.Thread(target=work, name="reembed")
        try:
            thread.start()
            thread.join()
        finally:
            self._over.set()
        if found:
            return found[0]
        if isinstance(failed[0], Exception):
            raise failed[0]
        # A library in Rust that panics raises what would end the thread that jobs are done by.
        message = f"the job ended by {type(failed[0]).__name__}"
        raise RuntimeError(message) from failed[0]

    def stop(self) -> None:
        """Stop behind the documents that are being encoded; see `Task.stop`."""
        self._stopped.set()
        self._over.wait()

    def _work(
        self, told: Callable[[JobProgress], None], permitted: Callable[[], None]
    ) -> Mapping[str, Any]:
        pace = Pace(told)
        wish = Wish(self._job.collection, **self._job.request)
        folder = self._engine.folder

        def tell(stage: str, done: int, total: int, /) -> None:
            if self._stopped.is_set():
                message = "the job was stopped"
                raise CancelledError(message)
            if over := self._engine.resources.overdrawn:
                message = (
                    f"the job was ended: of the bytes of memory {over}; what was written stays: "
                    "allow more (MEARI_PROCESS_MEMORY), and resume it"
                )
                raise MemoryShortError(message)
            pace(stage, done, total)

        def exchange(last: Callable[[], object]) -> None:
            permitted()
            self._engine.exchange(*wish.names, last, job=self._job.id)

        tell("encoder", 0, 1)
        if not wish.is_done(folder):  # else it was cut off behind the exchange
            wish.check(folder)
        return reembed(folder, wish, tell, exchange).model_dump(mode="json")
