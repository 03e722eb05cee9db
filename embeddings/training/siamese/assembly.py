"""Model, losses, data and arguments of a run, put into the library's trainer."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.training.processes import first_goes_first, is_first
from embeddings.training.siamese.losses import RANKING
from embeddings.training.siamese.recipe import ALONE, TAUGHT, TRANSLATED, teachers_of
from embeddings.training.teaching import teach
from embeddings.training.trainer import Setup

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    from datasets import Dataset, DatasetDict
    from sentence_transformers import SentenceTransformer

    from embeddings.training.batches import Batches
    from embeddings.training.siamese.negatives import Searcher
    from embeddings.training.siamese.work import Work
    from embeddings.training.trainer import Loop
    from embeddings.types import Encoder

START = "start"
"""The weights that a body made from scratch began with, beside the checkpoints."""


def add_mined(work: Work, searcher: Searcher | None) -> None:
    """Hard negatives for the sources that ask for them; a resumed run takes those of its start."""
    from embeddings.training.loop import CHECKPOINTS
    from embeddings.training.siamese.negatives import add_negatives

    for number, (name, loaded) in enumerate(work.train.items()):
        if loaded.source.negatives is None:
            continue
        kept = work.out / CHECKPOINTS / f"negatives-{number}.json"
        with first_goes_first():
            if kept.is_file():
                work.train[name] = loaded.with_columns(json.loads(kept.read_bytes()))
                continue
            work.listener.note(f"looking for hard negatives of {name}")
            mined = add_negatives(
                loaded,
                loaded.source.negatives,
                model=lambda: start_model(work),
                prompts=work.recipe.prompts,
                searcher=searcher,
                batch=work.batch,
            )
            work.listener.note(
                f"{len(mined):,} of {len(loaded):,} examples of {name} have negatives"
            )
            work.train[name] = mined
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(mined.texts, ensure_ascii=False), encoding="utf-8")


def add_targets(work: Work) -> None:
    """The teacher's vectors of first texts, which the losses with a teacher aim both texts at.

    They are computed in the numbers of the run, and kept beside its checkpoints.
    """
    from embeddings.load import load_encoder
    from embeddings.matryoshka import first_numbers
    from embeddings.training.loop import CHECKPOINTS
    from embeddings.training.matryoshka import check_width

    wanted = [name for name, loss in work.losses.items() if loss in TAUGHT]
    if not wanted:
        return
    width = int(fresh_model(work).get_embedding_dimension() or 0)
    opened: dict[str, Encoder] = {}
    for name in wanted:
        loaded = work.train[name]
        first = next(iter(loaded.texts.values()))
        if loaded.source.learn == "target":
            texts = {column: text for column, text in loaded.texts.items() if column != "source"}
            work.train[name] = loaded.with_columns(texts)
        found: list[npt.NDArray[np.float32]] = []
        for called in teachers_of(work.recipe, loaded.source):
            if called not in opened:
                opened[called] = load_encoder(called, device=work.device, runtime="torch")
                check_width(width, opened[called].dim, called)
            teacher = opened[called]
            key = hashlib.sha256("\n".join([teacher.card.fingerprint, *first]).encode()).hexdigest()
            kept = work.out / CHECKPOINTS / f"targets-{key[:16]}.npy"
            with first_goes_first():
                if not kept.is_file():
                    work.listener.note(f"{name}: vectors of the teacher")
                    _write_targets(work, teacher, first, kept)
            found.append(first_numbers(np.load(kept), width))
        work.targets[name] = mean_direction(found)


def mean_direction(vectors: list[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    """The sum of several encoders' vectors of length 1, row by row; one encoder's as they are.

    Args:
        vectors: (n, width) of each encoder.
    """
    if len(vectors) == 1:
        return vectors[0]
    lengths = [np.maximum(np.linalg.norm(each, axis=1, keepdims=True), 1e-12) for each in vectors]
    parts = [each / length for each, length in zip(vectors, lengths, strict=True)]
    mean: npt.NDArray[np.float32] = np.mean(parts, axis=0, dtype=np.float32)
    return mean


def _write_targets(work: Work, teacher: Encoder, texts: list[str], path: Path) -> None:
    made = teach(teacher, texts, role="document", place=work.place, listener=work.listener)
    path.parent.mkdir(parents=True, exist_ok=True)
    part_path = path.with_suffix(".part.npy")
    np.save(part_path, made)
    part_path.rename(path)


def fresh_model(work: Work) -> SentenceTransformer:
    """The body with the weights the run begins with: drawn once, then read from its folder."""
    with first_goes_first():
        return start_model(work)


def start_model(work: Work) -> SentenceTransformer:
    """What `fresh_model` gives, in a process that nobody waits for."""
    from transformers import set_seed

    from embeddings.progress import without_bars
    from embeddings.training.bodies import SCRATCH, build_body, reopen_body
    from embeddings.training.loop import CHECKPOINTS, write_whole

    recipe, device = work.recipe, work.device
    start = work.out / CHECKPOINTS / START
    set_seed(recipe.run.seed)
    if (start / "modules.json").is_file():
        model = reopen_body(start, recipe.encoder, device=device)
    else:
        texts = (text for loaded in work.train.values() for text in loaded.all_texts())
        model = build_body(recipe.encoder, texts, device=device)
        if recipe.prompts.query or recipe.prompts.document:
            model.prompts = {"query": recipe.prompts.query, "document": recipe.prompts.document}
        if recipe.body in SCRATCH and is_first():
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
        measure=work.measured,
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
    alike = work.dev[0].source.form == learned.source.form and loss not in TAUGHT
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
        alike = loaded.source.form in {"scores", "nli", *ALONE, *TRANSLATED}
        mapping = {} if alike else {first: prompts.query, **dict.fromkeys(others, prompts.document)}
        told[name] = {column: prompt for column, prompt in mapping.items() if prompt}
    return told if len(told) > 1 else next(iter(told.values()))


def _dict(datasets: dict[str, Dataset]) -> DatasetDict:
    from datasets import DatasetDict

    return DatasetDict(datasets)
