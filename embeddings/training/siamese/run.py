"""`train_siamese`: from a recipe to an encoder folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from embeddings.training.batches import Batches
from embeddings.training.processes import is_first, wait_for_all
from embeddings.training.receipt import RECEIPT
from embeddings.training.siamese.assembly import add_mined, add_targets, assemble, fresh_model
from embeddings.training.siamese.results import conclude, expected_of
from embeddings.training.siamese.work import Work, prepare
from embeddings.training.trainer import Listener

if TYPE_CHECKING:
    from pathlib import Path

    from embeddings.training.siamese.negatives import Searcher
    from embeddings.training.siamese.recipe import SiameseRecipe

__all__ = [
    "Work",
    "add_mined",
    "add_targets",
    "assemble",
    "conclude",
    "expected_of",
    "fresh_model",
    "prepare",
    "train_siamese",
]


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
    from embeddings.training.loop import begin_run, run_training

    work = prepare(recipe, out, listener or Listener())
    begin_run(out, work.text, resume=resume)
    add_mined(work, searcher)
    add_targets(work)
    begun = Batches(recipe.run.batch, recipe.run.accumulate)
    if "cached-ranking" in work.losses.values():
        begun = Batches(recipe.run.batch, recipe.run.accumulate, recipe.loss.at_once)
    outcome = run_training(
        lambda batches: assemble(work, batches),
        begun,
        out=out,
        recipe=work.text,
        resume=resume,
        listener=work.listener,
    )
    if is_first():
        conclude(work, outcome)
    wait_for_all()
    receipt: dict[str, Any] = json.loads((out / RECEIPT).read_bytes())
    return receipt
