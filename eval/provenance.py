"""Where a figure comes from: versions, machine and time, read without loading the libraries."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embeddings.processors import usable_processors

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGES = (
    "meari",
    "torch",
    "faiss-cpu",
    "sentence-transformers",
    "transformers",
    "numpy",
    "scipy",
    "ir-measures",
)
"""Distributions whose version can move a figure."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """The circumstances of a run.

    Attributes:
        created: RFC 3339 time in UTC at which the run ended.
        versions: installed version by distribution; None for one that is not installed.
        python: version of Python.
        platform: operating system and its version.
        processor: the processor's name, or its architecture.
        cpus: processors this process may use.
    """

    created: str
    versions: Mapping[str, str | None]
    python: str
    platform: str
    processor: str
    cpus: int

    @classmethod
    def now(cls) -> Provenance:
        """The circumstances of this process at this moment."""
        return cls(
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            versions={package: _installed(package) for package in PACKAGES},
            python=platform.python_version(),
            platform=platform.platform(terse=True),
            processor=_processor(),
            cpus=usable_processors(),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self) | {"versions": dict(self.versions)}


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
