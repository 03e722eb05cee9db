"""`train_images`: from a recipe to the folder of an image encoder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from embeddings.training.batches import Batches
from embeddings.training.images.assembly import assemble
from embeddings.training.images.work import Work, prepare
from embeddings.training.processes import is_first, wait_for_all
from embeddings.training.receipt import RECEIPT
from embeddings.training.trainer import Listener

if TYPE_CHECKING:
    from pathlib import Path

    from embeddings.training.images.recipe import ImageRecipe

__all__ = ["Work", "assemble", "prepare", "train_images"]


def train_images(
    recipe: ImageRecipe,
    out: Path,
    *,
    resume: bool = False,
    listener: Listener | None = None,
) -> dict[str, Any]:
    """Train an encoder of pictures into a folder that `load_encoder` opens; its receipt.

    Args:
        recipe: what to do.
        out: the model folder; made if absent.
        resume: go on with a run that was stopped, to the same weights as if it had not been.
        listener: told how it goes.

    Raises:
        RecipeError: the recipe does not fit together.
        DataError: the data cannot be used; told before anything is learned.
        TrainingError: the run cannot start or be resumed.
        DeviceError: the device is not here.
    """
    from embeddings.training.images.frozen import fit_on_features
    from embeddings.training.images.results import conclude, conclude_features
    from embeddings.training.loop import begin_run, run_training

    work = prepare(recipe, out, listener or Listener())
    begin_run(out, work.text, resume=resume)
    if recipe.learn == "features":
        if is_first():
            conclude_features(work, fit_on_features(work))
    else:
        outcome = run_training(
            lambda batches: assemble(work, batches),
            Batches(recipe.run.batch, recipe.run.accumulate),
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
