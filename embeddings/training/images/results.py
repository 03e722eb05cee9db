"""What a run leaves: the model, scores before and after, curves, receipt and cards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embeddings.training.images.assembly import fresh_model, head_of, split_measures, vectors_of
from embeddings.training.images.losses import expected_loss
from embeddings.training.toml_text import plain

if TYPE_CHECKING:
    from embeddings.training.curves import Curves
    from embeddings.training.images.frozen import OnFeatures
    from embeddings.training.images.work import Work
    from embeddings.training.loop import Outcome
    from embeddings.training.receipt import Receipt

CURVES = "learning_curves.png"
EVENTS = "tensorboard"


def conclude(work: Work, outcome: Outcome) -> dict[str, Any]:
    """Write the model of a run, its scores, curves, receipt and cards; the receipt."""
    from embeddings.training.curves import Curves
    from embeddings.training.flops import peak_of
    from embeddings.training.receipt import Receipt, describe_hardware, describe_run
    from embeddings.training.verdict import judge

    recipe = work.recipe
    model: Any = outcome.trainer.model
    model = getattr(model, "_orig_mod", model)
    loss: Any = getattr(outcome.trainer, "loss")  # noqa: B009 - of the library's trainer
    curves = Curves.of(outcome.history)
    classes = len(work.pictures.classes)
    expected = expected_loss(recipe, classes, outcome.batches.per_step)
    verdict = judge(
        curves,
        expected,
        measure=None if work.measured == "loss" else work.measured,
    )
    begun = fresh_model(work)
    scores: dict[str, dict[str, float]] = {}
    for name, split in work.pictures.splits():
        if name == "train":
            continue
        before = vectors_of(begun, split, batch=work.batch)
        after = vectors_of(model, split, batch=work.batch)
        scores[f"{name} before"] = split_measures(before, split, None)
        scores[f"{name} after"] = split_measures(after, split, head_of(loss))
    peak = peak_of(work.place)
    receipt = Receipt(
        kind="images",
        recipe=plain(recipe),
        data=_files(work),
        seed=recipe.run.seed,
        hardware=describe_hardware(work.place),
        seconds=outcome.seconds,
        curves=curves.to_json(),
        scores=scores,
        verdict=verdict.to_json(),
        throughput=outcome.throughput.to_json(peak[0] if peak else None)
        | {"peak_from": peak[1] if peak else None},
        notes=[*work.pictures.notes, *outcome.notes],
        extra=describe_run(outcome) | _facts(work, model),
    )
    return _write(work, model, receipt, curves)


def conclude_features(work: Work, found: OnFeatures) -> dict[str, Any]:
    """Write the body as it was, and what a head learned from it; the receipt."""
    from embeddings.training.curves import Curves
    from embeddings.training.meter import Throughput
    from embeddings.training.receipt import Receipt, describe_hardware
    from embeddings.training.verdict import judge

    recipe, fitted = work.recipe, found.fitted
    curves = Curves.of(fitted.history)
    classes = len(work.pictures.classes)
    verdict = judge(
        curves,
        expected_loss(recipe, classes, recipe.head.batch),
        measure=None if work.measured == "loss" else "accuracy",
    )
    receipt = Receipt(
        kind="images",
        recipe=plain(recipe),
        data=_files(work),
        seed=recipe.run.seed,
        hardware=describe_hardware(work.place),
        seconds=found.seconds,
        curves=curves.to_json(),
        scores=found.scores,
        verdict=verdict.to_json(),
        throughput=Throughput(fitted.seconds, fitted.samples, 0, 0, 0.0).to_json(),
        notes=[*work.pictures.notes, "the body stayed as it was: the folder holds a copy of it"],
        extra={"epochs": fitted.epochs, "best_step": fitted.best_step} | _facts(work, found.model),
    )
    return _write(work, found.model, receipt, curves)


def _write(work: Work, model: Any, receipt: Receipt, curves: Curves) -> dict[str, Any]:  # noqa: ANN401
    from embeddings.progress import without_bars
    from embeddings.training.card import write_encoder_card, write_model_card
    from embeddings.training.curves import draw_curves, write_tensorboard
    from embeddings.training.loop import finish
    from embeddings.training.receipt import write_receipt

    out, recipe = work.out, work.recipe
    name = recipe.name or out.resolve().name
    with without_bars():
        model.save(str(out), create_model_card=False)
    draw_curves(curves, out / CURVES, measure=work.measured, title=name)
    write_tensorboard(curves, out / EVENTS)
    written = write_receipt(receipt, out)
    # The fingerprint is over all weights in the folder, so those of checkpoints go first.
    finish(out)
    with without_bars():
        card = write_encoder_card(out, name=name, languages=(), training=written)
    write_model_card(out, name=name, training=written, card=card)
    return written


def _files(work: Work) -> dict[str, list[dict[str, Any]]]:
    """Files by split; a dev split that was held out has those of the training data."""
    own = {"train": True, "dev": bool(work.recipe.dev), "test": True}
    return {name: split.files for name, split in work.pictures.splits() if own[name]}


def _facts(work: Work, model: Any) -> dict[str, Any]:  # noqa: ANN401 - the library's model
    """What the receipt says of pictures and model, and the stages before."""
    from embeddings.training.lineage import stages_before

    return {
        "classes": list(work.pictures.classes),
        "pictures": {name: len(split) for name, split in work.pictures.splits()},
        "weights": sum(each.numel() for each in model.parameters()),
        "learned": sum(each.numel() for each in model.parameters() if each.requires_grad),
        "pixels": work.size,
        "measure": work.measured,
        "stages": stages_before(work.recipe.body),
    }
