"""Python, the packages, the models and the cache of compiled ones."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

from embeddings.bundled import BUNDLED, find_bundled
from embeddings.checksums import SUMS, check_sums
from embeddings.errors import EmbeddingError
from service.diagnosis.findings import doubtful, fine, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from service.diagnosis.findings import Finding
    from service.settings import Settings

_PIN = re.compile(r"([A-Za-z0-9._-]+)==([^;\s]+)(?:;\s*(.*))?")
_SHOWN = 5


def examine(settings: Settings) -> Iterator[Finding]:
    """What is found of the installation."""
    yield fine("python", f"Python {platform.python_version()} at {sys.executable}")
    yield _packages()
    for name in BUNDLED:
        yield _model(name)
    yield _encoder(settings)
    yield _cache(settings)
    if settings.trace_endpoint is not None:
        yield _traces(settings.trace_endpoint)


def _packages() -> Finding:
    try:
        pins = requires("meari") or []
    except PackageNotFoundError:
        remedy = "install it (`make install`, or pip install in the checkout)"
        return doubtful("packages", "meari runs from its sources and is not installed", remedy)
    missing, other = [], []
    for pin in pins:
        found = _PIN.fullmatch(pin.strip())
        if found is None or found[3]:
            continue  # of an extra or of another system
        try:
            there = version(found[1])
        except PackageNotFoundError:
            missing.append(found[1])
            continue
        if there.partition("+")[0] != found[2]:
            other.append(f"{found[1]} {there} in place of {found[2]}")
    remedy = "install meari again, with its constraints.txt"
    if missing:
        return wrong("packages", f"not installed: {', '.join(missing[:_SHOWN])}", remedy)
    if other:
        return doubtful(
            "packages", f"meari was tried with others: {'; '.join(other[:_SHOWN])}", remedy
        )
    return fine("packages", f"meari {version('meari')} and the versions it was tried with")


def _model(name: str) -> Finding:
    try:
        folder = find_bundled(name)
    except EmbeddingError as error:
        return wrong("model", f"{error}", "reinstall meari")
    return fine("model", f"{name} is whole, by its checksums ({folder})")


def _encoder(settings: Settings) -> Finding:
    """Whether the encoder for new collections can be found without a network."""
    from pathlib import Path

    name = settings.encoder
    folder = Path(name).expanduser()
    if name not in BUNDLED and (folder / SUMS).is_file():
        remedy = "copy the folder again from where it was made"
        try:
            check_sums(folder, remedy=remedy)
        except EmbeddingError as error:
            return wrong("encoder", str(error).removesuffix(f"; {remedy}"), remedy)
        return fine("encoder", f"new collections take {name}, whole by its checksums")
    if name in BUNDLED or name.startswith("hash") or folder.is_dir():
        return fine("encoder", f"new collections take {name}")
    remedy = "name a folder or a bundled one with MEARI_ENCODER where there is no network"
    return doubtful("encoder", f"{name} is no folder here and may have to be downloaded", remedy)


def _cache(settings: Settings) -> Finding:
    from embeddings.compiled.artefact import default_cache

    folder = settings.cache.expanduser() if settings.cache else default_cache()
    place = next(each for each in (folder, *folder.parents) if each.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        found = f"{folder} cannot be written to, so encoders are compiled at each start"
        return doubtful("cache", found, "name a folder of yours with MEARI_CACHE")
    return fine("cache", f"{folder} holds {_bytes(folder) / 1e6:,.0f} MB of compiled encoders")


def _traces(endpoint: str) -> Finding:
    try:
        version("opentelemetry-exporter-otlp-proto-http")
    except PackageNotFoundError:
        found = f"they shall go to {endpoint}, and OpenTelemetry's SDK is not installed"
        return wrong("traces", found, "pip install 'meari[traces]', or MEARI_TRACES=off")
    return fine("traces", f"go to {endpoint}")


def _bytes(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
