"""Threads for what blocks, with a bounded queue in front of them."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from indexing.stages import STAGE_WATCH, tell_stage
from service.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

P = ParamSpec("P")
T = TypeVar("T")


def _watched(called: float, work: Callable[[], T]) -> T:
    """The work's result, its waiting and its time told of."""
    began = time.perf_counter()
    tell_stage("wait", called, began)
    try:
        return work()
    finally:
        tell_stage("work", began, time.perf_counter())


class Threads:
    """A few threads, and a queue of calls that wait for one.

    A queue without an end answers nobody in time once it is long; here the caller is refused at
    once and can come back.

    Args:
        name: of the threads, for the log and the debugger.
        number: calls that run at the same time.
        most_waiting: calls that wait at most.
    """

    def __init__(self, name: str, number: int, most_waiting: int) -> None:
        self._name = name
        self._number = number
        self._most_waiting = most_waiting
        self._pool = ThreadPoolExecutor(number, name)
        self._guard = threading.Lock()
        self._unfinished = 0

    @property
    def waiting(self) -> int:
        """How many calls wait for a thread."""
        return max(0, self._unfinished - self._number)

    @property
    def number(self) -> int:
        """How many calls run at the same time at most."""
        return self._number

    @property
    def busy(self) -> int:
        """How many run now."""
        return min(self._unfinished, self._number)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of the call, made in a thread that knows the request's id.

        Raises:
            BusyError: as many calls wait already as may.
        """
        work = partial(function, *args, **kwargs)
        if STAGE_WATCH.get() is not None:
            work = partial(_watched, time.perf_counter(), work)
        call = partial(contextvars.copy_context().run, work)
        self.check()
        return await asyncio.wrap_future(self.begin(call))

    def begin(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The call, made in a thread without any request's context; none is refused."""
        with self._guard:
            self._unfinished += 1
        try:
            future = self._pool.submit(function, *args, **kwargs)
        except BaseException:
            self._leave()
            raise
        future.add_done_callback(self._leave)
        return future

    def check(self, others: int = 0) -> None:
        """Refuse whoever comes while too many wait.

        Args:
            others: that wait elsewhere for these threads.

        Raises:
            BusyError: as many wait already as may.
        """
        waiting = self.waiting + others
        if waiting >= self._most_waiting:
            message = (
                f"busy: {waiting:,} requests wait for {self._number} {self._name} threads "
                "already; try again in a moment"
            )
            raise BusyError(message)

    def _leave(self, _: Future[T] | None = None) -> None:
        with self._guard:
            self._unfinished -= 1

    def shut_down(self) -> None:
        """Wait for what is running and waiting; no more calls are taken."""
        self._pool.shutdown()
