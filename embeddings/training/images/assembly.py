"""Model, loss, data and arguments of a run, put into the library's trainer."""
# ruff: noqa: ANN401 - models and trainers are the library's

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.training.images.batches import COLUMN, Collating, Turn, picture_sampler
from embeddings.training.images.measures import search_measures
from embeddings.training.trainer import Setup

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from PIL.Image import Image
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.evaluation import BaseEvaluator
    from torch import nn

    from embeddings.training.batches import Batches
    from embeddings.training.images.pictures import Split
    from embeddings.training.images.work import Work
    from embeddings.training.trainer import Loop
    from embeddings.types import Vectors

_HEADS = frozenset({"Dense", "Normalize"})


def fresh_model(work: Work) -> SentenceTransformer:
    """The body with the weights that the run begins with, which seed and recipe decide."""
    from transformers import set_seed

    from embeddings.training.images.bodies import build_body

    set_seed(work.recipe.run.seed)
    model = build_body(work.recipe, work.device)
    # The seed again, so that what is drawn from here on does not depend on where weights are from.
    set_seed(work.recipe.run.seed)
    return model


def assemble(work: Work, batches: Batches) -> Loop:
    """The trainer of a run, from fresh weights."""
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )

    from embeddings.training.images.losses import make_loss
    from embeddings.training.loop import CHECKPOINTS
    from embeddings.training.trainer import trainer_of, training_arguments

    recipe, train = work.recipe, work.pictures.train
    model = fresh_model(work)
    loss: Any = make_loss(recipe, model, len(work.pictures.classes)).to(work.device)
    turn = Turn()
    setup = Setup(
        folder=work.out / CHECKPOINTS,
        optimiser=recipe.optimiser,
        schedule=recipe.schedule,
        running=recipe.run,
        place=work.place,
        measure=work.measured,
        higher_is_better=work.measured != "loss",
        listener=work.listener,
    )
    arguments = training_arguments(
        SentenceTransformerTrainingArguments,
        setup,
        batches,
        batch_sampler=picture_sampler(
            turn, train.labels if recipe.is_metric else None, recipe.loss.together
        ),
        # Threads prepare pictures: they see the epoch, and nothing is copied to other processes.
        dataloader_num_workers=0,
        dataloader_persistent_workers=False,
    )
    options = None if recipe.augment.changes_nothing else recipe.augment
    collating = Collating(
        train, preparing(model), options, size=work.size, seed=recipe.run.seed, turn=turn
    )
    rows = {COLUMN: np.arange(len(train)), "label": train.labels}
    trainer: Loop = trainer_of(SentenceTransformerTrainer)(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict(rows),
        loss=loss,
        evaluator=None
        if work.pictures.dev is None or work.measured is None
        else _evaluator(work.pictures.dev, loss, work),
        data_collator=collating,
        setup=setup,
    )
    return trainer


def preparing(model: Any) -> Callable[[Image], torch.Tensor]:
    """What makes a picture ready for the model: (3, height, width)."""
    first: Any = model[0]

    def prepare(image: Image) -> torch.Tensor:
        pixels: torch.Tensor = first.preprocess([image])["pixel_values"][0]
        return pixels

    return prepare


def vectors_of(model: Any, split: Split, *, batch: int) -> Vectors:
    """The model's vectors of a split's pictures, float32 (n, dim), with nothing dropped out."""
    import torch

    from embeddings.images.ahead import ahead
    from embeddings.images.encoder import usable

    was_training = model.training
    model.eval()
    made: list[Vectors] = []
    waiting: list[torch.Tensor] = []

    def compute() -> None:
        features = {"pixel_values": torch.stack(waiting).to(model.device), "modality": "image"}
        found = model(features)["sentence_embedding"]
        made.append(found.float().cpu().numpy())
        waiting.clear()

    prepared = ahead(preparing(model), split.images, threads=usable(4), most=3 * batch)
    with torch.no_grad():
        for pixels in prepared:
            waiting.append(pixels)
            if len(waiting) == batch:
                compute()
        if waiting:
            compute()
    model.train(was_training)
    return np.concatenate(made)


def split_measures(
    vectors: Vectors, split: Split, head: Callable[[Vectors], Vectors] | None
) -> dict[str, float]:
    """Measures of a split: those of search, and with a head accuracy and loss.

    Args:
        vectors: of the split's pictures.
        split: tells their classes.
        head: from vectors to logits; None for metric losses.
    """
    found: dict[str, float] = {}
    if head is not None:
        logits = head(vectors).astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        shares = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        rows = np.arange(len(split))
        found["accuracy"] = float((logits.argmax(axis=1) == split.labels).mean())
        found["loss"] = float(-shares[rows, split.labels].mean())
    return found | search_measures(vectors, split.labels)


def head_of(loss: Any) -> Callable[[Vectors], Vectors] | None:
    """The head of cross-entropy as a function of arrays; None for other losses."""
    import torch

    if getattr(loss, "head", None) is None:
        return None

    def logits(vectors: Vectors) -> Vectors:
        with torch.no_grad():
            given = torch.from_numpy(vectors).to(loss.head.weight.device)
            found: Vectors = loss.logits(given).float().cpu().numpy()
        return found

    return logits


def freeze(module: nn.Module) -> None:
    """Let no weight of a module learn, and its batch normalisation go by what it knows."""
    module.requires_grad_(requires_grad=False)
    module.register_forward_pre_hook(_stay)


def _stay(module: nn.Module, given: Any) -> None:
    del given
    module.eval()


def freeze_body(model: SentenceTransformer) -> None:
    """Freeze all but the layers behind the body."""
    for module in model:
        if type(module).__name__ not in _HEADS:
            freeze(module)


def _evaluator(dev: Split, loss: Any, work: Work) -> BaseEvaluator:
    from sentence_transformers.base.evaluation import BaseEvaluator

    measure = partial(split_measures, split=dev, head=head_of(loss))

    class DevMeasures(BaseEvaluator):
        """Measures of the dev split."""

        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self.primary_metric = work.measured or ""
            self.greater_is_better = work.measured != "loss"

        def __call__(self, model: Any, *args: Any, **given: Any) -> dict[str, float]:
            del args, given
            return measure(vectors_of(model, dev, batch=work.batch))

    return DevMeasures()
