"""How many threads a search takes: a batch all, a question one, background work one."""

from __future__ import annotations

import os
import threading
from functools import cache

_NICE = 10
_BATCH = 8
"""From so many queries on they are shared out; fewer are done before threads have met."""

_quiet = threading.local()


def share_out(queries: int) -> None:
    """Let FAISS use as many threads for the calling thread's next search as are worth it."""
    import faiss

    alone = queries < _BATCH or getattr(_quiet, "here", False)
    faiss.omp_set_num_threads(1 if alone else _processors())


@cache
def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def work_quietly() -> None:
    """Make the calling thread yield to others: one thread in FAISS, and a low priority.

    Priorities of single threads exist on Linux alone; elsewhere that part does nothing.
    """
    import faiss

    _quiet.here = True
    faiss.omp_set_num_threads(1)
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
    except (AttributeError, OSError):
        return
