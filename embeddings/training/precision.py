"""Where a run computes, and in which numbers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from embeddings.device import check_device
from embeddings.training.errors import TrainingError

if TYPE_CHECKING:
    from torch import nn

    from embeddings.training.options import Running

Precision = Literal["fp32", "bf16", "fp16"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where and in what a run computes.

    Attributes:
        device: `cpu`, `cuda` or `mps`.
        name: of the processor, as it calls itself.
        precision: what matrices are multiplied in.
        workers: processes that prepare batches.
    """

    device: str
    name: str
    precision: Precision
    workers: int


_LIBRARIES = ("accelerate", "datasets", "matplotlib", "tensorboard")
"""What training stands on beside the libraries that encoding needs."""


def check_libraries() -> None:
    """Refuse to start where the libraries of training are not installed.

    Raises:
        TrainingError: one is missing.
    """
    from importlib.util import find_spec

    missing = [name for name in _LIBRARIES if find_spec(name) is None]
    if missing:
        message = (
            f"training needs {', '.join(missing)}, which encoding does not; run "
            "`pip install 'meari[train]'`"
        )
        raise TrainingError(message)


def choose_place(running: Running) -> Place:
    """The device and the numbers a run computes with.

    Raises:
        DeviceError: the device is not here.
        TrainingError: the device has no such numbers, or a library is missing.
    """
    check_libraries()
    import torch

    device = running.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    check_device(device)
    precision = _precision(device, running.precision)
    name = torch.cuda.get_device_name() if device == "cuda" else _processor()
    workers = running.workers
    if workers is None:
        workers = min(8, max((os.cpu_count() or 2) // 2, 2)) if device == "cuda" else 0
    return Place(device, name, precision, workers)


def separate_attention(model: nn.Module, place: Place) -> None:
    """Have a model attend by separate products where these are faster to train: in bf16 on a CPU.

    The fused kernel's backward pass takes a quarter of a small model's step there; MiniLM without
    dropout learns from 1.3 to 1.8 times as many tokens a second without it at 16 to 128 tokens,
    1.1 times at 256. In fp32 the two are alike, and GPUs keep the fused one
    (`benchmarks/attention.py`). What is saved does not tell.
    """
    from transformers import PreTrainedModel

    if place.device != "cpu" or place.precision != "bf16":
        return
    for module in model.modules():
        if isinstance(module, PreTrainedModel):
            module.set_attn_implementation("eager")


def _precision(device: str, wanted: str) -> Precision:
    import torch

    has_bf16 = device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    if wanted == "auto":
        if device != "cuda":
            return "fp32"
        return "bf16" if has_bf16 else "fp16"
    if wanted == "fp16" and device != "cuda":
        message = f"run.precision is fp16, which {device} cannot train in; use fp32 or bf16"
        raise TrainingError(message)
    if wanted == "bf16" and device == "cuda" and not has_bf16:
        message = "run.precision is bf16, which this GPU does not have; use fp16 or auto"
        raise TrainingError(message)
    chosen: dict[str, Precision] = {"fp32": "fp32", "bf16": "bf16", "fp16": "fp16"}
    return chosen[wanted]


def _processor() -> str:
    import platform
    from pathlib import Path

    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
