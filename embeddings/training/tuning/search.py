"""`tune`: trials one after the other, the best model kept."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from embeddings.training.errors import DataError, RecipeError, TrainingError
from embeddings.training.subjects.subject import open_subject, read_any
from embeddings.training.toml_text import to_toml
from embeddings.training.trainer import Listener
from embeddings.training.tuning.report import describe, draw_trials
from embeddings.training.tuning.space import override_of, read_space
from embeddings.training.tuning.study import ERROR, SECONDS, Request, ended, opened_study
from embeddings.training.tuning.trials import PrunedError, Watch, run_trial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna import Study
    from optuna.trial import Trial

    from embeddings.training.subjects.subject import AnyRecipe
    from embeddings.training.tuning.report import TuneReport
    from embeddings.training.tuning.space import Point, Space
    from embeddings.training.tuning.study import Pruner, Sampler

BEST = "best"
"""The folder of the best model."""
BEST_RECIPE = "best.toml"
REPORT = "tuning.json"
PLOT = "trials.png"
_TRIAL = "trial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What to search, and how.

    Attributes:
        config: the recipe that is varied.
        space: what is varied.
        out: folder of the search.
        trials: how many, those of an earlier run counted; None takes the whole grid.
        sampler: `tpe` (Bergstra et al. 2011), `random` or `grid`.
        pruner: `median` (below the median of others at the same share of the run), `halving`
            (asynchronous successive halving, arXiv:1810.05934) or `none`.
        overrides: of the recipe, `a.b=value`.
        kind: of the recipe; None guesses it.
        seed: of the sampler; each trial has the recipe's own.
        seconds: no trial goes on beyond so many; None for no limit.
        resume: go on with the search in the folder.
    """

    config: Path
    space: Path
    out: Path
    trials: int | None = 20
    sampler: Sampler = "tpe"
    pruner: Pruner = "median"
    overrides: Sequence[str] = ()
    kind: str | None = None
    seed: int = 0
    seconds: float | None = None
    resume: bool = False


def tune(search: Search, listener: Listener | None = None) -> TuneReport:
    """Run trials; their table, pictures, best recipe and best model go into the folder.

    Raises:
        RecipeError: recipe or space do not fit together.
        DataError: the data cannot be used.
        TrainingError: another search is there, or no trial came to its end.
    """
    told = listener or Listener()
    kind, recipe = read_any(search.config, search.overrides, search.kind)
    space = read_space(search.space, search.config, list(search.overrides), kind)
    search.out.mkdir(parents=True, exist_ok=True)
    goal = _Goal.of(kind, recipe)
    wanted = search.trials
    if search.sampler == "grid":
        wanted = min(wanted or 1 << 30, len(space.grid()))
    if wanted is None:
        message = f"sampler {search.sampler!r} ends nowhere by itself; say how many trials"
        raise RecipeError(message)
    request = Request(
        recipe=to_toml(recipe),
        space=json.loads(json.dumps([asdict(each) for each in space.dimensions])),
        sampler=search.sampler,
        pruner=search.pruner,
        seed=search.seed,
        maximise=goal.maximise,
    )
    deadline = None if search.seconds is None else time.monotonic() + search.seconds
    stopped = None
    with opened_study(search.out, request, space, resume=search.resume) as study:
        while len(ended(study)) < wanted:
            if deadline is not None and time.monotonic() > deadline:
                stopped = f"the time of {search.seconds:,.0f} s was over"
                told.note(f"{stopped}; --resume goes on")
                break
            told.progress("trial", len(ended(study)), wanted)
            _try(study, search, goal, space, told, deadline)
        report = describe(study, goal.measure, search.out, maximise=goal.maximise, stopped=stopped)
    _write(report, space, search.out)
    if report.best is None and stopped is None:
        first = next((trial.why for trial in report.trials if trial.why), "nothing was tried")
        message = f"no trial of {len(report.trials)} came to its end; the first: {first}"
        raise TrainingError(message)
    return report


@dataclass(frozen=True, slots=True)
class _Goal:
    """What is searched: the kind of recipe, the measure, and its better end."""

    kind: str
    measure: str
    maximise: bool

    @property
    def sign(self) -> int:
        return 1 if self.maximise else -1

    @classmethod
    def of(cls, kind: str, recipe: AnyRecipe) -> _Goal:
        """The goal of a recipe; its data are read for it."""
        with TemporaryDirectory() as folder:
            subject = open_subject(kind, recipe, Path(folder) / _TRIAL, Listener())
        if subject.measure is None:
            message = "the recipe has no dev data to compare trials by; add a [[dev]] table"
            raise RecipeError(message)
        return cls(kind, subject.measure, subject.higher_is_better)


def _try(
    study: Study,
    search: Search,
    goal: _Goal,
    space: Space,
    listener: Listener,
    deadline: float | None,
) -> None:
    """One trial, from values to its end; what goes wrong in it is written down and no more."""
    from optuna.trial import TrialState

    best_before = _best(study, goal)
    trial = study.ask(space.distributions())
    folder = search.out / _TRIAL
    shutil.rmtree(folder, ignore_errors=True)
    begun = time.monotonic()
    state, value, why = TrialState.FAIL, None, None
    listener.note(f"trial {trial.number}: {_told(trial.params)}")
    watch = Watch(trial, listener, prunes=search.pruner != "none", deadline=deadline)
    try:
        overrides = [*search.overrides, *_overrides(trial)]
        recipe = _without_test(read_any(search.config, overrides, goal.kind)[1])
        value = run_trial(
            goal.kind, recipe, folder, watch, measure=goal.measure, maximise=goal.maximise
        )
        state = TrialState.COMPLETE
        if best_before is None or (value - best_before) * goal.sign > 0:
            _keep(folder, search.out, to_toml(read_any(search.config, overrides, goal.kind)[1]))
    except PrunedError as error:
        state, why = TrialState.PRUNED, str(error)
    except (RecipeError, TrainingError, DataError) as error:
        why = str(error)
    shutil.rmtree(folder, ignore_errors=True)
    trial.set_user_attr(SECONDS, time.monotonic() - begun)
    if why is not None:
        trial.set_user_attr(ERROR, why)
    study.tell(trial, value, state=state)
    outcome = why if value is None else f"{value:.4f}"
    listener.note(f"trial {trial.number}: {state.name.lower()}, {outcome}")


def _without_test(recipe: AnyRecipe) -> AnyRecipe:
    """The recipe without its test data: a search that looked at them would choose by them."""
    made: AnyRecipe = replace(recipe, test=())  # type: ignore[type-var]
    return made


def _keep(folder: Path, out: Path, recipe: str) -> None:
    """The trial's model becomes the best one; the one before is there until it is moved."""
    best, old = out / BEST, out / f"{BEST}.old"
    shutil.rmtree(old, ignore_errors=True)
    if best.exists():
        best.rename(old)
    folder.rename(best)
    shutil.rmtree(old, ignore_errors=True)
    (out / BEST_RECIPE).write_text(recipe, encoding="utf-8")


def _best(study: Study, goal: _Goal) -> float | None:
    from optuna.trial import TrialState

    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    values = [trial.value for trial in done if trial.value is not None]
    return max(values, key=lambda value: goal.sign * value, default=None)


def _overrides(trial: Trial) -> list[str]:
    return [override_of(key, value) for key, value in trial.params.items()]


def _told(point: Point) -> str:
    return ", ".join(
        f"{key.rpartition('.')[2]} {value:.3g}"
        if isinstance(value, float)
        else f"{key.rpartition('.')[2]} {value}"
        for key, value in point.items()
    )


def _write(report: TuneReport, space: Space, out: Path) -> None:
    text = json.dumps(report.to_json(), ensure_ascii=False, indent=2)
    (out / REPORT).write_text(text + "\n", encoding="utf-8")
    draw_trials(report, space, out / PLOT)
