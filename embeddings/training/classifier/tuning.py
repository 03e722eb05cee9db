"""Encoder and head learn together, through sentence-transformers' trainer.

The head stands behind the encoder as layers of the same pipeline, so that checkpoints, resuming
and the best weights hold both.
"""
# ruff: noqa: ANN401 - models and trainers are the library's

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embeddings.training.batches import Batches
from embeddings.training.classifier.fitting import dev_measures
from embeddings.training.classifier.objective import (
    layer_count,
    make_layers,
    set_weights,
    weights_of,
)
from embeddings.training.processes import first_goes_first, join_processes
from embeddings.training.toml_text import to_toml
from embeddings.training.trainer import Setup

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.evaluation import BaseEvaluator
    from torch import nn

    from embeddings.classifier import Layer
    from embeddings.training.classifier.examples import Examples, Split
    from embeddings.training.classifier.objective import Objective
    from embeddings.training.classifier.recipe import ClassifierRecipe, Head
    from embeddings.training.loop import Outcome
    from embeddings.training.precision import Place
    from embeddings.training.trainer import Listener, Loop

START = "start"
"""The weights that a body made from scratch began with, beside the checkpoints."""


@dataclass(frozen=True, slots=True, eq=False)
class Tuning:
    """A run that changes the encoder.

    Attributes:
        recipe: what to do.
        out: the classifier's folder; checkpoints go into it.
        place: device and precision.
        listener: who is told.
        examples: what is learned and measured.
        objective: what is made small.
        first: weights the head begins with; None draws them.
        prompt: what the encoder has before a text of the recipe's role.
    """

    recipe: ClassifierRecipe
    out: Path
    place: Place
    listener: Listener
    examples: Examples
    objective: Objective
    first: tuple[Layer, ...] | None
    prompt: str = ""

    @property
    def device(self) -> str:
        """Of this process (`cuda:1` for the second of several)."""
        return join_processes(self.place)


def tune(tuning: Tuning, *, resume: bool) -> Outcome:
    """Train encoder and head; the trainer in what comes back has the best weights.

    Raises:
        RecipeError: the parts of the encoder do not fit.
        TrainingError: the run cannot start or be resumed.
    """
    from embeddings.training.loop import run_training

    running = tuning.recipe.run
    return run_training(
        lambda batches: assemble(tuning, batches),
        Batches(running.batch, running.accumulate),
        out=tuning.out,
        recipe=to_toml(tuning.recipe),
        resume=resume,
        listener=tuning.listener,
    )


def save_encoder(outcome: Outcome, head: Head, folder: Path) -> None:
    """Write the encoder alone, without the head behind it."""
    from sentence_transformers import SentenceTransformer

    from embeddings.progress import without_bars

    model = _model_of(outcome)
    with without_bars():
        alone = SentenceTransformer(
            modules=list(model)[: -layer_count(head)],
            device=str(model.device),
            prompts={name: text or "" for name, text in model.prompts.items()},
            default_prompt_name=model.default_prompt_name,
        )
    _save(alone, folder)


def head_of(outcome: Outcome, head: Head) -> tuple[Layer, ...]:
    """The weights of the head that learned with the encoder."""
    return tuple(weights_of(list(_model_of(outcome))[-layer_count(head) :]))


def assemble(tuning: Tuning, batches: Batches) -> Loop:
    """The trainer of a run, from fresh weights."""
    from sentence_transformers import (
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )

    from embeddings.training.batches import batch_sampler
    from embeddings.training.loop import CHECKPOINTS
    from embeddings.training.trainer import trainer_of, training_arguments

    recipe, dev = tuning.recipe, tuning.examples.dev
    model, layers = _fresh_model(tuning)
    setup = Setup(
        folder=tuning.out / CHECKPOINTS,
        optimiser=recipe.optimiser,
        schedule=recipe.schedule,
        running=recipe.run,
        place=tuning.place,
        measure=recipe.measure if dev is not None else None,
        higher_is_better=recipe.measure != "loss",
        listener=tuning.listener,
    )
    arguments = training_arguments(
        SentenceTransformerTrainingArguments,
        setup,
        batches,
        batch_sampler=batch_sampler(by_length=recipe.run.group_by_length, distinct=False),
        prompts=tuning.prompt or None,
    )
    kind = _with_head_rate(trainer_of(SentenceTransformerTrainer), layers, recipe.head_rate)
    trainer: Loop = kind(
        model=model,
        args=arguments,
        train_dataset=_dataset(tuning.examples.train, tuning.objective),
        loss=_loss(model, tuning.objective),
        evaluator=None if dev is None else _evaluator(dev, recipe, tuning.prompt, batches),
        setup=setup,
    )
    return trainer


def _fresh_model(tuning: Tuning) -> tuple[SentenceTransformer, list[nn.Module]]:
    """The encoder with the head behind it, and the head's layers alone."""
    from transformers import set_seed

    from embeddings.training.bodies import build_body, reopen_body
    from embeddings.training.loop import CHECKPOINTS, write_whole

    recipe, device = tuning.recipe, tuning.device
    start = tuning.out / CHECKPOINTS / START
    set_seed(recipe.run.seed)
    with first_goes_first() as is_first:
        if (start / "modules.json").is_file():
            model = reopen_body(start, recipe.body, device=device)
        else:
            model = build_body(recipe.body, tuning.examples.train.texts, device=device)
            if recipe.from_scratch and is_first:
                write_whole(start, lambda folder: _save(model, folder))
    set_seed(recipe.run.seed)
    width = int(model.get_embedding_dimension() or 0)
    layers = make_layers(recipe.head, width, len(tuning.examples.classes))
    if tuning.first is not None:
        set_weights(layers, tuning.first)
    for layer in layers:
        model.append(layer.to(device))
    return model, layers


def _save(model: SentenceTransformer, folder: Path) -> None:
    from embeddings.progress import without_bars

    with without_bars():
        model.save(str(folder), create_model_card=False)


def _with_head_rate(base: type, layers: Sequence[nn.Module], rate: float) -> type:
    """A trainer whose head learns at a multiple of the encoder's rate."""
    own = {id(parameter) for layer in layers for parameter in layer.parameters()}

    class Apart(base):  # type: ignore[misc]
        """Puts the head's weights into groups of their own."""

        def create_optimizer(self, *args: Any, **given: Any) -> Any:
            is_new = self.optimizer is None
            optimiser = super().create_optimizer(*args, **given)
            for group in list(optimiser.param_groups) if is_new else ():
                mine = [each for each in group["params"] if id(each) in own]
                if not mine:
                    continue
                group["params"] = [each for each in group["params"] if id(each) not in own]
                rest = {key: value for key, value in group.items() if key != "params"}
                optimiser.add_param_group({**rest, "params": mine, "lr": group["lr"] * rate})
            return optimiser

    return Apart


def _dataset(split: Split, objective: Objective) -> Any:
    from datasets import Dataset

    targets = objective.targets(split.truth)
    return Dataset.from_dict({"text": split.texts, "label": targets.tolist()})


def _loss(model: SentenceTransformer, objective: Objective) -> nn.Module:
    from torch import nn

    class HeadLoss(nn.Module):
        """The objective of what comes out behind the head."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, features: list[dict[str, Any]], labels: Any) -> Any:
            logits = self.model(features[0])["sentence_embedding"]
            return objective.loss(logits, labels)

    return HeadLoss()


def _evaluator(
    dev: Split, recipe: ClassifierRecipe, prompt: str, batches: Batches
) -> BaseEvaluator:
    from sentence_transformers.base.evaluation import BaseEvaluator

    from embeddings.progress import without_bars

    class DevMeasures(BaseEvaluator):
        """Loss and measures of the dev split, in one pass over it."""

        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self.primary_metric = recipe.measure
            self.greater_is_better = recipe.measure != "loss"

        def __call__(self, model: Any, *args: Any, **given: Any) -> dict[str, float]:
            del args, given
            with without_bars():
                logits = model.encode(
                    dev.texts,
                    prompt=prompt or None,
                    batch_size=max(batches.at_once, 32),
                    show_progress_bar=False,
                    convert_to_numpy=True,
                )
            return dev_measures(logits.astype("float32"), dev.truth, recipe.task)

    return DevMeasures()


def _model_of(outcome: Outcome) -> SentenceTransformer:
    model: Any = outcome.trainer.model
    found: SentenceTransformer = getattr(model, "_orig_mod", model)
    return found
