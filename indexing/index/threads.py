"""How many threads FAISS takes for what the calling thread asks of it."""

from __future__ import annotations

import logging
import os
import sys
import threading
from functools import cache

logger = logging.getLogger(__name__)

_NICENESS = 10
_BATCH = 8
"""From so many queries on they are shared out; fewer are done before threads have met."""

_quiet = threading.local()


def share_out(queries: int) -> None:
    """Let FAISS use as many threads for the calling thread's next search as are worth it.

    OpenMP keeps this number by thread, so others keep theirs.
    """
    import faiss

    alone = queries < _BATCH or getattr(_quiet, "here", False)
    faiss.omp_set_num_threads(1 if alone else _processors())


def give_way() -> None:
    """Give the calling thread, and those it starts, the processors that others leave.

    Priorities of single threads exist on Linux alone: elsewhere they are the whole process's.
    """
    if sys.platform == "linux":
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        except OSError as error:
            logger.debug("a thread keeps its priority: %s", error)


def work_quietly() -> None:
    """Give way, and let FAISS compute on one thread whatever is asked of it here."""
    import faiss

    _quiet.here = True
    faiss.omp_set_num_threads(1)
    give_way()


@cache
def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
