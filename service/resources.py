"""Memory and disk: what is taken, what may be, and who is refused before either runs out."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from service.errors import DiskShortError, MemoryShortError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Self

    from starlette.types import Scope

_PROC = Path("/proc")
_GROUPS = Path("/sys/fs/cgroup")
_GROUP_SHARE, _MACHINE_SHARE = 0.9, 0.8
_LOOK_SECONDS = 0.05
LARGE = 1 << 16
"""Bytes of a body from which on even a request that writes nothing is weighed."""
_FIRST, _PER_FIRST, _PER_BYTE = 1 << 20, 80, 10
"""Memory that a byte of a body takes at most, parsed, checked, encoded and stored: of the first so
many, which may be thousands of short texts, and of those behind them."""


def announced_size(scope: Scope) -> int | None:
    """Bytes that the request says its body has; None where it says nothing."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return None


def read_memory_limit(groups: Path = _GROUPS, proc: Path = _PROC) -> int | None:
    """Bytes that the control group of this process may take, the least of it and those above.

    Args:
        groups: where control groups are, version 2 or 1.
        proc: where the system tells which of them this process is in.

    Returns:
        None without a limit, or where the system has no such groups.
    """
    limits = []
    for name in _group_names(proc):
        for parent in (name, *name.parents):
            for file in ("memory.max", "memory/memory.limit_in_bytes"):
                version_1 = file.startswith("memory/")
                part = str(parent).lstrip("/.")
                path = groups / "memory" / part if version_1 else groups / part
                limits.append(_number(path / Path(file).name))
    given = [each for each in limits if each is not None and each < 1 << 60]
    return min(given, default=None)


def _group_names(proc: Path) -> Iterator[Path]:
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, name = rest.partition(":")
        if controllers in {"", "memory"}:
            yield Path(name)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # no such group, or "max"
        return None


def machine_memory() -> int | None:
    """Bytes of memory of this machine; None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def allowed_memory(wished: int | None) -> int | None:
    """Bytes that the process and its jobs may take.

    Args:
        wished: as set; None takes nine tenths of the control group's limit, or eight of the
            machine's memory where there is none.
    """
    if wished is not None:
        return wished
    limit = read_memory_limit()
    if limit is not None:
        return int(limit * _GROUP_SHARE)
    machine = machine_memory()
    return None if machine is None else int(machine * _MACHINE_SHARE)


def private_memory(process: int | str = "self") -> int:
    """Bytes of memory that are no file's: what the system cannot take back. 0 if nobody knows."""
    try:
        lines = (_PROC / str(process) / "status").read_text().splitlines()
    except OSError:
        return 0
    wanted = ("RssAnon:", "RssShmem:")
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(wanted))


class Resources:
    """What is left of memory and disk; safe to use from several threads.

    A request that writes, or has a large body, is weighed before its body is read: by what it may
    take at most. Reads go on, and so does what gives something back.

    Args:
        folder: the data folder; may not be there yet.
        memory: bytes that may be taken; None: no bound.
        disk: bytes that stay free.
        processes: tells the numbers of the processes that work for this one.

    Attributes:
        memory_allowed: as given.
        disk_floor: as given.
    """

    def __init__(
        self,
        folder: Path,
        *,
        memory: int | None,
        disk: int,
        processes: Callable[[], Iterable[int]] = tuple,
    ) -> None:
        self.memory_allowed = memory
        self._folder = folder
        self.disk_floor = disk
        self._processes = processes
        self._guard = threading.Lock()
        self._held = 0
        self._looked = -1.0
        self._used = 0

    @property
    def memory_used(self) -> int:
        """Bytes that this process and those that work for it take, a moment ago."""
        now = time.monotonic()
        if now - self._looked > _LOOK_SECONDS:
            self._used = private_memory() + sum(map(private_memory, tuple(self._processes())))
            self._looked = now
        return self._used

    @property
    def overdrawn(self) -> str:
        """How much memory is taken, if more is than may be, as part of a sentence; else empty."""
        used, allowed = self.memory_used, self.memory_allowed
        if allowed is None or used <= allowed:
            return ""
        return f"{used:,} of {allowed:,} are taken in all"

    @property
    def memory_held(self) -> int:
        """Bytes that requests which are being answered may come to take."""
        return self._held

    @property
    def disk(self) -> tuple[int, int]:
        """Bytes of the disk that the data folder is on, and how many of them are free."""
        place = next(each for each in (self._folder, *self._folder.parents) if each.exists())
        told = os.statvfs(place)
        return told.f_frsize * told.f_blocks, told.f_frsize * told.f_bavail

    def weighing(self, size: int, *, writes: bool) -> Holding:
        """Let a request in whose body has so many bytes, or turns out to have more, in a block.

        Args:
            size: bytes as announced; 0 if nothing was.
            writes: whether it adds to what is stored.

        Raises:
            DiskShortError: it writes, and less disk would stay free than has to.
            MemoryShortError: it writes or is large, and might take more than is left.
        """
        holding = Holding(self)
        if writes:
            self.check_disk(size)
        if writes or size > LARGE:
            holding.grow(size)
        return holding

    def check_disk(self, size: int) -> None:
        """Refuse to write so many bytes where little is left.

        Raises:
            DiskShortError: less would stay free than has to.
        """
        _, free = self.disk
        if free - size < self.disk_floor:
            message = (
                f"the disk is nearly full: {free:,} bytes are free, {self.disk_floor:,} have to "
                "stay so; searches go on. Drop or delete something, or make room (MEARI_DISK_FLOOR)"
            )
            raise DiskShortError(message)

    def shortages(self) -> list[str]:
        """What keeps writes from being taken, a sentence each."""
        found = []
        for check in (self.check_disk, self._check_memory):
            try:
                check(0)
            except (DiskShortError, MemoryShortError) as error:
                found.append(str(error))
        if self._folder.exists() and not os.access(self._folder, os.W_OK | os.X_OK):
            found.append("the data folder cannot be written to by the user that serves")
        return found

    def hold(self, need: int) -> None:
        """Count on a request to take so many bytes more.

        Raises:
            MemoryShortError: that is more than is left.
        """
        with self._guard:
            self._check_memory(need)
            self._held += need

    def free(self, need: int) -> None:
        """What was counted on is not needed any more."""
        with self._guard:
            self._held -= need

    def _check_memory(self, need: int) -> None:
        if self.memory_allowed is None:
            return
        used = self.memory_used
        if used + self._held + need > self.memory_allowed:
            counted = f", {self._held:,} more are counted on" if self._held else ""
            wanted = f" and this may take {need:,}" if need else ""
            message = (
                f"memory is short: {used:,} of {self.memory_allowed:,} bytes are taken{counted}"
                f"{wanted}; searches go on. Send less at once, try again in a moment, or allow "
                "more (MEARI_PROCESS_MEMORY)"
            )
            raise MemoryShortError(message)


class Holding:
    """What one request may take, until the block that it is used in is left.

    Args:
        resources: of which.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._size = 0

    def grow(self, size: int) -> None:
        """So many bytes of its body more.

        Raises:
            MemoryShortError: it might take more than is left.
        """
        self._resources.hold(need_of(self._size + size) - need_of(self._size))
        self._size += size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._size:
            self._resources.free(need_of(self._size))
            self._size = 0


def need_of(size: int) -> int:
    """Bytes of memory that a request with a body of so many bytes takes at most."""
    return _PER_FIRST * min(size, _FIRST) + _PER_BYTE * max(0, size - _FIRST)
