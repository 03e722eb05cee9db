"""One encoder in one role: who waits for it, in which order, and what it computes next."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from itertools import chain, pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from embeddings.types import Encoding, Streamed
from service.errors import NotReadyError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from embeddings.types import Encoder, Role
    from service.metrics import Metrics

    Outcome: TypeAlias = Encoding | Exception

logger = logging.getLogger(__name__)

_LETTERS = 4
"""Characters of Latin text that make a token."""


class Ticket:
    """A request's texts, on their way through batches.

    Args:
        texts: one or more.
        encoder: what will encode them.

    Attributes:
        texts: as given.
        done: their encoding in the end, or why there is none.
        arrived: when they joined the queue, in the loop's time.
    """

    def __init__(self, texts: Sequence[str], encoder: Encoder) -> None:
        loop = asyncio.get_running_loop()
        self.texts = texts
        self.done: asyncio.Future[Encoding] = loop.create_future()
        self.arrived = loop.time()
        self._costs = [estimate_tokens(text, encoder.max_tokens) for text in texts]
        # Like lengths beside each other: a batch of them is padded less.
        self._order = sorted(range(len(texts)), key=self._costs.__getitem__, reverse=True)
        self._taken = 0
        self._missing = len(texts)
        self._dim = encoder.dim
        self._found: Encoding | None = None

    @property
    def is_untouched(self) -> bool:
        """True until its first text is taken."""
        return not self._taken

    @property
    def is_taken(self) -> bool:
        """True once all its texts are computed or being computed."""
        return self._taken == len(self.texts)

    @property
    def left(self) -> int:
        """How many of its texts are still to be taken."""
        return len(self.texts) - self._taken

    @property
    def cost(self) -> int:
        """Estimated tokens of the next text."""
        return self._costs[self._order[self._taken]]

    def take(self) -> int:
        """Place of the next text, which is now on its way."""
        self._taken += 1
        return self._order[self._taken - 1]

    def give(self, places: Sequence[int], outcome: Outcome) -> None:
        """Note what became of the texts at those places."""
        if self.done.done():
            return
        if isinstance(outcome, Exception):
            self.done.set_exception(outcome)
            return
        self._missing -= len(places)
        if not self._missing and self._found is None and _is_ascending(places):
            self.done.set_result(outcome)
            return
        if self._found is None:
            self._found = _room(len(self.texts), self._dim)
        self._found.vectors[places] = outcome.vectors
        self._found.tokens[places] = outcome.tokens
        self._found.truncated[places] = outcome.truncated
        self._found.unknown[places] = outcome.unknown
        if not self._missing:
            self.done.set_result(self._found)


class Lane:
    """The queue of one encoder in one role, and the batches that it computes.

    Lives in an event loop; only `encode_together` runs in threads: as many batches at a time as the
    encoder has streams, so that none of them is idle while the answers of a batch are written.

    Args:
        encoder: what computes.
        role: of all texts.
        tokens: estimated tokens of a batch.
        wait: seconds that a batch waits at most behind the end of one with more requests.
        pool: threads that compute.
        metrics: where batches are counted.
    """

    def __init__(
        self,
        encoder: Encoder,
        role: Role,
        *,
        tokens: int,
        wait: float,
        pool: Executor,
        metrics: Metrics,
    ) -> None:
        self._encoder = encoder
        self._role: Role = role
        self._tokens = tokens
        self._wait = wait
        self._pool = pool
        self._metrics = metrics
        self._queue: deque[Ticket] = deque()
        self._most = streams_of(encoder)
        self._running = 0
        self._computed = 0
        self._expected = 1
        self._ended = -np.inf
        self._beginning = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._queue)

    @property
    def running(self) -> int:
        """Batches being computed."""
        return self._running

    def add(self, ticket: Ticket) -> None:
        """Join the queue."""
        self._queue.append(ticket)
        self._schedule()

    def discard(self, ticket: Ticket) -> None:
        """Leave the queue, if still there."""
        if not ticket.is_taken and ticket in self._queue:
            self._queue.remove(ticket)

    def close(self) -> None:
        """Refuse all who wait."""
        while self._queue:
            error = NotReadyError("not ready: the service is stopping")
            self._queue.popleft().give((), error)

    def _schedule(self) -> None:
        """Have the next batch begin: now, or when those of the last one had time to come back."""
        if self._running == self._most or self._beginning or not self._queue:
            return
        loop = asyncio.get_running_loop()
        due = self._ended + self._wait
        if len(self._queue) >= self._expected or due <= loop.time():
            self._stop_timer()
            self._beginning = True
            loop.call_soon(self._begin)  # who is at the door at this moment joins
        elif self._timer is None:
            self._timer = loop.call_at(due, self._begin)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begin(self) -> None:
        self._beginning = False
        self._stop_timer()
        batch = self._take()
        if not batch:  # those who waited have left
            return
        self._running += 1
        texts = [[ticket.texts[place] for place in places] for ticket, places in batch.items()]
        self._computed += sum(map(len, texts))
        computing = asyncio.get_running_loop().run_in_executor(
            self._pool, encode_together, self._encoder, self._role, texts
        )
        computing.add_done_callback(lambda computed: self._end(batch, computed))
        self._schedule()

    def _take(self) -> dict[Ticket, list[int]]:
        """Texts for the next batch by request; requests give one at a time, in turns.

        It takes a stream's share of all that wait or are computed: what is left is for the stream
        that will be free next.
        """
        now = asyncio.get_running_loop().time()
        batch: dict[Ticket, list[int]] = {}
        room = self._tokens
        known = self._computed + sum(ticket.left for ticket in self._queue)
        share = -(-known // self._most)
        while self._queue and share and (not batch or self._queue[0].cost <= room):
            share -= 1
            ticket = self._queue.popleft()
            if ticket.is_untouched:
                self._metrics.count_encode_wait(now - ticket.arrived)
            room -= ticket.cost
            batch.setdefault(ticket, []).append(ticket.take())
            if not ticket.is_taken:
                self._queue.append(ticket)
        for places in batch.values():
            places.sort()
        return batch

    def _end(self, batch: dict[Ticket, list[int]], computed: asyncio.Future[list[Outcome]]) -> None:
        self._running -= 1
        self._expected = len(batch)
        self._ended = asyncio.get_running_loop().time()
        texts = sum(map(len, batch.values()))
        self._computed -= texts
        self._metrics.count_batch(len(batch), texts)
        outcomes = _outcomes_of(computed, len(batch))
        for (ticket, places), outcome in zip(batch.items(), outcomes, strict=True):
            ticket.give(places, outcome)
            if ticket.done.done():
                self.discard(ticket)  # of a request that failed nothing more is computed
        self._schedule()


def encode_together(encoder: Encoder, role: Role, parts: Sequence[Sequence[str]]) -> list[Outcome]:
    """The encoding of each part, or what went wrong with it; equal texts are encoded once.

    Where the whole cannot be encoded each part is tried alone, so that one fails for its own
    faults only.
    """
    place = {text: row for row, text in enumerate(dict.fromkeys(chain.from_iterable(parts)))}
    try:
        whole = encoder.encode(list(place), role=role)
    except Exception as error:
        if len(parts) == 1:
            return [error]
        logger.warning("a batch of %d requests failed (%s); each is tried alone", len(parts), error)
        return [outcome for part in parts for outcome in encode_together(encoder, role, [part])]
    rows = [np.fromiter((place[text] for text in part), np.intp, len(part)) for part in parts]
    return [
        Encoding(whole.vectors[its], whole.tokens[its], whole.truncated[its], whole.unknown[its])
        for its in rows
    ]


def streams_of(encoder: Encoder) -> int:
    """How many batches an encoder computes at the same time."""
    return encoder.streams if isinstance(encoder, Streamed) else 1


def estimate_tokens(text: str, most: int) -> int:
    """Roughly how many tokens a text has, without reading it: a batch needs no more."""
    letters = len(text)
    tokens = letters // _LETTERS if text.isascii() else letters * 3 // 4
    return min(tokens + 2, most)


def _outcomes_of(computed: asyncio.Future[list[Outcome]], number: int) -> list[Outcome]:
    """What became of a batch; of one that never ran, because threads were shut down, the reason."""
    if computed.cancelled():
        return [NotReadyError("not ready: the service is stopping") for _ in range(number)]
    error = computed.exception()
    if error is None:
        return computed.result()
    return [RuntimeError(f"encoding ended early: {error!r}") for _ in range(number)]


def _is_ascending(places: Sequence[int]) -> bool:
    return all(before < after for before, after in pairwise(places))


def _room(number: int, dim: int) -> Encoding:
    """Room for an encoding of so many texts."""
    return Encoding(
        np.empty((number, dim), dtype=np.float32),
        np.zeros(number, dtype=np.int32),
        np.zeros(number, dtype=bool),
        np.zeros(number, dtype=np.int32),
    )
