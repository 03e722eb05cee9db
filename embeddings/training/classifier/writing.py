"""A trained classifier to its folder: encoder, head, receipt, cards, pictures."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.classifier import Classifier, Head
from embeddings.classifier_folder import ENCODER, is_built_in, write_classifier
from embeddings.training.classifier.card import CONFUSIONS, tell_classes
from embeddings.training.classifier.work import TUNED
from embeddings.training.curves import Curves, draw_curves, write_tensorboard
from embeddings.training.errors import TrainingError
from embeddings.training.toml_text import plain
from embeddings.training.verdict import judge

if TYPE_CHECKING:
    from embeddings.training.classifier.work import Trained, Work
    from embeddings.training.verdict import Verdict

CURVES = "learning_curves.png"
EVENTS = "tensorboard"
_PROBED = 16
"""Texts that the written classifier must answer as the trained one did."""


def write_outcome(work: Work, ways: dict[str, Trained], *, kept: str) -> dict[str, Any]:
    """Write the better way, and what there is to say of both; the receipt as JSON values.

    Raises:
        TrainingError: what was written answers otherwise than what was trained.
    """
    from embeddings.training.card import write_encoder_card, write_model_card
    from embeddings.training.loop import finish
    from embeddings.training.receipt import Receipt, describe_hardware, write_receipt

    recipe, out, trained = work.recipe, work.out, ways[kept]
    name = recipe.name or out.resolve().name
    out.mkdir(parents=True, exist_ok=True)
    _place_encoder(work, trained)
    write_classifier(
        out,
        labels=work.examples.classes,
        rule=trained.rule,
        role=recipe.role,
        head=Head(trained.layers),
        encoder=trained.encoder.card,
    )
    written = _open_as_served(work, trained)
    curves, verdict = _course(work, trained)
    for way, each in ways.items():
        path = out / CURVES if way == kept else out / f"learning_curves_{way}.png"
        draw_curves(_course(work, each)[0], path, measure=recipe.measure, title=name)
    write_tensorboard(curves, out / EVENTS)
    receipt = Receipt(
        kind="classifier",
        recipe=plain(recipe),
        data={split: examples.files for split, examples in _named_files(work)},
        seed=recipe.run.seed,
        hardware=describe_hardware(work.place),
        seconds=trained.seconds,
        curves=curves.to_json(),
        scores=trained.scores,
        verdict=verdict.to_json(),
        throughput=trained.throughput,
        notes=[*work.examples.notes, *trained.calibrated.notes, *trained.notes],
        extra=trained.extra | {"classifier": _facts(work, ways, kept, written)},
    )
    told = write_receipt(receipt, out)
    finish(out)
    if trained.way == "full":
        write_encoder_card(
            out / ENCODER, name=f"{name}-encoder", languages=recipe.languages, training=told
        )
    write_model_card(out, name=name, training=told)
    with (out / "README.md").open("a", encoding="utf-8") as file:
        file.write(tell_classes(told, out))
    return told


def _facts(work: Work, ways: dict[str, Trained], kept: str, written: Classifier) -> dict[str, Any]:
    """What the receipt says of classes."""
    from embeddings.training.classifier.picture import draw_confusions
    from embeddings.training.classifier.run import errors_of

    recipe, trained, examples = work.recipe, ways[kept], work.examples
    facts: dict[str, Any] = {
        "way": kept,
        "task": recipe.task,
        "labels": list(examples.classes),
        "measure": recipe.measure,
        "fingerprint": written.card.fingerprint,
        "encoder": {
            "name": recipe.encoder,
            "fingerprint": trained.encoder.card.fingerprint,
        },
        "texts": {split: len(each) for split, each in examples.splits()},
        "calibration": trained.calibrated.facts,
        "measured_on": None,
        "classes": [],
        "confusions": [],
        "compared": _compared(work, ways, kept) if len(ways) > 1 else None,
    }
    found = errors_of(work, trained)
    if found is not None:
        split, errors = found
        learned = examples.train.truth.sum(axis=0)
        facts["measured_on"] = split
        facts["classes"] = [
            {**each, "learned": int(count)}
            for each, count in zip(errors.classes(), learned, strict=True)
        ]
        facts["confusions"] = errors.worst()
        title = f"{recipe.name or work.out.resolve().name}, {split} split"
        draw_confusions(errors, work.out / CONFUSIONS, title=title)
    return facts


def _compared(work: Work, ways: dict[str, Trained], kept: str) -> dict[str, Any]:
    told: dict[str, Any] = {"kept": kept}
    for way, each in ways.items():
        curves, verdict = _course(work, each)
        told[way] = {
            "seconds": round(each.seconds, 3),
            "scores": each.scores,
            "calibration": each.calibrated.facts,
            "verdict": verdict.to_json(),
            "curves": curves.to_json(),
        }
    return told


def _course(work: Work, trained: Trained) -> tuple[Curves, Verdict]:
    curves = Curves.of(trained.history)
    expected = work.objective.expected(from_scratch=trained.knows_nothing)
    measure = work.recipe.measure
    if measure == "loss":
        # The curve of the dev loss has a place of its own.
        return curves, judge(curves, expected, measure=None)
    return curves, judge(curves, expected, measure=measure)


def _named_files(work: Work) -> list[tuple[str, Any]]:
    """Splits with files of their own; a held-out dev split has those of the training data."""
    own = {"train": True, "dev": bool(work.recipe.dev), "test": True}
    return [(name, split) for name, split in work.examples.splits() if own[name]]


def _place_encoder(work: Work, trained: Trained) -> None:
    """Put the encoder into the folder; one that is built in is named by the classifier."""
    target = work.out / ENCODER
    shutil.rmtree(target, ignore_errors=True)
    name = trained.encoder.card.name
    if trained.way == "full":
        (work.checkpoints / TUNED).rename(target)
        return
    if is_built_in(name):
        return
    source = Path(name)
    if not source.is_dir():
        from embeddings.sentence import download_folder

        source = download_folder(name)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(EVENTS))


def _open_as_served(work: Work, trained: Trained) -> Classifier:
    """The written classifier, once it has answered as the trained one did."""
    made = Classifier.open(work.out)
    for name, split in work.examples.splits():
        if name == "train" or not len(split):
            continue
        texts = split.texts[:_PROBED]
        found = made.classify(texts).probabilities
        wanted = trained.answers[name].probabilities[: len(texts)]
        if not np.allclose(found, wanted, atol=0.01):
            drift = float(np.abs(found - wanted).max())
            message = (
                f"the classifier in {work.out} answers the {name} split otherwise than the one "
                f"trained (probabilities differ by {drift:.4f}); train it again in fp32"
            )
            raise TrainingError(message)
    return made
