"""MobileNetV2: convolutions of one channel each, between cheap mixtures of them. transformers' own.

Sandler et al., "MobileNetV2: Inverted residuals and linear bottlenecks", 2018, arXiv:1801.04381.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn
from transformers import MobileNetV2Config, MobileNetV2Model

from embeddings.images.backbones.layers import Maps, steady

if TYPE_CHECKING:
    from embeddings.images.backbones.plan import Plan


def mobilenet(plan: Plan) -> Maps:
    """Seventeen inverted residual blocks; normalised always."""
    config = MobileNetV2Config(
        image_size=plan.size,
        depth_multiplier=plan.width,
        finegrained_output=False,
        tf_padding=False,
    )
    model: Any = MobileNetV2Model(config)
    # Steps of two stand in the stem and in these blocks; those left out keep their kernels.
    if not plan.halves(0):
        model.conv_stem.first_conv.convolution.stride = (1, 1)
    if not plan.halves(1):
        model.layer[0].conv_3x3.convolution.stride = (1, 1)
    model.pooler = nn.Identity()
    for module in model.modules():
        # The library's own weights, of deviation 0.02, let nothing through seventeen blocks.
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_in")
    steady(model)
    return Maps(model, model.conv_1x1.convolution.out_channels)
