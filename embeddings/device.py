"""Where encoders compute: names of devices, and whether they are here."""

from __future__ import annotations

from embeddings.errors import DeviceError

_KINDS = "cpu, cuda, cuda:1 (the second GPU) or mps"


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
