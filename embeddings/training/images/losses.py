"""Losses over vectors of pictures and their classes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from embeddings.training.verdict import Expected

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer
    from torch import nn

    from embeddings.training.images.recipe import ImageRecipe

_CONTRASTIVE_MARGIN, _TRIPLET_MARGIN = 1.0, 0.3


def make_loss(recipe: ImageRecipe, model: SentenceTransformer, classes: int) -> nn.Module:
    """The recipe's loss around the model; the head of cross-entropy is the loss's own."""
    from torch import nn
    from torch.nn.functional import cross_entropy, normalize

    width = int(model.get_embedding_dimension() or 0)
    options = recipe.loss
    if options.name == "triplet":
        from sentence_transformers.sentence_transformer.losses import (
            BatchHardTripletLoss,
            BatchHardTripletLossDistanceFunction,
        )

        return BatchHardTripletLoss(
            model,
            distance_metric=BatchHardTripletLossDistanceFunction.eucledian_distance,
            margin=options.margin or _TRIPLET_MARGIN,
        )

    class ImageLoss(nn.Module):
        """See `make_loss`."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model
            self.head = None if recipe.is_metric else nn.Linear(width, classes)

        def forward(self, features: list[dict[str, Any]], labels: torch.Tensor) -> torch.Tensor:
            vectors = self.model(features[0])["sentence_embedding"].float()
            if self.head is not None:
                return cross_entropy(
                    self.logits(vectors), labels, label_smoothing=options.smoothing
                )
            vectors = normalize(vectors, dim=1)
            if options.name == "contrastive":
                return contrastive(vectors, labels, options.margin or _CONTRASTIVE_MARGIN)
            return in_batch(vectors, labels, options.temperature)

        def logits(self, vectors: torch.Tensor) -> torch.Tensor:
            """The head's numbers for the classes, (n, C).

            Vectors of length 1 are brought to a deviation of 1 before: a head would have to grow
            large to be sure of anything.
            """
            if self.head is None:
                message = "a metric loss has no head"
                raise TypeError(message)
            scaled = vectors * math.sqrt(width) if recipe.unit else vectors
            found: torch.Tensor = self.head(scaled)
            return found

    return ImageLoss()


def contrastive(vectors: torch.Tensor, labels: torch.Tensor, margin: float) -> torch.Tensor:
    """The mean over alike pairs of d^2, and over others of max(0, margin - d)^2, halved.

    Hadsell, Chopra and LeCun 2006, equation 4, over all pairs of a batch; the two kinds weigh the
    same, for others are many times as many.

    Args:
        vectors: (n, width), of length 1.
        labels: (n,).
        margin: of Euclidean distance.
    """
    import torch

    # Not cdist: the gradient of a root at 0 is infinite, and equal pictures have distance 0.
    squares = (2 - 2 * vectors @ vectors.T).clamp(min=0)
    above = torch.triu(torch.ones_like(squares, dtype=torch.bool), diagonal=1)
    alike = (labels[:, None] == labels[None, :]) & above
    others = ~(labels[:, None] == labels[None, :]) & above
    near = squares[alike].sum() / alike.sum().clamp(min=1)
    gaps = (margin - (squares[others] + 1e-12).sqrt()).clamp(min=0)
    return (near + gaps.square().sum() / others.sum().clamp(min=1)) / 2


def in_batch(vectors: torch.Tensor, labels: torch.Tensor, temperature: float) -> torch.Tensor:
    """Minus the mean log share that each vector's class mates have among all others of the batch.

    With z of length 1: -mean_i mean_{p in P(i)} log softmax_{a != i}(z_i z_a / t) at p
    (Khosla et al. 2020, arXiv:2004.11362, equation 2). Those without a mate are left out.

    Args:
        vectors: (n, width), of length 1.
        labels: (n,).
        temperature: t.
    """
    import torch

    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    scores = (vectors @ vectors.T / temperature).masked_fill(itself, -math.inf)
    shares = scores.log_softmax(dim=1).masked_fill(itself, 0.0)
    mates = (labels[:, None] == labels[None, :]) & ~itself
    counts = mates.sum(dim=1)
    each = -(shares * mates).sum(dim=1) / counts.clamp(min=1)
    return each.sum() / (counts > 0).sum().clamp(min=1)


def expected_loss(recipe: ImageRecipe, classes: int, batch: int) -> Expected | None:
    """The loss of weights that know nothing; None where it depends on the data."""
    if recipe.loss.name == "cross-entropy":
        return Expected.of_choices(
            classes, f"one of {classes:,} classes", from_scratch=recipe.from_scratch
        )
    return None if recipe.loss.name != "in-batch" else _others(batch)


def _others(batch: int) -> Expected:
    # Vectors of untrained networks are not spread evenly: what is said is no more than a hint.
    return Expected.of_choices(
        max(batch - 1, 1), f"one of {batch - 1:,} others in the batch", from_scratch=False
    )
