"""Layers of a head, and the loss they make small."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.classifier import Layer
from embeddings.training.initialisation import initialise
from embeddings.training.verdict import Expected

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense
    from torch import nn

    from embeddings.training.classifier.recipe import ClassifierRecipe, Head, Task
    from embeddings.types import Vectors

    Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """The loss of a batch, and what a guesser has.

    One class a text: mean of w_y (log sum_c exp z_c - z_y). Several: the mean over texts and
    labels of the binary cross-entropy, w_c before the part of texts that have the label.

    Attributes:
        task: `single` or `multi`.
        weights: float32 (C,), of classes.
        guess: the loss of logits that are all 0.
    """

    task: Task
    weights: Floats
    guess: float

    @classmethod
    def of(cls, truth: npt.NDArray[np.bool_], recipe: ClassifierRecipe) -> Objective:
        """The loss for training data of that truth, bool (n, C).

        Weights of one class a text have mean 1 over the training data, so that the loss of a
        guesser is ln C however they are chosen.
        """
        counts = np.maximum(truth.sum(axis=0), 1).astype(np.float64)
        power = {"none": 0.0, "root": 0.5, "full": 1.0}[recipe.balance]
        if recipe.is_multi:
            weights = (np.maximum(len(truth) - counts, 1) / counts) ** power
            share = counts / len(truth)
            guess = math.log(2) * float(np.mean(weights * share + 1 - share))
        else:
            weights = (1 / counts) ** power
            weights /= (weights * counts).sum() / counts.sum()
            guess = math.log(truth.shape[1])
        return cls(recipe.task, weights.astype(np.float32), guess)

    def targets(self, truth: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
        """What `loss` takes: int64 (n,) classes, or float32 (n, C) of 0 and 1."""
        return truth.astype(np.float32) if self.task == "multi" else truth.argmax(axis=1)

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss of logits (n, C), one number."""
        from torch import as_tensor
        from torch.nn import functional

        weights = as_tensor(self.weights, device=logits.device)
        if self.task == "multi":
            return functional.binary_cross_entropy_with_logits(
                logits.float(), targets.to(logits.device).float(), pos_weight=weights
            )
        chosen = targets.to(logits.device)
        each = functional.cross_entropy(logits.float(), chosen, reduction="none")
        return (each * weights[chosen]).mean()

    def expected(self, *, from_scratch: bool) -> Expected:
        """The first loss of a head that knows nothing."""
        if self.task == "multi":
            return Expected(self.guess, "every label is a coin", from_scratch)
        count = len(self.weights)
        return Expected.of_choices(count, f"one of {count:,} classes", from_scratch=from_scratch)


def make_layers(head: Head, width: int, classes: int) -> list[nn.Module]:
    """The layers of a head as sentence-transformers' modules, first weights from torch's seed.

    Args:
        head: what the recipe says of it.
        width: of vectors.
        classes: C.
    """
    from sentence_transformers.sentence_transformer.modules import Dense, Dropout
    from torch.nn import Identity, ReLU

    layers: list[nn.Module] = []
    if head.kind == "mlp":
        layers.append(Dense(width, head.hidden, activation_function=ReLU()))
        width = head.hidden
    if head.dropout:
        layers.append(Dropout(head.dropout))
    layers.append(Dense(width, classes, activation_function=Identity()))
    for layer in layers:
        initialise(layer, head.initialisation)
    return layers


def layer_count(head: Head) -> int:
    """How many modules `make_layers` gives."""
    return 1 + (head.kind == "mlp") + (head.dropout > 0)


def dense_layers(layers: Sequence[nn.Module]) -> list[Dense]:
    """Those of a head's layers that have weights, in order."""
    from sentence_transformers.sentence_transformer.modules import Dense

    return [layer for layer in layers if isinstance(layer, Dense)]


def weights_of(layers: Sequence[nn.Module]) -> list[Layer]:
    """The weights of a head, float32, for `embeddings.classifier`."""
    return [
        Layer(
            dense.linear.weight.detach().cpu().float().numpy().copy(),
            dense.linear.bias.detach().cpu().float().numpy().copy(),
        )
        for dense in dense_layers(layers)
    ]


def set_weights(layers: Sequence[nn.Module], weights: Sequence[Layer]) -> None:
    """Give a head the weights of another of the same shape."""
    import torch

    with torch.no_grad():
        for dense, layer in zip(dense_layers(layers), weights, strict=True):
            dense.linear.weight.copy_(torch.from_numpy(layer.weight))
            dense.linear.bias.copy_(torch.from_numpy(layer.bias))


@dataclass(frozen=True, slots=True, eq=False)
class Standard:
    """Numbers with mean 0 and deviation 1, and the way back.

    Attributes:
        mean: float32 (dim,).
        deviation: float32 (dim,); 1 for numbers that are always the same.
    """

    mean: Floats
    deviation: Floats

    @classmethod
    def of(cls, vectors: Vectors) -> Standard:
        """Mean and deviation of each number, over the rows."""
        deviation = vectors.std(axis=0)
        return cls(
            vectors.mean(axis=0), np.where(deviation < 1e-6, 1, deviation).astype(np.float32)
        )

    @classmethod
    def nothing(cls, width: int) -> Standard:
        """What leaves vectors as they are."""
        return cls(np.zeros(width, np.float32), np.ones(width, np.float32))

    def apply(self, vectors: Vectors) -> Vectors:
        """(x - mean) / deviation, float32 (n, dim)."""
        moved: Vectors = (vectors - self.mean) / self.deviation
        return moved

    def fold(self, layers: Sequence[Layer]) -> list[Layer]:
        """A head that takes vectors as they are, from one that took standardised ones.

        W (x - m) / s + b = (W / s) x + (b - (W / s) m).
        """
        first, *others = layers
        weight: Floats = (first.weight / self.deviation).astype(np.float32)
        bias: Floats = (first.bias - weight @ self.mean).astype(np.float32)
        return [Layer(weight, bias), *others]
