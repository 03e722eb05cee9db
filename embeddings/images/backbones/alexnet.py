"""AlexNet: five convolutions and two wide layers.

Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks",
2012; channels as in its version for one GPU (Krizhevsky 2014, arXiv:1404.5997).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from embeddings.images.backbones.layers import Convolution, pool

if TYPE_CHECKING:
    import torch

    from embeddings.images.backbones.plan import Plan

_GRID = 3
"""Cells a side of the map that the wide layers read; the paper's 6 would be most of its weights."""
_WIDE = 1024
"""Numbers of a wide layer; the paper has 4,096 for a thousand classes."""


class AlexNet(nn.Module):
    """Five convolutions, overlapping pooling, and two layers over the whole picture, with dropout.

    The first kernel has 11 pixels and steps by 4 at 224 pixels a side; for smaller pictures it has
    5. Batch normalisation stands in for the paper's local response normalisation.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        one, two, three, four = (plan.channels(count) for count in (64, 192, 384, 256))
        step = 2 ** (plan.halves(0) + plan.halves(1))
        first = 11 if step == 4 else 5

        def layer(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Module:
            return Convolution(inputs, outputs, kernel, stride=stride, normalise=plan.normalise)

        self.maps = nn.Sequential(
            layer(3, one, first, step),
            *pool(plan.halves(2)),
            layer(one, two, 5),
            *pool(plan.halves(3)),
            layer(two, three, 3),
            layer(three, four, 3),
            layer(four, four, 3),
            *pool(plan.halves(4)),
        )
        self.channels = plan.channels(_WIDE)
        self.wide = nn.Sequential(
            nn.AdaptiveMaxPool2d(_GRID),
            nn.Flatten(),
            nn.Dropout(plan.dropout),
            nn.Linear(four * _GRID * _GRID, self.channels),
            nn.ReLU(inplace=True),
            nn.Dropout(plan.dropout),
            nn.Linear(self.channels, self.channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """The second wide layer's numbers as maps of one pixel, (n, channels, 1, 1)."""
        found: torch.Tensor = self.wide(self.maps(pixels))
        return found[:, :, None, None]
