"""Memory that a training step frees is kept for the next one."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_NEVER = -1
_LARGEST = 32 << 20
"""The most that glibc takes for it."""
_OWN = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD")
"""Whoever sets one of these has chosen already."""


def keep_freed_memory() -> bool:
    """Have glibc keep what this process frees in pieces of up to 32 MiB.

    Every step makes and frees the same tensors of some megabytes. glibc asks the system for each
    and gives it back, and the system fills each page with zeros when it is next written to
    (`benchmarks/allocator.py` measures what that costs). Larger pieces go back as
    ever: kept as well, they would halve the time of steps of long texts, but batches of many
    shapes came to need three times the memory, for what is free lies between what is not.

    Returns:
        False where another library allocates, or the environment says how
        (`MALLOC_MMAP_THRESHOLD_`, `MALLOC_TRIM_THRESHOLD_`, `GLIBC_TUNABLES`, `LD_PRELOAD`);
        nothing is changed then.
    """
    if not sys.platform.startswith("linux") or any(name in os.environ for name in _OWN):
        return False
    with suppress(AttributeError, OSError):  # another C library
        change = ctypes.CDLL(None).mallopt
        return bool(change(_M_TRIM_THRESHOLD, _NEVER) and change(_M_MMAP_THRESHOLD, _LARGEST))
    return False
