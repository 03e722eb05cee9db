"""Searches of many requests, answered together.

A search that comes while a thread is free goes at once; those that come while all are taken wait,
and the next free thread takes those of one collection together. They share what does not depend on
the question, and their vectors are compared in one call of the index. What each finds is what it
would find alone.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from indexing.errors import InvalidRequestError
from indexing.requests import check_request
from indexing.stages import tell_stage
from service.errors import BusyError, NotReadyError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from indexing.card import CollectionCard
    from indexing.local import LocalCollection
    from indexing.types import EncodedQuery, SearchRequest, SearchResult
    from service.metrics import Metrics
    from service.threads import Threads

    Write = Callable[[LocalCollection, SearchResult], "T"]
    Encode = Callable[[str, Sequence[SearchRequest]], Awaitable[list[EncodedQuery | None]]]
    Using = Callable[[str], AbstractContextManager[LocalCollection]]

logger = logging.getLogger(__name__)

T = TypeVar("T")

MOST_TOGETHER = 32
"""Searches answered together at most."""
_LIGHT_DEPTH = 100
_LIGHT_CHARACTERS = 1_024
_HOLD_SECONDS = 0.005
"""For how long an answer may wait for others, so that the loop is woken less often."""


def is_light(request: SearchRequest, card: CollectionCard) -> bool:
    """True for a search that takes about as long as others of its collection.

    Whoever asks for more, or for what cannot be, is answered alone: nobody else waits for it.
    """
    is_deep = request.cursor is not None or request.offset + request.limit > _LIGHT_DEPTH
    is_long = request.query is not None and len(request.query) > _LIGHT_CHARACTERS
    is_dear = request.exact or request.rerank or request.with_vectors or request.image is not None
    if is_deep or is_long or is_dear or request.filter is not None:
        return False
    try:
        check_request(request, card.metric)
    except InvalidRequestError:
        return False
    return True


class _Ticket(Generic[T]):
    """A search that waits for its answer, in the context of its request."""

    __slots__ = ("arrived", "came", "context", "done", "encoded", "request", "write")

    def __init__(self, request: SearchRequest, write: Write[T]) -> None:
        loop = asyncio.get_running_loop()
        self.request = request
        self.encoded: EncodedQuery | None = None
        self.write = write
        self.context = contextvars.copy_context()
        self.done: asyncio.Future[T] = loop.create_future()
        self.arrived = loop.time()
        self.came = time.perf_counter()

    def give(self, outcome: T | Exception) -> None:
        """Answer, unless nobody waits any more."""
        if self.done.done():
            return
        if isinstance(outcome, Exception):
            self.done.set_exception(outcome)
        else:
            self.done.set_result(outcome)


class Searches:
    """Answers light searches of whoever asks, many at a time; for use in one event loop.

    Collections take turns by who waits longest. The searches that wait are divided among the
    batches that may begin; the queries of a batch are encoded, then one thread answers it.

    Args:
        threads: that search, and how many searches may wait for them.
        at_once: batches at the same time, those whose queries are being encoded included.
        encode: of a collection's name and requests, the queries where they are needed.
        using: the collection of a name, as long as the block goes on.
        metrics: where batches are counted.
    """

    def __init__(
        self,
        threads: Threads,
        *,
        at_once: int,
        encode: Encode,
        using: Using,
        metrics: Metrics,
    ) -> None:
        self._threads = threads
        self._at_once = at_once
        self._encode = encode
        self._using = using
        self._metrics = metrics
        self._queues: dict[str, deque[_Ticket[Any]]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._beginning = False
        self._closed = False

    @property
    def waiting(self) -> int:
        """Searches that are in no thread yet."""
        return sum(map(len, list(self._queues.values())))

    async def ask(
        self,
        collection: str,
        request: SearchRequest,
        write: Write[T],
    ) -> T:
        """What `write` makes of the answer, in a thread, in this request's context.

        Who is cancelled while waiting leaves the queue.

        Args:
            collection: its name; that the caller may see it was checked.
            request: what is asked, light.
            write: makes the result of the answer.

        Raises:
            BusyError: as many searches wait already as may.
            NotReadyError: the service is stopping.
            Exception: as the collection's `search` or `write` do.
        """
        if self._closed:
            raise NotReadyError("not ready: the service is stopping")
        self._threads.check(self.waiting)
        ticket = _Ticket(request, write)
        self._queues.setdefault(collection, deque()).append(ticket)
        self._schedule()
        try:
            return await ticket.done
        finally:
            self._discard(collection, ticket)

    def close(self) -> None:
        """Refuse who waits and whoever comes; what is being answered comes to its end."""
        self._closed = True
        for queue in self._queues.values():
            for ticket in queue:
                ticket.give(NotReadyError("not ready: the service is stopping"))
        self._queues.clear()

    def _discard(self, collection: str, ticket: _Ticket[Any]) -> None:
        queue = self._queues.get(collection)
        if queue is not None and ticket in queue:
            queue.remove(ticket)
            if not queue:
                del self._queues[collection]

    def _schedule(self) -> None:
        if self._queues and len(self._running) < self._at_once and not self._beginning:
            self._beginning = True
            asyncio.get_running_loop().call_soon(self._begin)  # who is at the door joins

    def _begin(self) -> None:
        self._beginning = False
        while self._queues and (free := self._at_once - len(self._running)):
            name = min(self._queues, key=lambda each: self._queues[each][0].arrived)
            queue = self._queues[name]
            number = min(-(-len(queue) // free), MOST_TOGETHER)
            batch = [queue.popleft() for _ in range(number)]
            if not queue:
                del self._queues[name]
            now = asyncio.get_running_loop().time()
            self._metrics.count_searches_together([now - ticket.arrived for ticket in batch])
            # in no request's context: the batch is nobody's in particular
            task = asyncio.get_running_loop().create_task(
                self._run(name, batch), context=contextvars.Context()
            )
            self._running.add(task)
            task.add_done_callback(partial(self._end, batch))

    async def _run(self, name: str, batch: Sequence[_Ticket[Any]]) -> None:
        began = time.perf_counter()
        try:
            encoded = await self._encode(name, [ticket.request for ticket in batch])
        except (BusyError, NotReadyError) as error:
            _give([(ticket, error) for ticket in batch])
            return
        except Exception:  # whose fault it is shows when each is answered
            encoded = [None] * len(batch)
        ready = time.perf_counter()
        for ticket, query in zip(batch, encoded, strict=True):
            ticket.encoded = query
            ticket.context.run(tell_stage, "wait", ticket.came, began)
            if query is not None:
                ticket.context.run(tell_stage, "encode", began, ready)
        wanted = [ticket for ticket in batch if not ticket.done.done()]
        loop = asyncio.get_running_loop()
        await asyncio.wrap_future(self._threads.begin(self._answer, loop, ready, name, wanted))

    def _end(self, batch: Sequence[_Ticket[Any]], task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        outcome: Exception = NotReadyError("not ready: the service is stopping")
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a batch of searches ended early", exc_info=error)
            if not self._closed:
                outcome = RuntimeError(f"a batch of searches ended early: {error!r}")
        for ticket in batch:  # threads that are shut down leave some
            ticket.give(outcome)
        self._schedule()

    # in a thread

    def _answer(
        self,
        loop: asyncio.AbstractEventLoop,
        ready: float,
        name: str,
        wanted: Sequence[_Ticket[Any]],
    ) -> None:
        """Answer the searches of one collection; where it cannot be had, each in its own name."""
        held: list[tuple[_Ticket[Any], Any]] = []
        done, last, began = 0, time.monotonic(), time.perf_counter()
        for ticket in wanted:
            ticket.context.run(tell_stage, "wait", ready, began)
        try:
            with self._using(name) as collection:
                outcomes = collection.search_each(
                    [ticket.request for ticket in wanted],
                    encoded=[ticket.encoded for ticket in wanted],
                    contexts=[ticket.context for ticket in wanted],
                )
                for ticket in wanted:
                    held.append(
                        (ticket, ticket.context.run(_written, ticket, collection, outcomes, began))
                    )
                    done += 1
                    if (now := time.monotonic()) - last > _HOLD_SECONDS:
                        loop.call_soon_threadsafe(_give, held)
                        held, last = [], now
        except Exception:  # who may not know of other collections is told less of a missing one
            held += [(each, each.context.run(self._alone, name, each)) for each in wanted[done:]]
        loop.call_soon_threadsafe(_give, held)

    def _alone(self, name: str, ticket: _Ticket[T]) -> T | Exception:
        """What is answered to one search by itself."""
        try:
            with self._using(name) as collection:
                result = collection.search(ticket.request, encoded=ticket.encoded)
                return ticket.write(collection, result)
        except Exception as error:  # raised where the answer is waited for
            return error


def _written(
    ticket: _Ticket[T],
    collection: LocalCollection,
    outcomes: Iterator[SearchResult | Exception],
    began: float,
) -> T | Exception:
    """The next of the outcomes as its ticket wants it; work on the batch began at that moment."""
    try:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            return outcome
        return ticket.write(collection, outcome)
    except Exception as error:  # raised where the answer is waited for
        return error
    finally:
        tell_stage("work", began, time.perf_counter())


def _give(held: Sequence[tuple[_Ticket[Any], Any]]) -> None:
    for ticket, outcome in held:
        ticket.give(outcome)
