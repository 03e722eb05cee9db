"""`training.json`: what a model was made of, by what, where, and what came out."""

from __future__ import annotations

import json
import math
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from embeddings.training.loop import Outcome
    from embeddings.training.precision import Place

RECEIPT = "training.json"
VERSION = 1
_LIBRARIES = ("torch", "transformers", "sentence-transformers", "datasets", "accelerate", "meari")


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The receipt of a training.

    Attributes:
        kind: which trainer (`siamese`, `words`, `pretrain`, `classifier`, ...).
        recipe: the resolved recipe as JSON values.
        data: `describe_source` of each source, by role (`train`, `dev`, `test`).
        seed: of weights, order and dropout.
        hardware: see `describe_hardware`.
        seconds: of the whole run.
        curves: `Curves.to_json`.
        scores: by split, measure by measure; `before` holds those of the weights it began with.
        verdict: `Verdict.to_json`.
        throughput: `Throughput.to_json`.
        notes: what was done differently from the recipe.
        extra: what the kind of trainer adds.
    """

    kind: str
    recipe: dict[str, Any]
    data: dict[str, list[dict[str, Any]]]
    seed: int
    hardware: dict[str, Any]
    seconds: float
    curves: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    verdict: dict[str, Any] = field(default_factory=dict)
    throughput: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, with the versions of libraries and the date (UTC)."""
        from dataclasses import asdict

        return {
            "version": VERSION,
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "versions": describe_versions(),
            **asdict(self),
        }


def write_receipt(receipt: Receipt, folder: Path) -> dict[str, Any]:
    """Write `training.json` into a model folder and return what it says."""
    data: dict[str, Any] = _finite(receipt.to_json())
    text = json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False)
    (folder / RECEIPT).write_text(text + "\n", encoding="utf-8")
    return data


def describe_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that train."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": sys.version.split()[0]}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def describe_hardware(place: Place) -> dict[str, Any]:
    """Device, its name, precision, threads or GPUs."""
    import platform

    import torch

    gpus = torch.cuda.device_count() if place.device == "cuda" else 0
    return {
        "device": place.device,
        "name": place.name,
        "precision": place.precision,
        "processes": _processes(),
        "gpus": gpus,
        "threads": torch.get_num_threads(),
        "system": platform.platform(terse=True),
    }


def describe_run(outcome: Outcome) -> dict[str, Any]:
    """How batches were cut and where a run was resumed, for the receipt's `extra`."""
    return {
        "batch": outcome.batches.size,
        "per_step": outcome.batches.per_step,
        "accumulated": outcome.batches.parts,
        "cached": outcome.batches.cached,
        "resumed_from": outcome.resumed_from,
        "best_step": outcome.best_step,
    }


def _finite(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """The value with NaN and infinity, which JSON does not have, as null."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _processes() -> int:
    import torch.distributed as dist

    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
