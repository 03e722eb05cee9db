"""Where encoders compute: names of devices, and whether they are here."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

from embeddings.errors import DeviceError

_KINDS = "cpu, cuda, cuda:1 (the second GPU) or mps"
_DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""Of NVIDIA, of AMD, and of Windows below a Linux."""


def check_device(device: str | None) -> None:
    """Refuse a device that is unknown or not here, before a model is loaded onto it.

    Args:
        device: `cpu`, `cuda`, `cuda:1`, `mps`; None is whatever there is.

    Raises:
        DeviceError: naming the device, and those that are here.
    """
    if device is None:
        return
    import torch

    kind, _, number = device.partition(":")
    if kind not in {"cpu", "cuda", "mps"} or (":" in device and not number.isdecimal()):
        message = f"device {device!r} is unknown; use {_KINDS}, or leave it out"
        raise DeviceError(message)
    if kind == "mps" and not torch.backends.mps.is_available():
        message = f"device {device!r} needs an Apple GPU, and there is none here; use cpu"
        raise DeviceError(message)
    if kind == "cuda":
        _check_gpu(device, int(number or 0))


def limit_threads(threads: int) -> None:
    """Let torch compute on so many threads of a CPU."""
    import torch

    torch.set_num_threads(threads)


def is_cpu(device: str | None) -> bool:
    """True if that device is a CPU: by its name, or because nothing else is here.

    torch is not loaded where a look at the machine tells as much: it takes a second, and memory.

    Raises:
        DeviceError: the device is unknown or not here.
    """
    if device is not None:
        if device != "cpu":
            check_device(device)
        return device == "cpu"
    if sys.platform == "darwin":
        import torch

        return not torch.backends.mps.is_available()
    if "+cpu" in version("torch") or not _has_driver():
        return True
    import torch

    return not torch.cuda.is_available()


def _has_driver() -> bool:
    """True if a driver of GPUs may be here; Windows does not tell by a file."""
    return sys.platform == "win32" or any(Path(place).exists() for place in _DRIVERS)


def _check_gpu(device: str, number: int) -> None:
    import torch

    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not there:
        without = "" if torch.version.cuda else f" (PyTorch {torch.__version__} is without CUDA)"
        message = f"device {device!r} needs a GPU, and none is found here{without}; use cpu"
        raise DeviceError(message)
    if number >= there:
        names = ", ".join(f"cuda:{each}" for each in range(there))
        message = f"device {device!r} is not here; there is {names}"
        raise DeviceError(message)
