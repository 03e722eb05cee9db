"""What a run leaves: the model, held-out figures before and after, curves, receipt and cards."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from embeddings.training.toml_text import plain

if TYPE_CHECKING:
    from embeddings.training.loop import Outcome
    from embeddings.training.pretraining.work import Work
    from embeddings.training.verdict import Expected

CURVES = "learning_curves.png"
EVENTS = "tensorboard"


def conclude(work: Work, outcome: Outcome) -> dict[str, Any]:
    """Write the model, its scores, curves, receipt and cards; the receipt as JSON values."""
    from embeddings.training.card import write_encoder_card, write_model_card
    from embeddings.training.curves import Curves, draw_curves, write_tensorboard
    from embeddings.training.flops import peak_of
    from embeddings.training.loop import finish
    from embeddings.training.pretraining.quiet import quietly
    from embeddings.training.pretraining.saving import save_encoder
    from embeddings.training.receipt import (
        Receipt,
        describe_hardware,
        describe_run,
        write_receipt,
    )
    from embeddings.training.verdict import judge

    recipe, out = work.recipe, work.out
    name = recipe.name or out.name
    model: Any = outcome.trainer.model
    model = getattr(model, "_orig_mod", model)
    curves = Curves.of(outcome.history)
    verdict = judge(
        curves, expected_of(work), measure=work.measure, higher_is_better=work.higher_is_better
    )
    if recipe.objective == "denoising":
        with quietly():
            model.save(str(out), create_model_card=False)
    else:
        save_encoder(model, work.tokenizer, out, recipe=recipe, weights=work.weights)
    draw_curves(curves, out / CURVES, measure=work.measure, title=name)
    write_tensorboard(curves, out / EVENTS)
    peak = peak_of(work.place)
    receipt = Receipt(
        kind="pretrain",
        recipe=plain(recipe),
        data=work.data,
        seed=recipe.run.seed,
        hardware=describe_hardware(work.place),
        seconds=outcome.seconds,
        curves=curves.to_json(),
        scores=scores_of(outcome),
        verdict=verdict.to_json(),
        throughput=outcome.throughput.to_json(peak[0] if peak else None)
        | {"peak_from": peak[1] if peak else None},
        notes=outcome.notes,
        extra=describe_run(outcome)
        | {
            "measure": work.measure,
            "corpus": work.facts,
            "weights": sum(parameter.numel() for parameter in model.parameters()),
            "vocabulary": len(work.tokenizer),
        },
    )
    written = write_receipt(receipt, out)
    # The fingerprint is over all weights in the folder, so those of checkpoints go first.
    finish(out)
    with quietly():
        card = write_encoder_card(out, name=name, languages=recipe.languages, training=written)
    write_model_card(out, name=name, training=written, card=card)
    return written


def scores_of(outcome: Outcome) -> dict[str, dict[str, float]]:
    """Figures of the dev split before the first step, and of the weights that were kept."""
    measured = [
        (int(entry["step"]), _figures(entry)) for entry in outcome.history if "eval_loss" in entry
    ]
    if not measured:
        return {}
    kept = [found for step, found in measured if step == outcome.best_step]
    first = [found for step, found in measured if step == 0]
    return {
        **({"dev before": first[0]} if first else {}),
        "dev after": kept[-1] if kept else measured[-1][1],
    }


def _figures(entry: dict[str, Any]) -> dict[str, float]:
    names = ("loss", "perplexity", "accuracy", "pair_accuracy")
    found = {name: float(entry[f"eval_{name}"]) for name in names if f"eval_{name}" in entry}
    if "perplexity" not in found:
        found["perplexity"] = math.exp(min(found["loss"], 700.0))
    return found


def expected_of(work: Work) -> Expected:
    """What the first loss should be: every piece as likely as any."""
    from embeddings.training.verdict import Expected

    recipe, size = work.recipe, len(work.tokenizer)
    scratch = recipe.is_from_scratch
    if recipe.is_paired:
        return Expected(
            math.log(size) + math.log(2),
            f"ln {size:,} + ln 2, one of {size:,} pieces and one of two orders",
            scratch,
        )
    return Expected.of_choices(size, f"one of {size:,} pieces", from_scratch=scratch)
