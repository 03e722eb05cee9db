"""Processor time and memory of a server: by its process here, or by what it says of itself."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from eval.errors import ChoiceError
from eval.load_wire import WireError

if TYPE_CHECKING:
    from eval.load_wire import Wire

_PROC = Path("/proc")
_EVERY = 0.2
"""Seconds between two looks at a process."""
_FIGURE = re.compile(r"^process_(cpu_seconds_total|resident_memory_bytes) (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a server took by one moment.

    Attributes:
        cpu_seconds: processor time since it started, of all its processes.
        memory_bytes: resident memory now.
    """

    cpu_seconds: float
    memory_bytes: int


class Watch(Protocol):
    """Tells what a server takes."""

    source: str

    async def look(self) -> Usage | None:
        """What it took by now; None if that cannot be told (any more)."""

    async def peak(self, during: asyncio.Event) -> int | None:
        """The most memory seen until the event; None where only moments can be told."""


class ProcessWatch:
    """Reads `/proc` for a process on this machine and those it started.

    Args:
        pid: its number.

    Raises:
        ChoiceError: no such process here, or no `/proc`.
    """

    def __init__(self, pid: int) -> None:
        self.source = f"process {pid}"
        self._pid = pid
        if _usage_of(pid) is None:
            where = "on this machine" if _PROC.is_dir() else "that /proc tells of on this system"
            message = f"pid {pid} is no process {where}; leave --pid out to ask the server itself"
            raise ChoiceError(message)

    async def look(self) -> Usage | None:
        """Summed over the process and its descendants."""
        found = [each for pid in _family(self._pid) if (each := _usage_of(pid)) is not None]
        if not found:
            return None
        return Usage(sum(u.cpu_seconds for u in found), sum(u.memory_bytes for u in found))

    async def peak(self, during: asyncio.Event) -> int | None:
        """Looked at five times a second."""
        most: int | None = None
        while True:
            usage = await self.look()
            if usage is not None:
                most = max(most or 0, usage.memory_bytes)
            if during.is_set():
                return most
            try:
                await asyncio.wait_for(during.wait(), _EVERY)
            except TimeoutError:
                continue


class MetricsWatch:
    """Asks a server's `/metrics`, before a step and after it."""

    source = "/metrics"

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def look(self) -> Usage | None:
        """None where nothing of that name answers."""
        try:
            reply = await self._wire.send(self._wire.request("GET", "/metrics"))
        except WireError:
            return None
        found = dict(_FIGURE.findall(reply.body.decode(errors="replace")))
        if reply.status != 200 or len(found) < 2:
            return None
        return Usage(float(found["cpu_seconds_total"]), int(float(found["resident_memory_bytes"])))

    async def peak(self, during: asyncio.Event) -> int | None:
        """None: asking would be one more load."""
        await during.wait()
        return None


def _family(pid: int) -> list[int]:
    """The process and its descendants."""
    parents: dict[int, int] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdecimal() and (fields := _stat(int(entry.name))) is not None:
            parents[int(entry.name)] = int(fields[1])
    family, newest = [pid], [pid]
    while newest:
        newest = [child for child, parent in parents.items() if parent in newest]
        family += newest
    return family


def _usage_of(pid: int) -> Usage | None:
    fields = _stat(pid)
    if fields is None:
        return None
    ticks = int(fields[11]) + int(fields[12])
    return Usage(
        cpu_seconds=ticks / os.sysconf("SC_CLK_TCK"),
        memory_bytes=int(fields[21]) * os.sysconf("SC_PAGE_SIZE"),
    )


def _stat(pid: int) -> list[str] | None:
    """The fields of `/proc/PID/stat` from the third on, the second may hold anything."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()
