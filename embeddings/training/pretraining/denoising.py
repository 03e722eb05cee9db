"""TSDAE: a text told from the vector of what is left of it.

Wang, Reimers and Gurevych, "TSDAE: Using Transformer-based Sequential Denoising Auto-Encoder for
Unsupervised Sentence Embedding Learning", 2021, arXiv:2104.06979.
"""
# ruff: noqa: ANN401 - data sets and models are the libraries'

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.training.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from datasets import Dataset
    from sentence_transformers import SentenceTransformer

    from embeddings.training.batches import Batches
    from embeddings.training.pretraining.work import Work
    from embeddings.training.trainer import Loop

START = "start"
"""The encoder that a run begins with, beside the checkpoints: the loss opens a folder."""


class Deletion:
    """Leaves out words at random, as a function of seed, epoch and text.

    Args:
        share: of words that go; one at least stays.
        seed: of the draw.
    """

    def __init__(self, share: float, seed: int) -> None:
        self._share = share
        self._seed = seed
        self.epoch = 0

    def __call__(self, batch: dict[str, list[str]]) -> dict[str, list[str]]:
        """The columns of some rows: `damaged` is damaged, others are as they are."""
        return {
            name: [self.damage(text) for text in texts] if name == "damaged" else texts
            for name, texts in batch.items()
        }

    def damage(self, text: str) -> str:
        """What is left of a text."""
        words = text.split()
        draw = np.random.default_rng([self._seed, self.epoch, zlib.crc32(text.encode())])
        kept = draw.random(len(words)) >= self._share
        if not kept.any():
            kept[draw.integers(len(words))] = True
        return " ".join(word for word, stays in zip(words, kept, strict=True) if stays)


def make_dataset(texts: Sequence[str], deletion: Deletion) -> Dataset:
    """Rows of a text and its remains, damaged anew each time they are read."""
    from datasets import Dataset

    made = Dataset.from_dict({"damaged": list(texts), "text": list(texts)})
    made.set_transform(deletion)
    return made


def damaging_sampler(*, by_length: bool) -> Callable[..., Any]:
    """The kernel's batches; each epoch damages the texts in another way.

    The library makes batches of the dev texts by it too, and those have a damage of their own.
    """
    from embeddings.training.batches import batch_sampler

    base: Any = batch_sampler(by_length=by_length, distinct=False)

    class Damaging(base):  # type: ignore[misc]
        """Tells the damage of its data set which epoch it is."""

        def __init__(self, dataset: Dataset, *args: Any, **given: Any) -> None:
            super().__init__(dataset, *args, **given)
            self._deletion: Deletion = dataset.format["format_kwargs"]["transform"]

        def __iter__(self) -> Any:
            self._deletion.epoch = self.epoch
            return super().__iter__()

    return Damaging


def fresh_encoder(work: Work) -> SentenceTransformer:
    """The encoder that the run begins with, opened from its own folder."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import set_seed

    from embeddings.training.loop import CHECKPOINTS
    from embeddings.training.pretraining.quiet import quietly
    from embeddings.training.processes import first_goes_first

    recipe = work.recipe
    start = work.out / CHECKPOINTS / START
    set_seed(recipe.run.seed)
    with quietly(), first_goes_first() as is_first:
        if is_first and not start.is_dir():
            _write_start(work, start)
        first = Transformer(
            str(start),
            max_seq_length=recipe.max_tokens,
            model_kwargs={"use_safetensors": True, "local_files_only": True},
        )
    set_seed(recipe.run.seed)
    pooling = Pooling(first.get_embedding_dimension(), recipe.noise.pooling)
    return SentenceTransformer(modules=[first, pooling], device=work.device)


def _write_start(work: Work, start: Path) -> None:
    from embeddings.training.loop import write_whole
    from embeddings.training.pretraining.models import make_model

    model = make_model(work.recipe, work.tokenizer, work.weights)

    def write(folder: Path) -> None:
        model.save_pretrained(str(folder))
        work.tokenizer.save_pretrained(str(folder))

    write_whole(start, write)


def make_loss(model: SentenceTransformer) -> Any:
    """The library's loss: decoder and encoder share their weights.

    Raises:
        RecipeError: the architecture has no decoder.
    """
    from sentence_transformers.sentence_transformer.losses import DenoisingAutoEncoderLoss

    from embeddings.training.pretraining.quiet import quietly

    try:
        with quietly():
            return DenoisingAutoEncoderLoss(model, tie_encoder_decoder=True)
    except ValueError as error:
        kind = type(model.transformers_model).__name__
        message = f"body {kind} cannot be a decoder too, which denoising needs; take a BERT"
        raise RecipeError(message) from error


def assemble_denoising(work: Work, batches: Batches) -> Loop:
    """The trainer of a run, from fresh weights."""
    from sentence_transformers import (
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )

    from embeddings.training.trainer import trainer_of, training_arguments

    recipe = work.recipe
    share, seed = recipe.noise.delete, recipe.run.seed
    # Measuring is always epoch 0: damaged in one way, losses of two steps compare.
    dev = make_dataset(work.dev_texts, Deletion(share, seed)) if work.dev_texts else None
    setup = work.setup()
    model = fresh_encoder(work)
    arguments = training_arguments(
        SentenceTransformerTrainingArguments,
        setup,
        batches,
        batch_sampler=damaging_sampler(by_length=recipe.run.group_by_length),
        # Other processes would not hear of a new epoch.
        dataloader_num_workers=0,
        dataloader_persistent_workers=False,
    )
    trainer: Loop = trainer_of(SentenceTransformerTrainer)(
        model=model,
        args=arguments,
        train_dataset=make_dataset(work.train_texts, Deletion(share, seed)),
        eval_dataset=dev,
        loss=make_loss(model),
        setup=setup,
    )
    return trainer
