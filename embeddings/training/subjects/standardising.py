"""Vectors with mean 0 and deviation 1, as a layer of a pipeline."""
# ruff: noqa: ANN401 - models are the library's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn


def standardising_layer(model: Any, depth: int, texts: Sequence[str]) -> nn.Module:
    """A layer that gives each number of a vector mean 0 and deviation 1.

    Args:
        model: a pipeline.
        depth: modules of it that make the vectors.
        texts: whose vectors tell mean and deviation.
    """
    import torch
    from accelerate.utils import send_to_device
    from torch import nn

    class Standardising(nn.Module):
        """(x - mean) / deviation of the sentence embedding."""

        def __init__(self, vectors: torch.Tensor) -> None:
            super().__init__()
            deviation = vectors.std(dim=0)
            self.mean = vectors.mean(dim=0)
            self.deviation = torch.where(deviation < 1e-6, 1.0, deviation)

        def forward(self, features: dict[str, Any]) -> dict[str, Any]:
            """The features with the embedding moved."""
            vectors = features["sentence_embedding"]
            return {**features, "sentence_embedding": (vectors - self.mean) / self.deviation}

    model.eval()
    made = []
    with torch.no_grad():
        for start in range(0, len(texts), 32):
            features: Any = send_to_device(
                model.preprocess(list(texts[start : start + 32])), model.device
            )
            for module in list(model)[:depth]:
                features = module(features)
            made.append(features["sentence_embedding"])
    return Standardising(torch.cat(made))
