"""Model, examples and arguments of a run, put into the library's trainer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embeddings.training.errors import DataError

if TYPE_CHECKING:
    from embeddings.training.batches import Batches
    from embeddings.training.pretraining.work import Work
    from embeddings.training.trainer import Loop


def assemble(work: Work, batches: Batches) -> Loop:
    """The trainer of a run, from fresh weights."""
    from transformers import TrainingArguments, set_seed

    from embeddings.training.pretraining.models import make_model
    from embeddings.training.pretraining.trainer import language_trainer, measure_counts
    from embeddings.training.trainer import trainer_of, training_arguments

    recipe, train = work.recipe, work.train
    if train is None:
        raise DataError("denoising has texts and no examples")
    set_seed(recipe.run.seed)
    model = make_model(recipe, work.tokenizer, work.weights)
    setup = work.setup()
    arguments = training_arguments(
        TrainingArguments,
        setup,
        batches,
        remove_unused_columns=False,
        label_names=["labels"],
    )
    trainer: Loop = trainer_of(language_trainer())(
        model=model,
        args=arguments,
        train_dataset=train,
        eval_dataset=work.dev,
        data_collator=train.collate,
        processing_class=work.tokenizer,
        compute_metrics=lambda found: measure_counts(found.predictions, is_paired=recipe.is_paired),
        setup=setup,
    )
    return trainer
