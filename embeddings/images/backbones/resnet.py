"""ResNet: layers that learn what to add to their input. transformers' own.

He et al., "Deep residual learning for image recognition", 2015, arXiv:1512.03385; the network of 18
layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn
from transformers import ResNetConfig, ResNetModel

from embeddings.images.backbones.layers import Maps

if TYPE_CHECKING:
    from embeddings.images.backbones.plan import Plan


def resnet(plan: Plan) -> Maps:
    """Eight residual blocks of two convolutions; normalised always, as they cannot do without.

    For small pictures the first kernel has 3 pixels and does not step, and the pooling behind it
    is left out below 64 (He et al., section 4.2).
    """
    widths = [plan.channels(count) for count in (64, 128, 256, 512)]
    config = ResNetConfig(
        embedding_size=widths[0], hidden_sizes=widths, depths=[2, 2, 2, 2], layer_type="basic"
    )
    model: Any = ResNetModel(config)
    stem = model.embedder
    if not plan.halves(0):
        stem.embedder.convolution = nn.Conv2d(3, widths[0], 3, padding=1, bias=False)
        nn.init.kaiming_normal_(stem.embedder.convolution.weight, mode="fan_out")
    if not plan.halves(1):
        stem.pooler = nn.Identity()
    model.pooler = nn.Identity()
    return Maps(model, widths[-1])
