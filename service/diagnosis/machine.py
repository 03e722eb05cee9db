"""Processors, memory, disk and the port."""

from __future__ import annotations

import errno
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from embeddings.processors import usable_processors
from service.diagnosis.findings import doubtful, fine, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.diagnosis.findings import Finding
    from service.settings import Settings

_LEAST_MEMORY = 1_000_000_000
_LEAST_DISK = 100_000_000
_GOOD_DISK = 2_000_000_000


def examine(settings: Settings) -> Iterator[Finding]:
    """What is found of the machine."""
    yield _threads(settings)
    yield _memory()
    yield _disk(settings.data.expanduser())
    yield _port(settings)


def _threads(settings: Settings) -> Finding:
    allowed = usable_processors()
    wanted = settings.threads or allowed
    if wanted > allowed:
        found = f"{wanted} threads would compute on {allowed} processors, and wait for each other"
        return doubtful("threads", found, f"set MEARI_THREADS={allowed}, or leave it out")
    return fine("threads", f"{wanted} compute; {allowed} processors may be used")


def _memory() -> Finding:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return fine("memory", "this system does not tell how much is free")
    told = {line.partition(":")[0]: line.partition(":")[2].split() for line in lines}
    free = int(told["MemAvailable"][0]) * 1024
    if free < _LEAST_MEMORY:
        remedy = "an encoder and its libraries take about 1 GB; stop something, or add memory"
        return doubtful("memory", f"{free / 1e9:.1f} GB are free", remedy)
    return fine("memory", f"{free / 1e9:.1f} GB are free")


def _disk(data: Path) -> Finding:
    place = next(each for each in (data.absolute(), *data.absolute().parents) if each.exists())
    free = shutil.disk_usage(place).free
    found = f"{free / 1e9:.1f} GB are free under {place}"
    if free < _LEAST_DISK:
        return wrong("disk", found, "free some: writes will be refused")
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
