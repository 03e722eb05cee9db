"""Processors, memory, disk and the port."""

from __future__ import annotations

import errno
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from embeddings.processors import usable_processors
from service.diagnosis.findings import doubtful, fine, wrong
from service.resources import allowed_memory, read_memory_limit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.diagnosis.findings import Finding
    from service.settings import Settings

_LEAST_MEMORY = 1_000_000_000
_LEAST_DISK = 100_000_000
_GOOD_DISK = 2_000_000_000
_FILES_EACH, _FILES_BESIDE = 12, 100
"""Files that a collection keeps open, and that everything else does."""


def examine(settings: Settings) -> Iterator[Finding]:
    """What is found of the machine."""
    yield _threads(settings)
    yield _memory(settings)
    yield _files(settings)
    yield _disk(settings)
    yield _port(settings)


def _threads(settings: Settings) -> Finding:
    allowed = usable_processors()
    wanted = settings.threads or allowed
    if wanted > allowed:
        found = f"{wanted} threads would compute on {allowed} processors, and wait for each other"
        return doubtful("threads", found, f"set MEARI_THREADS={allowed}, or leave it out")
    given = settings.omp_threads
    if given is not None and given > allowed:
        found = f"OMP_NUM_THREADS={given} is more than the {allowed} processors that may be used"
        return doubtful("threads", found, f"set OMP_NUM_THREADS={allowed}, or leave it out")
    return fine("threads", f"{wanted} compute; {allowed} processors may be used")


def _memory(settings: Settings) -> Finding:
    """What is free, and what the service may take of it."""
    allowed, limit = allowed_memory(settings.process_memory), read_memory_limit()
    bound = "" if allowed is None else f"; the service may take {allowed / 1e9:.1f} GB"
    if limit is not None and allowed is not None and allowed > limit:
        found = (
            f"MEARI_PROCESS_MEMORY is {allowed / 1e9:.1f} GB, the container has {limit / 1e9:.1f}"
        )
        remedy = "the system would kill it before anything is refused: set less, or leave it out"
        return wrong("memory", found, remedy)
    if allowed is not None and allowed < _LEAST_MEMORY:
        found = f"the service may take {allowed / 1e9:.1f} GB"
        remedy = "an encoder and its libraries take about 1 GB; allow more, or writes are refused"
        return doubtful("memory", found, remedy)
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return fine("memory", f"this system does not tell how much is free{bound}")
    told = {line.partition(":")[0]: line.partition(":")[2].split() for line in lines}
    free = int(told["MemAvailable"][0]) * 1024
    if free < _LEAST_MEMORY:
        remedy = "an encoder and its libraries take about 1 GB; stop something, or add memory"
        return doubtful("memory", f"{free / 1e9:.1f} GB are free{bound}", remedy)
    return fine("memory", f"{free / 1e9:.1f} GB are free{bound}")


def _files(settings: Settings) -> Finding:
    """Whether as many files may be open as connections and collections need."""
    try:
        import resource
    except ImportError:
        return fine("files", "this system does not tell how many may be open")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    collections = sum(1 for _ in settings.data.expanduser().glob("*/card.json"))
    need = settings.max_connections + _FILES_EACH * collections + _FILES_BESIDE
    if most != resource.RLIM_INFINITY and most < need:
        found = f"{most:,} files may be open; connections and collections may need {need:,}"
        return doubtful(
            "files", found, "raise the limit (ulimit -n), or lower MEARI_MAX_CONNECTIONS"
        )
    shown = "any number of" if most == resource.RLIM_INFINITY else f"{most:,}"
    return fine("files", f"{shown} files may be open, {need:,} may be needed")


def _disk(settings: Settings) -> Finding:
    data = settings.data.expanduser()
    place = next(each for each in (data.absolute(), *data.absolute().parents) if each.exists())
    free = shutil.disk_usage(place).free
    found = f"{free / 1e9:.1f} GB are free under {place}"
    if free < max(_LEAST_DISK, settings.disk_floor):
        return wrong("disk", found, "free some: writes are refused (MEARI_DISK_FLOOR)")
    largest = max((_size(card.parent) for card in data.glob("*/card.json")), default=0)
    if free < max(_GOOD_DISK, largest):
        remedy = f"rewriting the largest collection takes {largest / 1e9:.1f} GB more; free some"
        return doubtful("disk", found, remedy)
    return fine("disk", found)


def _size(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


def _port(settings: Settings) -> Finding:
    where = f"{settings.host} port {settings.port}"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((settings.host, settings.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                remedy = "if that is not your server, choose another with MEARI_PORT"
                return doubtful("port", f"something listens on {where} already", remedy)
            remedy = "choose others with MEARI_HOST and MEARI_PORT"
            return wrong("port", f"cannot listen on {where}: {error.strerror or error}", remedy)
    return fine("port", f"{where} is free")
