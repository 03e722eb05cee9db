"""The stages a model was made in, one from the other, and what power they took."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embeddings.training.receipt import RECEIPT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WATTS_A_THREAD = 10.0
"""Of a server's processor for each thread in use, memory and cooling counted."""
WATTS_A_GPU = {"H200": 700.0, "H100": 700.0, "A100": 400.0, "L40": 300.0, "V100": 300.0}
"""Board power of GPUs by a part of their names; others are taken for 300 W."""
KG_A_KWH = 0.45
"""CO2 equivalents of a kilowatt-hour, about the world's mean."""
_KEPT = ("kind", "finished", "seconds", "seed", "hardware", "data", "recipe")


def stages_before(body: str) -> list[dict[str, Any]]:
    """What the receipts of a body and of the bodies before it say, the first stage first.

    Args:
        body: a model folder, or a name; what has no receipt has no stages.
    """
    path = Path(body).expanduser() / RECEIPT
    if not path.is_file():
        return []
    told = json.loads(path.read_bytes())
    before = told.get("extra", {}).get("stages")
    if before is None:  # a receipt of a time or trainer that told of itself alone
        recipe = told.get("recipe", {})
        earlier = recipe.get("body") or recipe.get("extend")
        before = stages_before(earlier) if isinstance(earlier, str) else []
    own = {key: told[key] for key in _KEPT if key in told}
    return [*before, own]


def energy_of(stages: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """An estimate from time alone: `seconds`, `kwh`, `kg_co2e`.

    Lacoste et al. 2019, arXiv:1910.09700: power x time x the grid's intensity. Power is not
    measured; see `WATTS_A_THREAD`, `WATTS_A_GPU` and `KG_A_KWH`.
    """
    seconds = sum(float(stage.get("seconds") or 0) for stage in stages)
    joules = sum(
        float(stage.get("seconds") or 0) * _watts(stage.get("hardware") or {}) for stage in stages
    )
    kwh = joules / 3.6e6
    return {"seconds": round(seconds, 1), "kwh": round(kwh, 4), "kg_co2e": round(kwh * KG_A_KWH, 4)}


def _watts(hardware: Mapping[str, Any]) -> float:
    """Watts of a run's processors and GPUs."""
    gpus = int(hardware.get("gpus") or 0)
    name = str(hardware.get("name", ""))
    a_gpu = next((watts for part, watts in WATTS_A_GPU.items() if part in name), 300.0)
    return gpus * a_gpu + float(hardware.get("threads") or 1) * WATTS_A_THREAD
