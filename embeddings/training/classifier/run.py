"""`train_classifier`: from a recipe to a folder that `classify` answers from."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.classifier import Answers, Head
from embeddings.training.classifier.calibration import calibrate
from embeddings.training.classifier.fitting import Labelled, fit_head
from embeddings.training.classifier.objective import Objective
from embeddings.training.classifier.report import Errors, score
from embeddings.training.classifier.vectors import Vectors, check_encodable
from embeddings.training.classifier.work import TUNED, VECTORS, Frozen, Trained, Work
from embeddings.training.processes import first_goes_first, is_first, wait_for_all
from embeddings.training.receipt import RECEIPT
from embeddings.training.toml_text import to_toml
from embeddings.training.trainer import Listener

if TYPE_CHECKING:
    from embeddings.classifier import Layer
    from embeddings.training.classifier.calibration import Calibrated
    from embeddings.training.classifier.examples import Split
    from embeddings.training.classifier.recipe import ClassifierRecipe
    from embeddings.training.loop import Outcome
    from embeddings.types import Encoder, Encoding


def train_classifier(
    recipe: ClassifierRecipe,
    out: Path,
    *,
    resume: bool = False,
    listener: Listener | None = None,
) -> dict[str, Any]:
    """Train a classifier into a folder that `Classifier.open` opens; its receipt as JSON values.

    Args:
        recipe: what to do.
        out: the classifier's folder; made if absent.
        resume: go on with a run that was stopped.
        listener: told how it goes.

    Raises:
        RecipeError: the recipe does not fit together.
        DataError: the data cannot be used; told before any compute.
        TrainingError: the run cannot start or be resumed.
        DeviceError: the device is not here.
    """
    from embeddings.training.classifier.tuning import Tuning, tune
    from embeddings.training.classifier.writing import write_outcome
    from embeddings.training.loop import begin_run

    work = prepare(recipe, out, listener or Listener())
    begin_run(out, to_toml(recipe), resume=resume)
    frozen = outcome = None
    if recipe.needs_vectors:
        with first_goes_first():  # the others read the vectors it kept
            frozen = learn_head(work)
    if recipe.tunes:
        tuning = Tuning(
            recipe,
            out,
            work.place,
            work.listener,
            work.examples,
            work.objective,
            first=frozen.fitted.layers if frozen is not None and recipe.head_first else None,
            prompt=_prompt(recipe, frozen),
        )
        outcome = tune(tuning, resume=resume)
    if is_first():
        ways: dict[str, Trained] = {}
        if frozen is not None and (recipe.compare or not recipe.full):
            ways["head"] = conclude_head(work, frozen)
        if outcome is not None:
            ways["full"] = conclude_full(work, frozen, outcome)
        write_outcome(work, ways, kept=_better(work, ways))
    wait_for_all()
    receipt: dict[str, Any] = json.loads((out / RECEIPT).read_bytes())
    return receipt


def prepare(recipe: ClassifierRecipe, out: Path, listener: Listener) -> Work:
    """Everything that can be refused, read and checked before anything is computed."""
    from embeddings.training.bodies import find_body
    from embeddings.training.classifier.examples import load_examples
    from embeddings.training.loop import check_folder_is_free
    from embeddings.training.precision import choose_place

    check_folder_is_free(out)
    place = choose_place(recipe.run)
    if recipe.tunes:
        find_body(recipe.encoder)
    examples = load_examples(recipe)
    objective = Objective.of(examples.train.truth, recipe)
    return Work(recipe, out, place, listener, examples, objective)


def learn_head(work: Work) -> Frozen:
    """Encode every text once, and let a head learn from the vectors."""
    from embeddings.load import load_encoder

    recipe, examples = work.recipe, work.examples
    encoder = load_encoder(recipe.encoder, device=work.device, runtime="torch")
    check_encodable(encoder)
    folder = Path(recipe.cache) if recipe.cache else work.checkpoints / VECTORS
    vectors = Vectors(encoder, recipe.role, folder)
    total = sum(len(split) for _, split in examples.splits())
    work.listener.note(f"encoding {total:,} texts by {encoder.card.name}")
    encoded: dict[str, Encoding] = {}
    seconds, done = 0.0, 0
    for name, split in examples.splits():
        begun = time.perf_counter()
        tell = partial(_tell_encoded, work.listener, done, total)
        encoded[name] = vectors.of(split.texts, tell)
        done += len(split)
        seconds += time.perf_counter() - begun if name != "test" else 0.0
    fitted = fit_head(
        recipe.head,
        work.objective,
        Labelled(encoded["train"].vectors, examples.train.truth),
        None if examples.dev is None else Labelled(encoded["dev"].vectors, examples.dev.truth),
        measure=recipe.measure,
        seed=recipe.run.seed,
        device=work.device,
        # Of a run that goes on to the encoder, those measures are the ones that count.
        listener=replace(work.listener, measured=Listener().measured)
        if recipe.tunes
        else work.listener,
    )
    work.listener.note(
        f"the head alone: {fitted.epochs} epochs in {fitted.seconds:.1f} s"
        + ("" if fitted.best is None else f", dev {recipe.measure} {fitted.best:.4f}")
    )
    return Frozen(encoder, fitted, encoded, seconds)


def conclude_head(work: Work, frozen: Frozen) -> Trained:
    """The classifier whose encoder stayed as it was."""
    from embeddings.training.meter import Throughput

    fitted = frozen.fitted
    calibrated, answers, scores = measure(work, frozen.encoded, fitted.layers)
    return Trained(
        way="head",
        encoder=frozen.encoder,
        layers=fitted.layers,
        calibrated=calibrated,
        answers=answers,
        scores=scores,
        history=fitted.history,
        seconds=frozen.seconds + fitted.seconds,
        throughput=Throughput(fitted.seconds, fitted.samples, 0, 0, 0.0).to_json(),
        knows_nothing=True,
        extra={
            "encoding_seconds": round(frozen.seconds, 3),
            "head_seconds": round(fitted.seconds, 3),
            "epochs": fitted.epochs,
            "best_step": fitted.best_step,
        },
        notes=_cut_notes(frozen.encoded, frozen.encoder),
    )


def conclude_full(work: Work, frozen: Frozen | None, outcome: Outcome) -> Trained:
    """The classifier whose encoder learned with the head."""
    from embeddings.load import load_encoder
    from embeddings.training.classifier.tuning import head_of, save_encoder
    from embeddings.training.flops import peak_of
    from embeddings.training.receipt import describe_run

    recipe = work.recipe
    folder = work.checkpoints / TUNED
    shutil.rmtree(folder, ignore_errors=True)
    save_encoder(outcome, recipe.head, folder)
    layers = head_of(outcome, recipe.head)
    encoder = load_encoder(str(folder.resolve()), device=work.device, runtime="torch")
    encoded = {
        name: encoder.encode(split.texts, role=recipe.role)
        for name, split in work.examples.splits()
        if name != "train"
    }
    calibrated, answers, scores = measure(work, encoded, layers)
    began = frozen if recipe.head_first else None
    before = 0.0 if began is None else began.seconds + began.fitted.seconds
    peak = peak_of(work.place)
    return Trained(
        way="full",
        encoder=encoder,
        layers=layers,
        calibrated=calibrated,
        answers=answers,
        scores=scores,
        history=outcome.history,
        seconds=before + outcome.seconds,
        throughput=outcome.throughput.to_json(peak[0] if peak else None)
        | {"peak_from": peak[1] if peak else None},
        knows_nothing=began is None,
        extra=describe_run(outcome) | {"head_first_seconds": round(before, 3)},
        notes=[*outcome.notes, *_cut_notes(encoded, encoder)],
    )


def measure(
    work: Work, encoded: dict[str, Encoding], layers: tuple[Layer, ...]
) -> tuple[Calibrated, dict[str, Answers], dict[str, dict[str, float]]]:
    """The rule the dev split sets, and answers and scores of the dev and test split by it."""
    recipe, examples, head = work.recipe, work.examples, Head(layers)
    dev = examples.dev
    logits = None if dev is None else head.logits(encoded["dev"].vectors)
    calibrated = calibrate(logits, None if dev is None else dev.truth, recipe)
    answers = {
        name: Answers.of(encoded[name], head, calibrated.rule, examples.classes)
        for name, _ in examples.splits()
        if name != "train"
    }
    scores = {
        name: score(answers[name], split.truth, is_multi=recipe.is_multi)
        for name, split in examples.splits()
        if name != "train"
    }
    return calibrated, answers, scores


def errors_of(work: Work, trained: Trained) -> tuple[str, Errors] | None:
    """The split that errors are told of, test where there is one, and the errors."""
    splits: dict[str, Split] = dict(work.examples.splits())
    for name in ("test", "dev"):
        if name in splits:
            return name, Errors(splits[name], trained.answers[name])
    return None


def _better(work: Work, ways: dict[str, Trained]) -> str:
    """The way that is better on the dev split; on the test split nothing is chosen."""
    if len(ways) == 1 or work.examples.dev is None:
        return next(reversed(ways))
    sign = -1 if work.recipe.measure == "loss" else 1
    return max(reversed(ways), key=lambda way: sign * ways[way].scores["dev"][work.recipe.measure])


def _prompt(recipe: ClassifierRecipe, frozen: Frozen | None) -> str:
    """What the encoder has before a text of the recipe's role."""
    from embeddings.load import load_encoder

    if recipe.from_scratch:
        return ""
    encoder = frozen.encoder if frozen else load_encoder(recipe.encoder, runtime="torch")
    return encoder.card.prompts.get(recipe.role, "")


def _tell_encoded(listener: Listener, before: int, total: int, done: int) -> None:
    listener.progress("encode", before + done, total)


def _cut_notes(encoded: dict[str, Encoding], encoder: Encoder) -> list[str]:
    cut = sum(int(np.sum(each.truncated)) for each in encoded.values())
    total = sum(len(each) for each in encoded.values())
    if not cut:
        return []
    return [
        f"{cut:,} of {total:,} texts are longer than the encoder's {encoder.max_tokens:,} tokens; "
        "what stands behind them was not read"
    ]
