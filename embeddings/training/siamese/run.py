"""`train_siamese`: from a recipe to an encoder folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from embeddings.training.batches import Batches
from embeddings.training.siamese.losses import RANKING
from embeddings.training.siamese.recipe import loss_of
from embeddings.training.toml_text import plain, to_toml
from embeddings.training.trainer import Listener, Setup

if TYPE_CHECKING:
    from pathlib import Path

    from datasets import Dataset, DatasetDict
    from sentence_transformers import SentenceTransformer
    from torch import nn

    from embeddings.training.loop import Outcome
    from embeddings.training.precision import Place
    from embeddings.training.siamese.forms import Loaded
    from embeddings.training.siamese.negatives import Searcher
    from embeddings.training.siamese.recipe import SiameseRecipe
    from embeddings.training.trainer import Loop
    from embeddings.training.verdict import Expected

CURVES = "learning_curves.png"
EVENTS = "tensorboard"
START = "start"
"""The weights that a body made from scratch began with, beside the checkpoints."""


@dataclass(slots=True, eq=False)
class Work:
    """A run: its recipe, its data and where it computes.

    Attributes:
        recipe: what to do.
        out: the model folder.
        place: device and precision.
        listener: who is told.
        train: examples by the name of their data set.
        dev: examples measured during the run.
        test: examples measured before and after it.
        losses: names of losses by data set.
        targets: vectors of the teacher by data set, for mse.
        measured: the name of the measure that decides; None without dev data.
        evaluator: of the dev data.
    """

    recipe: SiameseRecipe
    out: Path
    place: Place
    listener: Listener
    train: dict[str, Loaded]
    dev: list[Loaded]
    test: list[Loaded]
    losses: dict[str, str]
    targets: dict[str, Any] = field(default_factory=dict)
    measured: str | None = None
    evaluator: Any = None

    @property
    def batch(self) -> int:
        """Texts measured or mined at once."""
        return 128 if self.place.device == "cuda" else 32


def train_siamese(
    recipe: SiameseRecipe,
    out: Path,
    *,
    resume: bool = False,
    listener: Listener | None = None,
    searcher: Searcher | None = None,
) -> dict[str, Any]:
    """Train an encoder into a folder that `load_encoder` opens; its receipt as JSON values.

    Args:
        recipe: what to do.
        out: the model folder; made if absent.
        resume: go on with a run that was stopped, to the same weights as if it had not been.
        listener: told how it goes.
        searcher: searches collections for hard negatives.

    Raises:
        RecipeError: the recipe does not fit together.
        DataError: the data cannot be used; told before any compute.
        TrainingError: the run cannot start or be resumed.
        DeviceError: the device is not here.
    """
    from embeddings.training.loop import finish, run_training

    work = prepare(recipe, out, listener or Listener())
    add_mined(work, searcher)
    add_targets(work)
    begun = Batches(recipe.run.batch, recipe.run.accumulate)
    if "cached-ranking" in work.losses.values():
        begun = Batches(recipe.run.batch, recipe.run.accumulate, recipe.loss.at_once)
    outcome = run_training(
        lambda batches: assemble(work, batches),
        begun,
        out=out,
        recipe=to_toml(recipe),
        resume=resume,
        listener=work.listener,
    )
    receipt = conclude(work, outcome)
    finish(out)
    return receipt


def prepare(recipe: SiameseRecipe, out: Path, listener: Listener) -> Work:
    """Everything that can be refused, read and checked before the first step."""
    from embeddings.training.bodies import find_body
    from embeddings.training.loop import check_folder_is_free
    from embeddings.training.precision import choose_place
    from embeddings.training.siamese.forms import as_ranking, as_scores, load_examples
    from embeddings.training.siamese.measuring import make_evaluator

    check_folder_is_free(out)
    place = choose_place(recipe.run)
    find_body(recipe.body)
    train: dict[str, Loaded] = {}
    losses: dict[str, str] = {}
    for source in recipe.train:
        loaded = load_examples(source)
        loss = loss_of(recipe, source)
        if source.form == "nli" and loss in RANKING:
            loaded = as_ranking(loaded)
        elif source.form == "nli" and loss != "softmax":
            loaded = as_scores(loaded)
        name = source.title if source.title not in train else f"{source.title}-{len(train) + 1}"
        train[name], losses[name] = loaded, loss
    work = Work(
        recipe=recipe,
        out=out,
        place=place,
        listener=listener,
        train=train,
        dev=[load_examples(source) for source in recipe.dev],
        test=[load_examples(source) for source in recipe.test],
        losses=losses,
    )
    if work.dev:
        work.evaluator, work.measured = make_evaluator(work.dev, recipe.prompts, batch=work.batch)
    return work


def add_mined(work: Work, searcher: Searcher | None) -> None:
    """Hard negatives for the sources that ask for them."""
    from embeddings.training.siamese.negatives import add_negatives

    for name, loaded in work.train.items():
        if loaded.source.negatives is None:
            continue
        work.listener.note(f"looking for hard negatives of {name}")
        work.train[name] = add_negatives(
            loaded,
            loaded.source.negatives,
            model=lambda: fresh_model(work),
            prompts=work.recipe.prompts,
            searcher=searcher,
            batch=work.batch,
        )
        left = len(work.train[name])
        work.listener.note(f"{left:,} of {len(loaded):,} examples of {name} have negatives")


def add_targets(work: Work) -> None:
    """The teacher's vectors of first texts, which mse aims both texts at."""
    from embeddings.load import load_encoder
    from embeddings.training.errors import RecipeError

    wanted = [name for name, loss in work.losses.items() if loss == "mse"]
    if not wanted or work.recipe.loss.teacher is None:
        return
    teacher = load_encoder(work.recipe.loss.teacher, device=work.place.device)
    width = fresh_model(work).get_embedding_dimension()
    if width != teacher.dim:
        message = (
            f"the teacher's vectors have {teacher.dim} numbers, this body's {width}; say "
            f"`dense = {teacher.dim}` in the recipe"
        )
        raise RecipeError(message)
    for name in wanted:
        work.listener.note(f"{name}: vectors of the teacher")
        first = next(iter(work.train[name].texts.values()))
        work.targets[name] = teacher.encode(first, role="document").vectors.tolist()


def fresh_model(work: Work) -> SentenceTransformer:
    """The body with the weights the run begins with: drawn once, then read from its folder."""
    from transformers import set_seed

    from embeddings.progress import without_bars
    from embeddings.training.bodies import SCRATCH, build_body, reopen_body
    from embeddings.training.loop import CHECKPOINTS, write_whole

    recipe, device = work.recipe, work.place.device
    start = work.out / CHECKPOINTS / START
    set_seed(recipe.run.seed)
    if (start / "modules.json").is_file():
        return reopen_body(start, recipe.encoder, device=device)
    texts = (text for loaded in work.train.values() for text in loaded.all_texts())
    model = build_body(recipe.encoder, texts, device=device)
    if recipe.prompts.query or recipe.prompts.document:
        model.prompts = {"query": recipe.prompts.query, "document": recipe.prompts.document}
    if recipe.body in SCRATCH:
        with without_bars():
            write_whole(start, lambda folder: model.save(str(folder), create_model_card=False))
    # The seed again, so that what is drawn from here on does not depend on where weights are from.
    set_seed(recipe.run.seed)
    return model


def assemble(work: Work, batches: Batches) -> Loop:
    """The trainer of a run, from fresh weights."""
    from sentence_transformers import (
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )

    from embeddings.training.batches import batch_sampler, mixing_sampler
    from embeddings.training.loop import CHECKPOINTS
    from embeddings.training.siamese.losses import make_loss
    from embeddings.training.trainer import trainer_of, training_arguments

    recipe = work.recipe
    model = fresh_model(work)
    losses = {
        name: make_loss(loss, recipe.loss, model, batches) for name, loss in work.losses.items()
    }
    datasets = {
        name: loaded.to_dataset(work.targets.get(name)) for name, loaded in work.train.items()
    }
    setup = Setup(
        folder=work.out / CHECKPOINTS,
        optimiser=recipe.optimiser,
        schedule=recipe.schedule,
        running=recipe.run,
        place=work.place,
        measure=recipe.run.measure or work.measured if work.dev else None,
        listener=work.listener,
    )
    distinct = any(loss in RANKING for loss in work.losses.values())
    arguments = training_arguments(
        SentenceTransformerTrainingArguments,
        setup,
        batches,
        batch_sampler=batch_sampler(by_length=recipe.run.group_by_length, distinct=distinct),
        multi_dataset_batch_sampler=mixing_sampler(
            [loaded.source.weight for loaded in work.train.values()]
        ),
        prompts=_prompts(work),
    )
    several = len(datasets) > 1
    only = next(iter(datasets))
    trainer: Loop = trainer_of(SentenceTransformerTrainer)(
        model=model,
        args=arguments,
        train_dataset=_dict(datasets) if several else datasets[only],
        eval_dataset=_dev_dataset(work),
        loss=losses if several else losses[only],
        evaluator=work.evaluator,
        setup=setup,
    )
    return trainer


def _dev_dataset(work: Work) -> Dataset | None:
    """The dev examples a loss can be taken of: of one source like the one that is learned."""
    if len(work.dev) != 1 or len(work.train) != 1:
        return None
    (loss,), (learned,) = work.losses.values(), work.train.values()
    alike = work.dev[0].source.form == learned.source.form and loss != "mse"
    if not alike or list(work.dev[0].texts) != list(learned.texts):
        return None
    return work.dev[0].to_dataset()


def _prompts(work: Work) -> dict[str, Any] | None:
    """Prompts by column (by data set, for several): the first text is the query."""
    prompts = work.recipe.prompts
    if not (prompts.query or prompts.document):
        return None
    told: dict[str, dict[str, str]] = {}
    for name, loaded in work.train.items():
        first, *others = loaded.texts
        alike = loaded.source.form in {"scores", "nli", "parallel"}
        mapping = {} if alike else {first: prompts.query, **dict.fromkeys(others, prompts.document)}
        told[name] = {column: prompt for column, prompt in mapping.items() if prompt}
    return told if len(told) > 1 else next(iter(told.values()))


def _dict(datasets: dict[str, Dataset]) -> DatasetDict:
    from datasets import DatasetDict

    return DatasetDict(datasets)


def conclude(work: Work, outcome: Outcome) -> dict[str, Any]:
    """Write the model, its scores, curves, receipt and cards into the folder."""
    from embeddings.progress import without_bars
    from embeddings.training.card import write_encoder_card, write_model_card
    from embeddings.training.curves import Curves, draw_curves, write_tensorboard
    from embeddings.training.flops import peak_of
    from embeddings.training.receipt import (
        Receipt,
        describe_hardware,
        describe_run,
        write_receipt,
    )
    from embeddings.training.siamese.measuring import measure
    from embeddings.training.verdict import judge

    recipe, out = work.recipe, work.out
    model: Any = outcome.trainer.model
    model = getattr(model, "_orig_mod", model)
    name = recipe.name or out.name
    curves = Curves.of(outcome.history)
    measured = recipe.run.measure or work.measured
    verdict = judge(curves, expected_of(work, outcome.batches, model), measure=measured)
    scores = {
        f"{split} {when}": measure(each, loaded, recipe.prompts, batch=work.batch)
        for when, each in (("before", fresh_model(work)), ("after", model))
        for split, loaded in (("dev", work.dev), ("test", work.test))
    }
    with without_bars():
        model.save(str(out), create_model_card=False)
    draw_curves(curves, out / CURVES, measure=measured, title=name)
    write_tensorboard(curves, out / EVENTS)
    peak = peak_of(work.place)
    receipt = Receipt(
        kind="siamese",
        recipe=plain(recipe),
        data={
            split: [file for loaded in sources for file in loaded.files]
            for split, sources in (
                ("train", work.train.values()),
                ("dev", work.dev),
                ("test", work.test),
            )
        },
        seed=recipe.run.seed,
        hardware=describe_hardware(work.place),
        seconds=outcome.seconds,
        curves=curves.to_json(),
        scores={split: found for split, found in scores.items() if found},
        verdict=verdict.to_json(),
        throughput=outcome.throughput.to_json(peak[0] if peak else None)
        | {"peak_from": peak[1] if peak else None},
        notes=outcome.notes,
        extra=describe_run(outcome) | {"losses": work.losses, "measure": measured},
    )
    written = write_receipt(receipt, out)
    with without_bars():
        card = write_encoder_card(out, name=name, languages=recipe.languages, training=written)
    write_model_card(out, name=name, training=written, card=card)
    return written


def expected_of(work: Work, batches: Batches, model: nn.Module) -> Expected | None:
    """What the first loss should be; None for several sources, whose losses are mixed."""
    from embeddings.training.bodies import SCRATCH
    from embeddings.training.siamese.losses import expected_loss

    if len(work.train) != 1:
        return None
    (name,), (loaded,) = work.losses.values(), work.train.values()
    return expected_loss(
        name,
        work.recipe.loss,
        per_step=batches.per_step,
        candidates=len(loaded.texts) - 1,
        width=int(model.get_embedding_dimension() or 0),  # type: ignore[operator]
        from_scratch=work.recipe.body in SCRATCH,
    )
