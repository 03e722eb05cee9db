"""How many threads FAISS takes for what the calling thread asks of it."""

from __future__ import annotations

import logging
import math
import os
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from embeddings.processors import usable_processors

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

_NICENESS = 10
_MOMENT = 1.0
"""Seconds; who searched so lately will search again."""
_quiet = threading.local()


class _Busy:
    """How many searches are under way, and when the last one was."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._last = -math.inf

    def change(self, by: int) -> int:
        """Count one more or less; how many there are then."""
        with self._lock:
            self._count += by
            self._last = time.monotonic()
            return self._count

    def is_busy(self) -> bool:
        """True if a search is under way or was a moment ago."""
        with self._lock:
            return self._count > 0 or time.monotonic() - self._last < _MOMENT


_busy = _Busy()


class _Process:
    """Of this process.

    Attributes:
        most: processors that FAISS may take; None: all that the process may use.
    """

    most: int | None = None


def limit_processors(most: int | None) -> None:
    """Let searches and the building of indexes take so many processors together; None: all."""
    _Process.most = most


@contextmanager
def sharing(queries: int) -> Iterator[None]:
    """The block searches: let FAISS use the processors that other searches leave to it.

    A single query takes one: FAISS divides queries among threads, and a second thread with
    nothing to do is still waited for, milliseconds long where others want the processors.
    Searches of threads that work quietly take one each, and nobody minds them. OpenMP keeps the
    number by thread, so others keep theirs; this one has its own again afterwards, since an encoder
    that computes in it may be counted by the same OpenMP.

    Args:
        queries: how many are asked at once.
    """
    import faiss

    if getattr(_quiet, "here", False):
        yield
        return
    before = faiss.omp_get_max_threads()
    searches = _busy.change(1)
    faiss.omp_set_num_threads(max(1, min(queries, _processors() // searches)))
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
        _busy.change(-1)


def give_way() -> None:
    """Give the calling thread, and those it starts, the processors that others leave.

    Priorities of single threads exist on Linux alone: elsewhere they are the whole process's.
    """
    if sys.platform == "linux":
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        except OSError as error:
            logger.debug("a thread keeps its priority: %s", error)


def take_the_rest() -> None:
    """Give way, and let FAISS compute here on all processors, but for one where someone searches.

    A computation divided among threads waits for the slowest of them, and a thread that gives way
    to searches is slow: on two processors, both of them shared with searches, building an index
    took three times as long as on one.
    """
    import faiss

    give_way()
    left = _processors() - 1 if _busy.is_busy() else _processors()
    faiss.omp_set_num_threads(max(1, left))


def work_quietly() -> None:
    """Give way, and let FAISS compute on one thread whatever is asked of it here."""
    import faiss

    _quiet.here = True
    faiss.omp_set_num_threads(1)
    give_way()


def _processors() -> int:
    """Processors that FAISS may take here."""
    usable = usable_processors()
    return min(usable, _Process.most or usable)
