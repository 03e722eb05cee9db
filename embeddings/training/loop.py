"""Running a recipe to its end: resume after a crash, and smaller steps where memory ends."""

from __future__ import annotations

import json
import logging
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from embeddings.training.errors import TrainingError
from embeddings.training.processes import is_first, wait_for_all
from embeddings.training.trainer import SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from embeddings.training.batches import Batches
    from embeddings.training.meter import Throughput
    from embeddings.training.trainer import Listener, Loop

logger = logging.getLogger(__name__)

CHECKPOINTS = "checkpoints"
"""The folder of a running training inside the model folder; gone when it is done."""
RECIPE = "recipe.toml"
"""The resolved recipe beside the checkpoints; another one cannot resume them."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left.

    Attributes:
        trainer: with the best weights loaded, or the last where nothing was measured.
        batches: how batches were cut in the end.
        history: what was logged: `step`, `epoch`, `loss`, `learning_rate`, `grad_norm`,
            `eval_...`, one dictionary a time.
        throughput: of training steps.
        seconds: of the whole run in all its pieces, evaluation counted.
        resumed_from: the step it went on from; None for a run of one piece.
        best: the best value of the measure, None where nothing was measured.
        best_step: the step it was reached at.
        notes: what was done differently from the recipe, in sentences.
    """

    trainer: Loop
    batches: Batches
    history: list[dict[str, Any]]
    throughput: Throughput
    seconds: float
    resumed_from: int | None
    best: float | None
    best_step: int | None
    notes: list[str] = field(default_factory=list)


def run_training(
    assemble: Callable[[Batches], Loop],
    batches: Batches,
    *,
    out: Path,
    recipe: str,
    resume: bool,
    listener: Listener,
) -> Outcome:
    """Train until the recipe's end.

    Args:
        assemble: makes the trainer with fresh, seeded weights; called again with smaller pieces
            of the same batch where memory ends.
        batches: how batches are cut at first.
        out: the model folder; checkpoints go into it while this runs.
        recipe: as TOML; what a resumed run must be equal to.
        resume: go on from the last checkpoint; without one, from the start.
        listener: told of what is done differently.

    Raises:
        TrainingError: a run is there and `resume` is not asked for, its recipe was another one,
            or one example alone does not fit into memory.
    """
    from embeddings.progress import without_bars

    folder = out / CHECKPOINTS
    notes: list[str] = []
    checkpoint = begin_run(out, recipe, resume=resume)
    # Read now: the run itself removes old checkpoints.
    resumed_from = None if checkpoint is None else _step(checkpoint)
    begun, spent = time.perf_counter(), _seconds(checkpoint)
    while True:
        trainer = assemble(batches)
        # A resumed run was measured where it stopped; once more would count against its patience.
        trainer.args.eval_on_start = trainer.args.eval_on_start and checkpoint is None
        trainer.begun, trainer.spent_before = begun, spent
        try:
            with without_bars():
                trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
            break
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            smaller = batches.halved()
            if smaller is None:
                message = (
                    "out of memory with one example at a time; use a smaller body, shorter "
                    'texts (max_tokens), or optimiser.name = "sgd"'
                )
                raise TrainingError(message) from error
        # Outside the handler: the error's frames hold what has to be freed.
        del trainer
        _free()
        notes.append(_told(batches, smaller))
        listener.note(notes[-1])
        batches = smaller
        checkpoint = last_checkpoint(folder)
    state = trainer.state
    return Outcome(
        trainer=trainer,
        batches=batches,
        history=list(state.log_history),
        throughput=trainer.meter.read(),
        seconds=spent + time.perf_counter() - begun,
        resumed_from=resumed_from,
        best=state.best_metric,
        best_step=state.best_global_step if state.best_metric is not None else None,
        notes=notes,
    )


def check_folder_is_free(out: Path) -> None:
    """Refuse to train over a model that is there, or into a file.

    Raises:
        TrainingError: something would be overwritten.
    """
    if out.is_file():
        message = f"{out} is a file; --out names a folder"
        raise TrainingError(message)
    if (out / CHECKPOINTS).is_dir():
        return  # a run that was stopped: `run_training` says how to go on
    if any((out / name).exists() for name in ("modules.json", "config.json", "training.json")):
        message = f"{out} holds a model already; give another --out, or remove it"
        raise TrainingError(message)


def begin_run(out: Path, recipe: str, *, resume: bool) -> Path | None:
    """The checkpoint to go on from; None begins anew.

    What a run of another recipe left before its first checkpoint is removed. `run_training` calls
    this; a trainer that writes something beside the checkpoints before does so too.

    Raises:
        TrainingError: see `run_training`.
    """
    folder = out / CHECKPOINTS
    known = folder / RECIPE
    checkpoint = last_checkpoint(folder)
    before = known.read_text(encoding="utf-8") if known.is_file() else None
    if checkpoint is not None and not resume:
        message = (
            f"{folder} holds a run that stopped at step {_step(checkpoint)}; go on with "
            "--resume, or remove the folder to start again"
        )
        raise TrainingError(message)
    if checkpoint is not None and before is not None and before != recipe:
        message = (
            f"the run in {folder} had another recipe ({_difference(before, recipe)}); give "
            "that one again, or remove the folder to start anew"
        )
        raise TrainingError(message)
    if is_first():
        if before != recipe:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        known.write_text(recipe, encoding="utf-8")
    wait_for_all()
    return checkpoint


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end; None where there is none."""
    steps = {path: _step(path) for path in folder.glob("checkpoint-*")}
    whole = {path: step for path, step in steps.items() if step is not None}
    return max(whole, key=lambda path: whole[path], default=None)


def write_whole(folder: Path, write: Callable[[Path], None]) -> None:
    """Have a folder written beside its place and moved there at once: whole or not at all."""
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    write(part)
    part.rename(folder)


def finish(out: Path) -> None:
    """Remove the checkpoints: the model folder holds the best weights.

    Called before `write_encoder_card`, whose fingerprint is over all weights in the folder.
    """
    if not is_first():
        return
    shutil.rmtree(out / CHECKPOINTS, ignore_errors=True)


def is_out_of_memory(error: BaseException) -> bool:
    """True if a step failed because memory ended, on a GPU or on the CPU."""
    import torch
    from accelerate.utils.memory import should_reduce_batch_size

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, Exception) and bool(should_reduce_batch_size(error))


def _difference(before: str, after: str) -> str:
    lines = zip(before.splitlines(), after.splitlines(), strict=False)
    changed = next(((old, new) for old, new in lines if old != new), None)
    if changed is None:
        return "keys were added or left out"
    return f"`{changed[0]}` then, `{changed[1]}` now"


def _step(checkpoint: Path) -> int | None:
    """The step of a checkpoint; None if it was cut off while it was written.

    The state is the last file the library writes.
    """
    try:
        return int(json.loads((checkpoint / "trainer_state.json").read_bytes())["global_step"])
    except (OSError, ValueError, KeyError):
        return None


def _seconds(checkpoint: Path | None) -> float:
    """How long a run had taken when it wrote a checkpoint; 0 where nobody noted it."""
    try:
        return 0.0 if checkpoint is None else float((checkpoint / SECONDS).read_text("utf-8"))
    except (OSError, ValueError):
        return 0.0


def _told(before: Batches, after: Batches) -> str:
    if after.cached is not None:
        return (
            f"out of memory with {before.at_once} examples at once; going on with "
            f"{after.at_once}. Gradients are cached, so the batch of {after.size} and its "
            "in-batch negatives stay as they are"
        )
    return (
        f"out of memory with {before.per_step} examples at once; going on with "
        f"{after.per_step}, their gradients added up over {after.parts} parts, so that a step "
        f"still has {after.size} examples"
    )


def _free() -> None:
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
