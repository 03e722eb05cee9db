"""The study of a search: kept in a file, gone on with after a crash."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from embeddings.training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from optuna import Study
    from optuna.trial import FrozenTrial

    from embeddings.training.tuning.space import Space

Sampler = Literal["tpe", "random", "grid"]
Pruner = Literal["median", "halving", "none"]
STUDY = "study.sqlite"
"""Trials as optuna keeps them: rows of numbers and JSON."""
REQUEST = "request.json"
"""What was asked for; another search cannot go on in the folder."""
SECONDS = "seconds"
"""Attribute of a trial that ended here: those that a crash cut off do not have it."""
ERROR = "error"
"""Attribute of a trial that was stopped: why."""
_NAME = "tune"
_STARTUP = 4
"""Trials before the sampler or the pruner judges by others."""


@dataclass(frozen=True, slots=True)
class Request:
    """What makes a search the same search.

    Attributes:
        recipe: resolved, as TOML.
        space: as JSON values.
        sampler: how values are chosen.
        pruner: which trials are stopped early.
        seed: of the sampler.
        maximise: True if a greater measure is better.
    """

    recipe: str
    space: list[dict[str, Any]]
    sampler: Sampler
    pruner: Pruner
    seed: int
    maximise: bool

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "recipe": self.recipe,
            "space": self.space,
            "sampler": self.sampler,
            "pruner": self.pruner,
            "seed": self.seed,
            "maximise": self.maximise,
        }


@contextmanager
def opened_study(folder: Path, request: Request, space: Space, *, resume: bool) -> Iterator[Study]:
    """The study in a folder; trials that were cut off are put first in the queue again.

    Args:
        folder: of the search; it is there.
        request: what is asked for.
        space: for the grid.
        resume: go on with what is there.

    Raises:
        TrainingError: a search is there and `resume` is not asked for, or it is another one.
    """
    import optuna

    _check_folder(folder, request, resume=resume)
    shown = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder / STUDY}")
    try:
        study = optuna.create_study(
            storage=storage,
            study_name=_NAME,
            load_if_exists=True,
            direction="maximize" if request.maximise else "minimize",
            pruner=_pruner(request.pruner),
        )
        # A sampler draws the same numbers again when the study is opened again: seeds go on.
        study.sampler = _sampler(request, len(study.trials))
        _requeue(study)
        if request.sampler == "grid" and not study.trials:
            points = space.grid()
            for place in np.random.default_rng(request.seed).permutation(len(points)):
                study.enqueue_trial(points[int(place)])
        yield study
    finally:
        storage.remove_session()
        storage.engine.dispose()
        optuna.logging.set_verbosity(shown)


def ended(study: Study) -> list[FrozenTrial]:
    """The trials that ran, whatever came out, but those that a crash cut off."""
    return [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state.is_finished() and SECONDS in trial.user_attrs
    ]


def _check_folder(folder: Path, request: Request, *, resume: bool) -> None:
    known = folder / REQUEST
    wanted = json.dumps(request.to_json(), ensure_ascii=False, indent=2) + "\n"
    if (folder / STUDY).exists() and known.is_file():
        if not resume:
            message = (
                f"{folder} holds a search; go on with --resume, or give another --out to begin anew"
            )
            raise TrainingError(message)
        before = json.loads(known.read_text(encoding="utf-8"))
        changed = [name for name, value in request.to_json().items() if before.get(name) != value]
        if changed:
            message = (
                f"the search in {folder} had another {' and '.join(changed)}; give the same, or "
                "another --out"
            )
            raise TrainingError(message)
    known.write_text(wanted, encoding="utf-8")


def _requeue(study: Study) -> None:
    """Trials that a crash left running are closed, and their values tried first."""
    from optuna.trial import TrialState

    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
        if trial.params:
            study.enqueue_trial(trial.params)


def _sampler(request: Request, trials: int) -> Any:  # noqa: ANN401 - of several classes
    import optuna

    seed = request.seed + 7919 * trials
    if request.sampler == "tpe":
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=_STARTUP)
    return optuna.samplers.RandomSampler(seed=seed)


def _pruner(name: Pruner) -> Any:  # noqa: ANN401 - of several classes
    import optuna

    if name == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=_STARTUP, n_min_trials=2)
    if name == "halving":
        # Steps are thousandths of a run: rungs at 10, 30 and 90 % of it.
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=100, reduction_factor=3)
    return optuna.pruners.NopPruner()
