"""Devices that are not here are refused by their names."""

from __future__ import annotations

import pytest
import torch

from embeddings.device import check_device
from embeddings.errors import DeviceError
from embeddings.load import load_encoder


@pytest.mark.parametrize("device", ["foo", "CPU", "cuda:x", "cuda:", "cpu:-1", "meta", ""])
def test_an_unknown_device_is_told_which_are_known(device: str) -> None:
    with pytest.raises(DeviceError) as caught:
        check_device(device)
    assert str(caught.value).startswith(f"device {device!r} is unknown; use cpu, cuda, cuda:1")


@pytest.mark.parametrize("device", [None, "cpu", "cpu:0"])
def test_the_processor_is_always_here(device: str | None) -> None:
    check_device(device)


@pytest.mark.parametrize(
    ("gpus", "device", "words"),
    [
        (0, "cuda", "device 'cuda' needs a GPU, and none is found here"),
        (0, "cuda:1", "device 'cuda:1' needs a GPU"),
        (2, "cuda:2", "device 'cuda:2' is not here; there is cuda:0, cuda:1"),
        (2, "cuda:1", ""),
        (1, "cuda", ""),
    ],
)
def test_a_gpu_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, gpus: int, device: str, words: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    if not words:
        check_device(device)
        return
    with pytest.raises(DeviceError, match=words):
        check_device(device)


def test_an_encoder_is_not_loaded_onto_what_is_not_here() -> None:
    with pytest.raises(DeviceError, match="device 'foo' is unknown"):
        load_encoder("minilm", device="foo")
