"""How many processors there are to compute on."""

from __future__ import annotations

import os
from functools import cache


@cache
def usable_processors() -> int:
    """Processors that this process may use; all of them where the system does not say."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
