"""Optimisers, schedules and penalties, out of what a recipe says."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import torch
    from torch import nn

    from embeddings.training.options import Optimiser, Schedule

_NOT_DECAYED = ("bias", "norm")
_FUSED = frozenset({"cpu", "cuda"})


def make_optimiser(parts: Iterable[nn.Module], options: Optimiser) -> torch.optim.Optimizer:
    """The optimiser of every parameter of the modules that wants a gradient, each once.

    Biases, normalisation layers and single numbers get no weight decay.

    Raises:
        TrainingError: there is nothing to train.
    """
    from embeddings.training.errors import TrainingError

    named = {
        id(parameter): (name, parameter)
        for part in parts
        for name, parameter in part.named_parameters()
        if parameter.requires_grad
    }
    decayed = [p for name, p in named.values() if _is_decayed(name, p)]
    others = [p for name, p in named.values() if not _is_decayed(name, p)]
    groups = [
        {"params": decayed, "weight_decay": options.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if not groups:
        message = "the model has no weights to train: its body is frozen and it has no other part"
        raise TrainingError(message)
    optimiser = _construct(groups, options)
    if options.l1:
        optimiser.register_step_post_hook(_shrinker(decayed, options.l1))
    return optimiser


def make_schedule(
    optimiser: torch.optim.Optimizer, options: Schedule, steps: int
) -> torch.optim.lr_scheduler.LambdaLR:
    """The learning rate over `steps` optimiser steps; see `rate_at`."""
    from torch.optim.lr_scheduler import LambdaLR

    return LambdaLR(optimiser, lambda step: rate_at(step, steps, options))


def rate_at(step: int, steps: int, options: Schedule) -> float:
    """The share of the learning rate at a step, 0 to 1.

    Args:
        step: from 0.
        steps: of the whole run.
        options: with warm-up w = ceil(warmup * steps) and t = (step - w) / (steps - w):
            linear 1 - (1 - floor) t; cosine floor + (1 - floor) (1 + cos(pi t)) / 2
            (Loshchilov and Hutter, arXiv:1608.03983); step factor ** floor(t (n + 1)) for n
            steps; constant 1.
    """
    warmup = math.ceil(options.warmup * steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    done = min((step - warmup) / max(steps - warmup, 1), 1.0)
    if options.name == "linear":
        return 1 - (1 - options.floor) * done
    if options.name == "cosine":
        return options.floor + (1 - options.floor) * 0.5 * (1 + math.cos(math.pi * done))
    if options.name == "step":
        return float(options.factor ** min(int(done * (options.steps + 1)), options.steps))
    return 1.0


def _construct(groups: list[dict[str, Any]], options: Optimiser) -> torch.optim.Optimizer:
    from torch import optim

    rate, epsilon = options.learning_rate, options.epsilon
    # The fused kernels take one pass over the weights. On a CPU, whose memory the others read seven
    # times, a step over MiniLM's weights takes a sixth of the time (`benchmarks/optimiser.py`).
    devices = {parameter.device.type for group in groups for parameter in group["params"]}
    fused: dict[str, Any] = {"fused": True} if len(devices) == 1 and devices <= _FUSED else {}
    if options.name == "sgd":
        return optim.SGD(
            groups, lr=rate, momentum=options.momentum, nesterov=options.nesterov, **fused
        )
    if options.name == "adagrad":
        # Adagrad's fused kernel is for CPUs alone.
        return optim.Adagrad(groups, lr=rate, eps=epsilon, **(fused if devices == {"cpu"} else {}))
    if options.name == "rmsprop":
        return optim.RMSprop(
            groups, lr=rate, alpha=options.beta2, eps=epsilon, momentum=options.momentum
        )
    kind = optim.AdamW if options.name == "adamw" else optim.Adam
    return kind(groups, lr=rate, betas=(options.beta1, options.beta2), eps=epsilon, **fused)


def _is_decayed(name: str, parameter: nn.Parameter) -> bool:
    return parameter.ndim > 1 and not any(part in name.lower() for part in _NOT_DECAYED)


def _shrinker(parameters: list[nn.Parameter], l1: float) -> Callable[..., None]:
    """A hook after each step: w <- sign(w) max(|w| - l1 lr, 0), the proximal step of l1 |w|.

    Parikh and Boyd, "Proximal Algorithms", 2014, section 6.5.2.
    """

    def shrink(optimiser: torch.optim.Optimizer, *_: object) -> None:
        import torch

        threshold = l1 * float(optimiser.param_groups[0]["lr"])
        with torch.no_grad():
            for parameter in parameters:
                parameter.copy_(torch.nn.functional.softshrink(parameter, threshold))

    return shrink
