"""How many processors there are to compute on."""

from __future__ import annotations

import math
import os
from functools import cache
from pathlib import Path

_GROUP = Path("/sys/fs/cgroup")


@cache
def usable_processors() -> int:
    """Processors that this process may use, 1 or more.

    Those it may run on, where the system says which (all of them otherwise), and no more than a
    container's share of time is worth: two threads on half a processor each wait for each other.
    """
    if hasattr(os, "sched_getaffinity"):
        visible = len(os.sched_getaffinity(0))
    else:
        visible = os.cpu_count() or 1
    return max(1, math.ceil(min(visible, read_share(_GROUP))))


def read_share(group: Path) -> float:
    """Processors whose time a control group may use, infinite without a limit.

    Args:
        group: where control groups are: `cpu.max` of version 2, `cpu/cpu.cfs_*_us` of version 1.
    """
    try:
        try:
            quota, period = (group / "cpu.max").read_text().split()
        except FileNotFoundError:
            quota = (group / "cpu/cpu.cfs_quota_us").read_text()
            period = (group / "cpu/cpu.cfs_period_us").read_text()
        share = float(quota) / float(period)
    except (OSError, ValueError):  # "max", or no such groups
        return math.inf
    return share if share > 0 else math.inf
