"""GoogLeNet: kernels of several sizes beside each other.

Szegedy et al., "Going deeper with convolutions", 2014, arXiv:1409.4842.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from embeddings.images.backbones.layers import Convolution, pool

if TYPE_CHECKING:
    from embeddings.images.backbones.plan import Plan

_STAGES = (
    ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    (
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
    ),
    ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
)
"""Table 1 of the paper, stage by stage: `#1x1`, `#3x3 reduce`, `#3x3`, `#5x5 reduce`, `#5x5`,
`pool proj` of each inception module."""


class Inception(nn.Module):
    """Kernels of 1, 3 and 5 pixels and a pooled copy of the input, their maps one behind another.

    Args:
        inputs: channels.
        counts: channels of each part, a row of `_STAGES` at the network's width.
        normalise: batch normalisation behind each convolution.
    """

    def __init__(self, inputs: int, counts: tuple[int, ...], *, normalise: bool) -> None:
        super().__init__()
        one, before_three, three, before_five, five, pooled = counts

        def layer(taken: int, given: int, kernel: int) -> nn.Module:
            return Convolution(taken, given, kernel, normalise=normalise)

        self.one = layer(inputs, one, 1)
        self.three = nn.Sequential(layer(inputs, before_three, 1), layer(before_three, three, 3))
        self.five = nn.Sequential(layer(inputs, before_five, 1), layer(before_five, five, 5))
        self.pooled = nn.Sequential(nn.MaxPool2d(3, 1, padding=1), layer(inputs, pooled, 1))
        self.channels = one + three + five + pooled

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """(n, channels, h, w) of (n, inputs, h, w)."""
        parts = [part(maps) for part in (self.one, self.three, self.five, self.pooled)]
        return torch.cat(parts, dim=1)


class GoogLeNet(nn.Module):
    """Three convolutions and nine inception modules.

    The auxiliary classifiers, which helped gradients before batch normalisation, are left out.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        norm = plan.normalise
        one, two = plan.channels(64), plan.channels(192)
        first = 7 if plan.halves(0) else 3
        layers: list[nn.Module] = [
            Convolution(3, one, first, stride=1 + plan.halves(0), normalise=norm),
            *pool(plan.halves(1)),
            Convolution(one, one, 1, normalise=norm),
            Convolution(one, two, 3, normalise=norm),
            *pool(plan.halves(2)),
        ]
        inputs = two
        for stage, modules in enumerate(_STAGES):
            for row in modules:
                counts = tuple(plan.channels(count) for count in row)
                module = Inception(inputs, counts, normalise=norm)
                layers.append(module)
                inputs = module.channels
            if stage < len(_STAGES) - 1:
                layers += pool(plan.halves(3 + stage))
        self.maps = nn.Sequential(*layers)
        self.channels = inputs

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """The last inception module's maps, (n, channels, h, w)."""
        found: torch.Tensor = self.maps(pixels)
        return found
