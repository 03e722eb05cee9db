"""What a run leaves: the model, scores before and after, curves, receipt and cards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embeddings.training.siamese.assembly import start_model
from embeddings.training.siamese.recipe import teachers_of
from embeddings.training.toml_text import plain

if TYPE_CHECKING:
    from embeddings.training.batches import Batches
    from embeddings.training.loop import Outcome
    from embeddings.training.siamese.recipe import SiameseRecipe
    from embeddings.training.siamese.work import Work
    from embeddings.training.verdict import Expected

CURVES = "learning_curves.png"
EVENTS = "tensorboard"


def conclude(work: Work, outcome: Outcome) -> dict[str, Any]:
    """Write the model, its scores, curves, receipt and cards; the receipt as JSON values."""
    from embeddings.progress import without_bars
    from embeddings.training.card import write_encoder_card, write_model_card
    from embeddings.training.curves import Curves, draw_curves, told_measure, write_tensorboard
    from embeddings.training.flops import peak_of
    from embeddings.training.lineage import energy_of, stages_before
    from embeddings.training.loop import finish
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
    measured = told_measure(work.measured) if work.measured else None
    verdict = judge(curves, expected_of(work, outcome.batches, model), measure=measured)
    begun = start_model(work)
    scores = {
        f"{split} {when}": measure(each, loaded, recipe.prompts, batch=work.batch)
        for split, loaded in (("dev", work.dev), ("test", work.test))
        for when, each in (("before", begun), ("after", model))
    }
    with without_bars():
        model.save(str(out), create_model_card=False)
    draw_curves(curves, out / CURVES, measure=measured, title=name)
    write_tensorboard(curves, out / EVENTS)
    peak = peak_of(work.place)
    hardware = describe_hardware(work.place)
    # A teacher may be a stage of the body itself, which counts once.
    found = [stage for each in _origins(recipe) for stage in stages_before(each)]
    stages = list({(stage.get("kind"), stage.get("finished")): stage for stage in found}.values())
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
        hardware=hardware,
        seconds=outcome.seconds,
        curves=curves.to_json(),
        scores={split: found for split, found in scores.items() if found},
        verdict=verdict.to_json(),
        throughput=outcome.throughput.to_json(peak[0] if peak else None)
        | {"peak_from": peak[1] if peak else None},
        notes=outcome.notes,
        extra=describe_run(outcome)
        | {
            "losses": work.losses,
            "measure": measured,
            "stages": stages,
            "energy": energy_of([*stages, {"seconds": outcome.seconds, "hardware": hardware}]),
        },
    )
    written = write_receipt(receipt, out)
    # The fingerprint is over all weights in the folder, so those of checkpoints go first.
    finish(out)
    with without_bars():
        card = write_encoder_card(out, name=name, languages=recipe.languages, training=written)
    write_model_card(out, name=name, training=written, card=card)
    return written


def _origins(recipe: SiameseRecipe) -> list[str]:
    """What the weights come from, each once: the body, and teachers other than it."""
    begun = recipe.shape.encoder or recipe.body
    teachers = [each for source in recipe.train for each in teachers_of(recipe, source)]
    return list(dict.fromkeys([begun, *teachers]))


def expected_of(work: Work, batches: Batches, model: object) -> Expected | None:
    """What the first loss should be; None for several sources, whose losses are mixed."""
    from embeddings.training.bodies import SCRATCH
    from embeddings.training.siamese.losses import expected_loss

    if len(work.train) != 1:
        return None
    (name,), (loaded,) = work.losses.values(), work.train.values()
    encoder: Any = model
    return expected_loss(
        name,
        work.recipe.loss,
        per_step=batches.per_step,
        candidates=len(loaded.texts) - 1,
        width=int(encoder.get_embedding_dimension() or 0),
        from_scratch=work.recipe.body in SCRATCH,
    )
