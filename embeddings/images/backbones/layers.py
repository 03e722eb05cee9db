"""Convolutions with what stands behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

if TYPE_CHECKING:
    import torch

_REPLACED = 0.1
"""Share of what is known of the usual that a batch replaces: torch's own."""


class Convolution(nn.Sequential):
    """A convolution, batch normalisation where the network has it, and ReLU."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, normalise: bool
    ) -> None:
        convolution = nn.Conv2d(
            inputs, outputs, kernel, stride, padding=kernel // 2, bias=not normalise
        )
        nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
        norm = [nn.BatchNorm2d(outputs)] if normalise else []
        super().__init__(convolution, *norm, nn.ReLU(inplace=True))


class Maps(nn.Module):
    """The maps of a model of transformers, which gives them by name.

    Args:
        model: that gives `last_hidden_state`.
        channels: of it.
    """

    def __init__(self, model: nn.Module, channels: int) -> None:
        super().__init__()
        self.model = model
        self.channels = channels

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """The last map, (n, channels, h, w)."""
        found: Any = self.model(pixels)
        maps: torch.Tensor = found.last_hidden_state
        return maps


def steady(network: nn.Module) -> None:
    """Let batch normalisation average over the latest batches, in the network itself.

    transformers' MobileNets say 0.997 and more: the share that stays, as TensorFlow means it. In
    torch it is the share that each batch replaces, and the last one alone would say what is normal.
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and (module.momentum or 0.0) > _REPLACED:
            module.momentum = _REPLACED


def pool(plan_halves: bool) -> list[nn.Module]:
    """Overlapping maximum pooling that halves a map (3 pixels, every second), or nothing."""
    return [nn.MaxPool2d(3, stride=2, padding=1)] if plan_halves else []
