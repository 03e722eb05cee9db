"""Weights that losses have beside the model's, in checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import nn

LOSS_WEIGHTS = "loss.safetensors"
"""Weights of a checkpoint that belong to the loss and not to the model."""


def own_weights(losses: Mapping[str, nn.Module], model: nn.Module) -> dict[str, nn.Parameter]:
    """Weights of losses that are not the model's, by `LOSS/NAME`."""
    models = {id(parameter) for parameter in model.parameters()}
    return {
        f"{name}/{key}": parameter
        for name, loss in losses.items()
        for key, parameter in loss.named_parameters()
        if id(parameter) not in models
    }


def save_own_weights(losses: Mapping[str, nn.Module], model: nn.Module, path: Path) -> None:
    """Write the weights that losses have beside the model's; nothing where they have none.

    A softmax over labels, or a projection to a teacher's width, is trained too: without its
    weights a resumed run would not be the same run.
    """
    from safetensors.torch import save_file

    own = own_weights(losses, model)
    if own:
        save_file({name: each.detach().cpu().contiguous() for name, each in own.items()}, path)


def load_own_weights(losses: Mapping[str, nn.Module], path: Path) -> None:
    """Read what `save_own_weights` wrote, if it wrote anything."""
    if not path.is_file():
        return
    import torch
    from safetensors.torch import load_file

    saved = load_file(str(path))
    with torch.no_grad():
        for name, loss in losses.items():
            for key, parameter in loss.named_parameters():
                if f"{name}/{key}" in saved:
                    parameter.copy_(saved[f"{name}/{key}"])
