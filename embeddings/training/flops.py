"""Model FLOPs and how much of the device's peak a run reached."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from embeddings.training.precision import Place

PEAKS: dict[str, dict[str, float]] = {
    "B200": {"bf16": 2250e12, "fp16": 2250e12, "fp32": 80e12},
    "H200": {"bf16": 989e12, "fp16": 989e12, "fp32": 67e12},
    "H100 PCIe": {"bf16": 756e12, "fp16": 756e12, "fp32": 51e12},
    "H100": {"bf16": 989e12, "fp16": 989e12, "fp32": 67e12},
    "A100": {"bf16": 312e12, "fp16": 312e12, "fp32": 19.5e12},
    "L40S": {"bf16": 362e12, "fp16": 362e12, "fp32": 91.6e12},
    "L4": {"bf16": 121e12, "fp16": 121e12, "fp32": 30.3e12},
    "A10": {"bf16": 125e12, "fp16": 125e12, "fp32": 31.2e12},
    "V100": {"fp16": 125e12, "fp32": 15.7e12},
    "T4": {"fp16": 65e12, "fp32": 8.1e12},
    "RTX 4090": {"bf16": 165.2e12, "fp16": 165.2e12, "fp32": 82.6e12},
    "RTX 3090": {"bf16": 71e12, "fp16": 71e12, "fp32": 35.6e12},
}
"""Dense FLOP/s by a part of the device's name, from the makers' data sheets; longer names first."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one text of t tokens costs in a training step.

    FLOPs = forward * t + squared * t ** 2, after Chowdhery et al., "PaLM", 2022,
    arXiv:2204.02311, appendix B: a multiplication and an addition for each weight outside the
    embedding tables and each token forwards, the same again for the gradients of activations,
    and again for those of weights that are trained; and 12 L d t^2 for the attention of L
    layers of width d. Recomputed work (gradient caching) and padding are not counted.

    Attributes:
        linear: FLOPs a token.
        squared: FLOPs a squared token.
        picture: FLOPs a picture, of networks of convolutions: a multiplication and an addition for
            each weight at each place it is put to, forwards, and as for texts backwards.
    """

    linear: float
    squared: float
    picture: float = 0.0

    def flops(self, tokens: float, squares: float) -> float:
        """FLOPs of texts whose tokens, and whose squared tokens, add up to these."""
        return self.linear * tokens + self.squared * squares


def cost_of(model: nn.Module) -> Cost:
    """What a model costs a token; tables that are only looked up are free."""
    from torch.nn import Embedding, EmbeddingBag

    first = next(iter(model.children()), None)
    if type(first).__name__ == "ImageNetwork":
        return Cost(0.0, 0.0, _picture_cost(model))
    tables = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, Embedding | EmbeddingBag)
        for parameter in module.parameters()
    }
    weights = [p for p in model.parameters() if id(p) not in tables]
    passed = sum(p.numel() for p in weights)
    trained = sum(p.numel() for p in weights if p.requires_grad)
    backwards = passed if trained else 0
    layers, width = _attention(model)
    factor = 12 if trained else 4
    return Cost(2.0 * (passed + backwards + trained), float(factor * layers * width))


def _picture_cost(model: Any) -> float:  # noqa: ANN401 - the library's model
    """FLOPs of a training step for one picture; a blank one is sent through to see its maps."""
    import torch
    from torch.nn import Conv2d, Linear

    products = {"passed": 0, "trained": 0}

    def count(module: nn.Module, given: Any, found: torch.Tensor) -> None:  # noqa: ANN401
        del given
        places = found.shape[2] * found.shape[3] if found.ndim == 4 else 1
        weight: Any = module.weight
        products["passed"] += weight.numel() * places
        products["trained"] += weight.numel() * places * weight.requires_grad

    layers = [each for each in model.modules() if isinstance(each, Conv2d | Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    was_training, size = model.training, model[0].config.size
    try:
        blank = torch.zeros(1, 3, size, size, dtype=torch.uint8, device=model.device)
        with torch.no_grad():
            model.eval()({"pixel_values": blank})
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()
    backwards = products["passed"] if products["trained"] else 0
    return 2.0 * (products["passed"] + backwards + products["trained"])


def peak_of(place: Place) -> tuple[float, str] | None:
    """FLOP/s that the device could reach, and where the figure is from; None if nobody knows.

    A CPU is measured here, by multiplying matrices in float32 for a fifth of a second.
    """
    if place.device == "cpu":
        return _measured_peak(), "measured: float32 matrices of 1,024 multiplied here"
    if place.device == "cuda":
        for name in sorted(PEAKS, key=len, reverse=True):
            if name in place.name and place.precision in PEAKS[name]:
                return PEAKS[name][place.precision], f"data sheet of {name}, {place.precision}"
    return None


def _measured_peak() -> float:
    import torch

    size = 1024
    a = torch.ones(size, size)
    torch.mm(a, a)
    best, begun = 0.0, time.perf_counter()
    while time.perf_counter() - begun < 0.2:
        start = time.perf_counter()
        torch.mm(a, a)
        best = max(best, 2 * size**3 / (time.perf_counter() - start))
    return best


def _attention(model: nn.Module) -> tuple[int, int]:
    """Layers and width of the Transformer inside, 0 and 0 where there is none."""
    for module in model.modules():
        config: Any = getattr(module, "config", None)
        layers = getattr(config, "num_hidden_layers", None) or getattr(config, "num_layers", None)
        width = getattr(config, "hidden_size", None) or getattr(config, "d_model", None)
        if layers and width:
            return int(layers), int(width)
    return 0, 0
