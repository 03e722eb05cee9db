"""VGG: nothing but small kernels, one upon another.

Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2014,
arXiv:1409.1556; configuration A (eleven layers, eight of them convolutions).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from embeddings.images.backbones.layers import Convolution

if TYPE_CHECKING:
    import torch

    from embeddings.images.backbones.plan import Plan

_BLOCKS = ((64,), (128,), (256, 256), (512, 512), (512, 512))
"""Channels of the convolutions of configuration A, block by block; each block ends in pooling."""


class VGG(nn.Module):
    """Eight convolutions of 3 pixels in five blocks.

    The paper's three wide layers, nine tenths of its weights, are left out: maps are averaged, as
    Lin et al. 2013 (arXiv:1312.4400) have it.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for place, block in enumerate(_BLOCKS):
            for count in block:
                outputs = plan.channels(count)
                layers.append(Convolution(inputs, outputs, 3, normalise=plan.normalise))
                inputs = outputs
            if plan.halves(place):
                layers.append(nn.MaxPool2d(2))
        self.maps = nn.Sequential(*layers)
        self.channels = inputs

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """The last block's maps, (n, channels, h, w)."""
        found: torch.Tensor = self.maps(pixels)
        return found
