"""Texts of many requests, encoded together.

A request that comes while nothing is encoded goes at once, and what comes while a batch is
computed makes up the next one. So batches are as large as the load, and nobody waits for company
that does not come.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from embeddings.types import Encoding, as_texts
from indexing.stages import tell_stage
from service.errors import BusyError, NotReadyError
from service.lanes import Lane, Ticket
from service.query_cache import QueryCache

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embeddings.types import Encoder, Role
    from service.metrics import Metrics

_INLINE_CHARACTERS = 1 << 16
"""Texts of more characters are checked in a thread, others are answered meanwhile."""
_CACHE_SHARE = 8
"""A request whose texts would fill a larger part than one in so many of the cache passes it by."""


class Batcher:
    """Encodes for whoever asks, many at a time; for use in one event loop.

    Texts for different encoders or in different roles are never mixed. A request with many texts is
    spread over several batches, in each of which requests take turns text by text: one with few
    texts does not wait for one with many. What it gives is what the encoder alone gives, to float
    rounding.

    Args:
        tokens: estimated tokens of a batch.
        wait: seconds for which a batch waits, after one of several requests, for those who are
            about to ask again.
        most_waiting: requests that wait at most; one of whose texts some are still to be encoded
            counts as waiting.
        threads: batches computed at the same time, by all encoders together.
        cached: vectors of queries that are kept.
        metrics: where batches are counted.

    Attributes:
        threads: as given.
    """

    def __init__(
        self,
        *,
        tokens: int,
        wait: float,
        most_waiting: int,
        threads: int,
        cached: int,
        metrics: Metrics,
    ) -> None:
        self._tokens = tokens
        self._wait = wait
        self._most_waiting = most_waiting
        self._cache = QueryCache(cached)
        self._metrics = metrics
        self._pool = ThreadPoolExecutor(threads, "encode")
        self.threads = threads
        self._lanes: dict[tuple[str, Role], Lane] = {}
        self._closed = False

    @property
    def waiting(self) -> int:
        """Requests of whose texts some are still to be encoded; those being computed aside."""
        return sum(lane.waiting for lane in list(self._lanes.values()))

    @property
    def busy(self) -> int:
        """Batches being computed, no more than there are threads."""
        return min(self.threads, sum(lane.running for lane in list(self._lanes.values())))

    async def encode(self, encoder: Encoder, texts: Sequence[str], role: Role) -> Encoding:
        """Vectors of the texts, in order; see `Encoder.encode`.

        Who is cancelled while waiting leaves the queue.

        Raises:
            TypeError: `texts` is a bare string, or holds something that is not one.
            EmbeddingError: the encoder refuses a text.
            BusyError: as many requests wait already as may.
            NotReadyError: the service is stopping.
        """
        checked = await _checked(texts)
        kept = role == "query" and len(checked) * _CACHE_SHARE <= self._cache.size
        if not kept:
            return await self._compute(encoder, checked, role)
        fingerprint = encoder.card.fingerprint
        found = [self._cache.get(fingerprint, text) for text in checked]
        missing = list(dict.fromkeys(t for t, row in zip(checked, found, strict=True) if not row))
        self._metrics.count_query_vectors(len(checked) - len(missing), len(missing))
        fresh = {}
        if missing:
            encoding = await self._compute(encoder, missing, role)
            for position, text in enumerate(missing):
                fresh[text] = _rows(encoding, slice(position, position + 1))
                self._cache.put(fingerprint, text, fresh[text])
        return _joined(
            [row or fresh[text] for text, row in zip(checked, found, strict=True)], encoder.dim
        )

    async def _compute(self, encoder: Encoder, texts: list[str], role: Role) -> Encoding:
        if self._closed:
            raise NotReadyError("not ready: the service is stopping")
        if not texts:
            return _joined([], encoder.dim)
        if self.waiting >= self._most_waiting:
            message = (
                f"busy: {self.waiting:,} requests wait for the encoder already; try again in a "
                "moment"
            )
            raise BusyError(message)
        lane = self._lane(encoder, role)
        ticket = Ticket(texts, encoder)
        began = time.perf_counter()
        lane.add(ticket)
        try:
            return await ticket.done
        finally:
            lane.discard(ticket)
            tell_stage("encode", began, time.perf_counter())

    def _lane(self, encoder: Encoder, role: Role) -> Lane:
        key = (encoder.card.fingerprint, role)
        if key not in self._lanes:
            self._lanes[key] = Lane(
                encoder,
                role,
                tokens=self._tokens,
                wait=self._wait,
                pool=self._pool,
                metrics=self._metrics,
            )
        return self._lanes[key]

    def close(self) -> None:
        """Refuse who waits and whoever comes; what is being computed comes to its end."""
        self._closed = True
        for lane in self._lanes.values():
            lane.close()

    def shut_down(self) -> None:
        """Wait for what is being computed; blocks."""
        self._pool.shutdown()


async def _checked(texts: Sequence[str]) -> list[str]:
    """The texts, none of which the encoder would refuse by its place in a batch of others."""
    large = not isinstance(texts, str) and sum(map(len, texts)) > _INLINE_CHARACTERS
    return await asyncio.to_thread(as_texts, texts) if large else as_texts(texts)


def _rows(encoding: Encoding, rows: slice) -> Encoding:
    """Copies of some rows, which do not keep the others in memory."""
    return Encoding(
        encoding.vectors[rows].copy(),
        encoding.tokens[rows].copy(),
        encoding.truncated[rows].copy(),
        encoding.unknown[rows].copy(),
    )


def _joined(parts: Sequence[Encoding], dim: int) -> Encoding:
    """The parts one behind the other."""
    if not parts:
        none = np.zeros(0, dtype=np.int32)
        vectors = np.empty((0, dim), dtype=np.float32)
        return Encoding(vectors, none, none.astype(bool), none)
    if len(parts) == 1:
        return parts[0]
    return Encoding(
        np.concatenate([part.vectors for part in parts]),
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.truncated for part in parts]),
        np.concatenate([part.unknown for part in parts]),
    )
