"""Work in the background that leaves the processor to those who wait for answers."""

from __future__ import annotations

import os
import threading

_NICE = 10


def work_quietly() -> None:
    """Make the calling thread yield to others: one thread in FAISS, and a low priority.

    Priorities of single threads exist on Linux alone; elsewhere that part does nothing.
    """
    import faiss

    faiss.omp_set_num_threads(1)
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
    except (AttributeError, OSError):
        return
