"""`pretrain`: from plain text to a folder that encodes and that `train siamese` goes on from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from embeddings.training.batches import Batches
from embeddings.training.pretraining.work import prepare
from embeddings.training.processes import is_first, wait_for_all
from embeddings.training.receipt import RECEIPT
from embeddings.training.trainer import Listener

if TYPE_CHECKING:
    from pathlib import Path

    from embeddings.training.pretraining.recipe import PretrainRecipe


def pretrain(
    recipe: PretrainRecipe,
    out: Path,
    *,
    resume: bool = False,
    listener: Listener | None = None,
) -> dict[str, Any]:
    """Train a language model into a folder that `load_encoder` opens; its receipt as JSON values.

    Args:
        recipe: what to do.
        out: the model folder; made if absent.
        resume: go on with a run that was stopped, to the same weights as if it had not been.
        listener: told how it goes.

    Raises:
        RecipeError: the recipe does not fit together.
        DataError: the corpus cannot be used.
        TrainingError: the run cannot start or be resumed, or tokenizer and weights do not fit.
        DeviceError: the device is not here.
    """
    from embeddings.training.loop import begin_run, run_training
    from embeddings.training.pretraining.assembly import assemble
    from embeddings.training.pretraining.data import load_data
    from embeddings.training.pretraining.denoising import assemble_denoising
    from embeddings.training.pretraining.results import conclude

    work = prepare(recipe, out, listener or Listener())
    begin_run(out, work.text, resume=resume)
    load_data(work)
    assembling = assemble_denoising if recipe.objective == "denoising" else assemble
    outcome = run_training(
        lambda batches: assembling(work, batches),
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
