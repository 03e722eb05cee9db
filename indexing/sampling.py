"""Recall of live queries: now and then one is answered again, exactly, in the background."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexing.index.threads import work_quietly

if TYPE_CHECKING:
    from embeddings.types import Vectors
    from indexing.row_mask import RowMask
    from indexing.snapshot import Snapshot
    from indexing.types import Scores

logger = logging.getLogger(__name__)

ONE_IN = 200
"""Of so many approximate answers one is sampled."""

_DUTY = 0.03
"""Share of the time that checking may take: an exact answer costs as much as hundreds of others."""
_WINDOW = 500
"""Recall is the mean of the latest so many samples."""
_MOST_WAITING = 32
_KEPT_QUERIES = 256
_TIE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    snapshot: Snapshot
    query: Vectors
    k: int
    mask: RowMask | None
    scores: Scores


class RecallSampler:
    """Keeps the rolling recall of approximate answers; exact ones need none.

    Args:
        one_in: how many answers stand for one sample; 0 takes no samples.
    """

    def __init__(self, one_in: int = ONE_IN) -> None:
        self.one_in = one_in
        self._seen = 0
        self._recalls: deque[float] = deque(maxlen=_WINDOW)
        self._queries: deque[Vectors] = deque(maxlen=_KEPT_QUERIES)
        self._waiting: queue.Queue[_Sample | None] = queue.Queue(_MOST_WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._total = 0

    def offer(
        self, snapshot: Snapshot, queries: Vectors, scores: Scores, mask: RowMask | None = None
    ) -> None:
        """Take note of approximate answers, and now and then one of them to be checked.

        Nobody waits: where checking cannot keep up, samples are left out.

        Args:
            snapshot: the moment that was searched.
            queries: float32 (n, dim), as asked.
            scores: float32 (n, k), what was found, padded with -inf.
            mask: the rows that could be found; None: all.
        """
        if not self.one_in or not len(queries):
            return
        with self._lock:
            before, self._seen = self._seen, self._seen + len(queries)
        places = range(-before % self.one_in, len(queries), self.one_in)
        for place in places:
            sample = _Sample(
                snapshot,
                np.array(queries[place : place + 1]),
                scores.shape[1],
                mask,
                np.array(scores[place]),
            )
            try:
                self._waiting.put_nowait(sample)
            except queue.Full:
                return
            self._start()

    def recall(self) -> tuple[float | None, int]:
        """Mean recall of the latest samples, 0 to 1, and how many they are; None for none."""
        with self._lock:
            if not self._recalls:
                return None, 0
            return sum(self._recalls) / len(self._recalls), len(self._recalls)

    @property
    def total(self) -> int:
        """How many samples were ever checked."""
        return self._total

    def queries(self) -> Vectors | None:
        """float32 (n, dim): the latest sampled queries, to measure an index with; None for none."""
        with self._lock:
            return np.concatenate(list(self._queries)) if self._queries else None

    def forget(self) -> None:
        """Begin again: another index answers from now on."""
        with self._lock:
            self._recalls.clear()

    def settle(self) -> None:
        """Wait until what was offered so far is checked."""
        if self._thread is not None:
            self._waiting.join()

    def close(self) -> None:
        """Stop checking; a second call does nothing."""
        with self._lock:
            thread, self._thread, self.one_in = self._thread, None, 0
        self._closing.set()
        if thread is not None:
            self._waiting.put(None)
            thread.join()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and self.one_in:
                self._thread = threading.Thread(target=self._check_all, name="recall", daemon=True)
                self._thread.start()

    def _check_all(self) -> None:
        work_quietly()
        while (sample := self._waiting.get()) is not None:
            started = time.perf_counter()
            try:
                if not self._closing.is_set():
                    self._check(sample)
            except Exception:
                logger.exception("a sampled query could not be answered exactly")
            finally:
                self._waiting.task_done()
            self._closing.wait((time.perf_counter() - started) / _DUTY)
        self._waiting.task_done()

    def _check(self, sample: _Sample) -> None:
        truth = sample.snapshot.find(sample.query, sample.k, rows=sample.mask, exact=True)
        wanted = truth.hits.scores[0]
        there = wanted > -np.inf
        count = int(there.sum())
        if not count:
            return
        least = wanted[there][-1]
        found = int(np.sum(sample.scores >= least - _TIE * max(1.0, abs(float(least)))))
        with self._lock:
            self._recalls.append(min(found, count) / count)
            self._queries.append(sample.query)
            self._total += 1
