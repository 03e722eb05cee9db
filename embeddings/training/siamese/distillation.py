"""Learning a teacher's vectors and which of a batch it finds alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch
    from sentence_transformers import SentenceTransformer
    from torch import nn


def direction_and_likeness(made: torch.Tensor, aims: torch.Tensor, scale: float) -> torch.Tensor:
    """The loss of `distillation_loss` for one column of vectors, a scalar.

    Args:
        made: of the student, (B, width), of any length.
        aims: of the teacher, (B, the same width or more); the first numbers of longer ones.
        scale: of cosines inside the softmax.
    """
    from torch.nn.functional import normalize

    made = normalize(made.float(), dim=1)
    aims = normalize(aims[:, : made.shape[1]].to(made), dim=1)
    wanted = (scale * aims @ aims.T).log_softmax(dim=1)
    told = (scale * made @ aims.T).log_softmax(dim=1)
    likeness = (wanted.exp() * (wanted - told)).sum(dim=1).mean()
    return (1 - (made * aims).sum(dim=1)).mean() + likeness


def distillation_loss(model: SentenceTransformer, scale: float) -> nn.Module:
    """Cosine distance from the teacher's vector, and from its likeness to the others of a batch.

    For a text with the vector r, whose original has the teacher's vector t, beside the teacher's
    vectors T of all originals in the batch (vectors of length 1):

        1 - r·t  +  KL( softmax(scale t·T) || softmax(scale r·T) )

    The first part is MSE on the sphere, halved (Reimers and Gurevych 2020, arXiv:2004.09813). The
    second (Fang et al. 2021, arXiv:2101.04731, without its queue) tells apart what lies close
    together; being soft, it does no harm where two originals say the same.

    Args:
        model: the student.
        scale: of cosines inside the softmax.
    """
    import torch

    class DistillationLoss(torch.nn.Module):
        """See `distillation_loss`."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(
            self, sentence_features: Iterable[dict[str, Any]], labels: torch.Tensor
        ) -> torch.Tensor:
            """The mean loss over columns and rows, a scalar.

            Args:
                sentence_features: columns of texts, (B, length) each.
                labels: the teacher's vectors of the originals, (B, width of the teacher). Of
                    longer ones than the student's the first numbers are taken, as Matryoshka
                    has it.
            """
            parts = [
                direction_and_likeness(self.model(features)["sentence_embedding"], labels, scale)
                for features in sentence_features
            ]
            return torch.stack(parts).mean()

        def get_config_dict(self) -> dict[str, Any]:
            """What the library's cards tell of a loss."""
            return {"scale": scale}

    return DistillationLoss()
