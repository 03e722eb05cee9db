"""One trial of a search: a recipe run, watched, and stopped where it is hopeless."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from embeddings.training.errors import TrainingError
from embeddings.training.subjects.subject import train_any
from embeddings.training.trainer import Listener

if TYPE_CHECKING:
    from pathlib import Path

    from optuna.trial import Trial

    from embeddings.training.subjects.subject import AnyRecipe

_WHOLE = 1000
"""Parts a run is told in: runs differ in batch size and steps, so shares of them are compared."""


class PrunedError(Exception):
    """A trial was stopped before its end."""


class Watch:
    """Tells a study of measures while a trial runs, and ends it where it is hopeless.

    Args:
        trial: of the study.
        listener: told of steps.
        prunes: whether the study's pruner may stop it.
        deadline: of `time.monotonic`; the trial is stopped then. None never stops it.
    """

    def __init__(
        self, trial: Trial, listener: Listener, *, prunes: bool, deadline: float | None
    ) -> None:
        self._trial = trial
        self._listener = listener
        self._prunes = prunes
        self._deadline = deadline
        self._reported = 0

    def listener(self) -> Listener:
        """What a trainer tells."""
        return Listener(progress=self.progress, measured=self.measured)

    def progress(self, stage: str, done: int, total: int) -> None:
        """Pass steps on.

        Raises:
            PrunedError: the time is over.
        """
        self._listener.progress(stage, done, total)
        if self._deadline is not None and time.monotonic() > self._deadline:
            message = f"the time was over at {done:,} of {total:,} ({stage})"
            raise PrunedError(message)

    def measured(self, done: int, total: int, value: float) -> None:
        """Report a measure; the one before the first step tells nothing of the trial.

        Raises:
            PrunedError: the pruner says so.
            TrainingError: the measure is no number.
        """
        if not math.isfinite(value):
            message = f"the measure is no number after step {done:,} of {total:,}"
            raise TrainingError(message)
        share = round(_WHOLE * done / max(total, 1))
        # A run that went on with half the batch tells some measures a second time.
        if share <= self._reported:
            return
        self._reported = share
        self._trial.report(value, share)
        if self._prunes and self._trial.should_prune():
            told = f"{value:.4f} after {100 * share / _WHOLE:.0f} % of the run"
            raise PrunedError(told)


def run_trial(
    kind: str, recipe: AnyRecipe, folder: Path, watch: Watch, *, measure: str, maximise: bool
) -> float:
    """Train a recipe into a folder; the best dev measure of the run, whose weights were kept.

    Args:
        kind: of the recipe.
        recipe: with the trial's values.
        folder: of the model; new.
        watch: told how it goes.
        measure: which decides, as `Subject.measure` names it.
        maximise: True if a greater one is better.

    Raises:
        PrunedError: stopped.
        TrainingError: nothing was measured, or the measure is no number.
        RecipeError: the values do not fit each other.
    """
    receipt = train_any(kind, recipe, folder, watch.listener())
    points = _points(receipt["curves"], measure)
    if not points:
        message = f"{measure} was never measured"
        raise TrainingError(message)
    kept = receipt["extra"].get("best_step")
    if kept in points:
        return points[kept]
    return max(points.values()) if maximise else min(points.values())


def _points(curves: dict[str, Any], measure: str) -> dict[int, float]:
    """The measure by step, that before the first one left out; nulls were no numbers."""
    found = curves["dev_loss"] if measure == "loss" else curves["measures"].get(measure, [])
    return {int(step): float(value) for step, value in found if step > 0 and value is not None}
