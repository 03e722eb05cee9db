"""Memory that a training step frees is kept for the next one."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_NEVER, _NONE = -1, 0
_OWN = ("MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD")
"""Whoever sets one of these has chosen already."""


def keep_freed_memory() -> bool:
    """Have glibc keep what this process frees, instead of giving it back to the system.

    Every step makes and frees the same tensors of many megabytes. glibc asks the system for each
    and gives it back, and the system fills each page with zeros when it is next written to: with
    long texts that takes as long as the step itself (`benchmarks/allocator.py`). The process keeps
    the most it ever needed until it ends, so this is for programs that train and end.

    Returns:
        False where another library allocates, or the environment says how (`MALLOC_MMAP_MAX_`,
        `MALLOC_TRIM_THRESHOLD_`, `GLIBC_TUNABLES`, `LD_PRELOAD`); nothing is changed then.
    """
    if not sys.platform.startswith("linux") or any(name in os.environ for name in _OWN):
        return False
    with suppress(AttributeError, OSError):  # another C library
        change = ctypes.CDLL(None).mallopt
        return bool(change(_M_TRIM_THRESHOLD, _NEVER)) and bool(change(_M_MMAP_MAX, _NONE))
    return False
