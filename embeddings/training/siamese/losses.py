"""A recipe's losses: sentence-transformers' own and one of ours; what each should begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embeddings.training.errors import RecipeError
from embeddings.training.siamese.forms import LABELS
from embeddings.training.verdict import Expected

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import nn

    from embeddings.training.batches import Batches
    from embeddings.training.siamese.recipe import Loss

RANKING = frozenset({"ranking", "cached-ranking"})
"""Losses whose negatives are the other examples of the batch."""


def make_loss(name: str, options: Loss, model: SentenceTransformer, batches: Batches) -> nn.Module:
    """The loss of that name around the model, with Matryoshka around it if asked for.

    Args:
        name: one of `LossName` but `auto`.
        options: scale, margin and the like.
        model: the encoder.
        batches: a ranking loss is cached where the batch says so.

    Raises:
        RecipeError: a Matryoshka width that the vectors do not have.
    """
    from sentence_transformers.sentence_transformer import losses as library

    width = int(model.get_embedding_dimension() or 0)
    made: Any
    if name == "cosine":
        made = library.CosineSimilarityLoss(model)
    elif name == "cosent":
        made = library.CoSENTLoss(model, scale=options.scale)
    elif name == "angle":
        made = library.AnglELoss(model, scale=options.scale)
    elif name == "contrastive":
        made = library.ContrastiveLoss(model, margin=options.margin or 0.5)
    elif name == "triplet":
        made = library.TripletLoss(model, triplet_margin=options.margin or 1.0)
    elif name == "softmax":
        made = library.SoftmaxLoss(model, width, num_labels=len(LABELS))
    elif name == "mse":
        made = library.MSELoss(model)
    elif name == "distil":
        from embeddings.training.siamese.distillation import distillation_loss

        made = distillation_loss(model, options.scale)
    elif batches.cached is None:
        made = library.MultipleNegativesRankingLoss(model, scale=options.scale)
    else:
        made = library.CachedMultipleNegativesRankingLoss(
            model, scale=options.scale, mini_batch_size=batches.cached
        )
    if not options.matryoshka:
        return made  # type: ignore[no-any-return]
    if max(options.matryoshka) > width:
        message = (
            f"recipe key 'loss.matryoshka' asks for {max(options.matryoshka)} numbers; vectors of "
            f"this body have {width}"
        )
        raise RecipeError(message)
    dims = sorted({*options.matryoshka, width}, reverse=True)
    return library.MatryoshkaLoss(model, made, matryoshka_dims=dims)


def expected_loss(
    name: str, options: Loss, *, per_step: int, candidates: int, width: int, from_scratch: bool
) -> Expected | None:
    """The loss of vectors that know nothing; None where it depends on the data.

    Args:
        name: of the loss.
        options: its Matryoshka widths add up.
        per_step: examples that stand against each other.
        candidates: texts an example brings along to choose from: its positive and negatives.
        width: of a vector.
        from_scratch: True if the weights know nothing.
    """
    widths = len({*options.matryoshka, width}) if options.matryoshka else 1
    if name in RANKING:
        choices = per_step * candidates
        told = Expected.of_choices(
            choices, f"one of {choices:,} texts in the batch", from_scratch=from_scratch
        )
    elif name == "softmax":
        told = Expected.of_choices(len(LABELS), f"one of {len(LABELS)} labels")
    else:
        return None
    if widths == 1:
        return told
    formula = f"{widths} widths of {told.formula}"
    return Expected(told.value * widths, formula, told.from_scratch)
