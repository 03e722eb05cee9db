"""What a network is built from: its name, the pixels it takes, and how wide it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from torch import nn

Backbone = Literal["alexnet", "vgg", "googlenet", "resnet", "mobilenet"]
BACKBONES: tuple[Backbone, ...] = get_args(Backbone)
_MOST_HALVINGS = 5
_LEAST_MAP = 4
_MULTIPLE = 8
"""Channels come in multiples of so many, which kernels of processors like."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The shape of a network.

    Attributes:
        backbone: its family.
        size: pixels a side, 32 to 224.
        width: channels as a multiple of the paper's.
        normalise: batch normalisation behind the convolutions (Ioffe and Szegedy 2015,
            arXiv:1502.03167), also where the paper had none.
        dropout: share of numbers set to 0 while it learns, where the paper has dropout.
    """

    backbone: Backbone
    size: int = 64
    width: float = 1.0
    normalise: bool = True
    dropout: float = 0.0

    @property
    def halvings(self) -> int:
        """How often the picture is halved, 3 to 5."""
        return min((self.size // _LEAST_MAP).bit_length() - 1, _MOST_HALVINGS)

    def channels(self, count: int) -> int:
        """The paper's number of channels at this width; a multiple of 8."""
        return max(round(count * self.width / _MULTIPLE), 1) * _MULTIPLE

    def halves(self, place: int) -> bool:
        """True if the network halves at this place of five, from 0: the first are left out."""
        return place >= _MOST_HALVINGS - self.halvings


def build(plan: Plan) -> tuple[nn.Module, int]:
    """A network with drawn weights and the channels of the maps it gives.

    It takes float32 (n, 3, size, size) of mean 0 and deviation 1 or so, and gives
    (n, channels, h, w).
    """
    from embeddings.images.backbones.alexnet import AlexNet
    from embeddings.images.backbones.googlenet import GoogLeNet
    from embeddings.images.backbones.mobilenet import mobilenet
    from embeddings.images.backbones.resnet import resnet
    from embeddings.images.backbones.vgg import VGG

    made: Any = {
        "alexnet": AlexNet,
        "vgg": VGG,
        "googlenet": GoogLeNet,
        "resnet": resnet,
        "mobilenet": mobilenet,
    }[plan.backbone](plan)
    return made, made.channels
