"""First weights of parts that are made from scratch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from embeddings.training.options import Initialisation


def initialise(module: nn.Module, how: Initialisation) -> None:
    """Set the weights of a part made from scratch; biases become 0, normalisation is left.

    Args:
        module: of any kind; matrices and kernels of it and of what is in it are set.
        how: `default` leaves what the library chose; `xavier` (Glorot and Bengio 2010),
            `kaiming` (He et al. 2015, for ReLU), `orthogonal` (Saxe et al. 2014), `normal` with
            deviation 0.02, or `zeros`, which cannot learn behind a ReLU and is there to be caught.
    """
    from torch.nn import init

    if how == "default":
        return
    setters = {
        "xavier": init.xavier_uniform_,
        "kaiming": lambda weight: init.kaiming_uniform_(weight, nonlinearity="relu"),
        "orthogonal": init.orthogonal_,
        "normal": lambda weight: init.normal_(weight, std=0.02),
        "zeros": init.zeros_,
    }
    for name, parameter in module.named_parameters():
        if "norm" in name.lower():
            continue
        if parameter.ndim > 1:
            setters[how](parameter)
        elif "bias" in name:
            init.zeros_(parameter)


def set_dropout(module: nn.Module, share: float) -> int:
    """Give every dropout layer inside that share; the number of layers set."""
    from torch.nn import Dropout

    layers = [each for each in module.modules() if isinstance(each, Dropout)]
    for layer in layers:
        layer.p = share
    return len(layers)
