"""What a search found: a table, which keys mattered, a picture, the best recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from embeddings.training.tuning.study import ERROR, SECONDS, ended

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from optuna import Study
    from optuna.trial import FrozenTrial

    from embeddings.training.tuning.space import Point, Space

State = Literal["done", "pruned", "failed"]
_STATES: dict[str, State] = {"COMPLETE": "done", "PRUNED": "pruned", "FAIL": "failed"}


@dataclass(frozen=True, slots=True)
class Tried:
    """One trial.

    Attributes:
        number: from 0.
        state: `done`, `pruned` or `failed`.
        value: of the measure; of one pruned, the last; None if it was never measured.
        point: its values by recipe key.
        seconds: taken.
        why: it was stopped; None for one that is done.
    """

    number: int
    state: State
    value: float | None
    point: Point
    seconds: float
    why: str | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "number": self.number,
            "state": self.state,
            "value": self.value,
            "point": dict(self.point),
            "seconds": round(self.seconds, 2),
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class TuneReport:
    """A search.

    Attributes:
        measure: the name of what decides.
        maximise: True if a greater one is better.
        trials: best first, then those pruned and failed.
        importance: share of the spread that a key accounts for, 0 to 1, by key; empty with
            fewer than four trials done.
        folder: where `best/`, `best.toml`, the table and the pictures are.
        stopped: why no more trials were made; None if all were.
    """

    measure: str
    maximise: bool
    trials: list[Tried]
    importance: dict[str, float]
    folder: Path
    stopped: str | None = None

    @property
    def best(self) -> Tried | None:
        """The best trial that ran to its end."""
        return next((trial for trial in self.trials if trial.state == "done"), None)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "measure": self.measure,
            "maximise": self.maximise,
            "best": None if self.best is None else self.best.to_json(),
            "trials": [trial.to_json() for trial in self.trials],
            "importance": self.importance,
            "folder": str(self.folder),
            "stopped": self.stopped,
        }


def describe(
    study: Study, measure: str, folder: Path, *, maximise: bool, stopped: str | None
) -> TuneReport:
    """The report of a study."""
    trials = [_tried(trial) for trial in ended(study)]
    sign = -1 if maximise else 1
    ranks: dict[str, int] = {"done": 0, "pruned": 1, "failed": 2}
    trials.sort(
        key=lambda each: (
            ranks[each.state],
            sign * each.value if each.value is not None else 0.0,
            each.number,
        )
    )
    return TuneReport(measure, maximise, trials, weigh(study), folder, stopped)


def weigh(study: Study) -> dict[str, float]:
    """What each key accounts for, the weightiest first (PED-ANOVA, Watanabe et al. 2023).

    arXiv:2304.10255; it asks which keys set the good quarter of trials apart from the rest.
    """
    import warnings

    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
    from optuna.trial import TrialState

    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(done) < 4 or len({trial.value for trial in done}) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # optuna tells of trials that it leaves out
        evaluator = PedAnovaImportanceEvaluator(target_quantile=0.25)
        found = get_param_importances(study, evaluator=evaluator)
    return {key: float(value) for key, value in found.items()}


def draw_trials(report: TuneReport, space: Space, path: Path) -> None:
    """Write parallel coordinates and importance as a PNG.

    A line is a trial that ran to its end, from key to key and to the measure; the darker, the
    better. Pruned trials are thin and grey.
    """
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = [trial for trial in report.trials if trial.value is not None]
    scales = [
        _Scale.of(each.key, [trial.point[each.key] for trial in shown], space)
        for each in space.dimensions
    ]
    values = [trial.value or 0.0 for trial in shown]
    scales.append(_Scale.of_numbers(report.measure, values))
    figure = Figure(figsize=(1.8 * len(scales) + 3, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axis, bars = figure.subplots(1, 2, width_ratios=[len(scales), 1.6])
    colours = colormaps["viridis_r" if report.maximise else "viridis"]
    for trial, value in reversed(list(zip(shown, values, strict=True))):
        heights = [
            scale.height(at)
            for scale, at in zip(scales, [*trial.point.values(), value], strict=True)
        ]
        done = trial.state == "done"
        axis.plot(
            range(len(scales)),
            heights,
            color=colours(1 - heights[-1] if not report.maximise else heights[-1])
            if done
            else "0.8",
            linewidth=1.6 if done else 0.7,
        )
    for place, scale in enumerate(scales):
        axis.axvline(place, color="0.4", linewidth=0.8)
        for text, height in scale.ticks:
            axis.text(place, height, f" {text}", fontsize="x-small", va="center")
    names = [scale.name.rpartition(".")[2] for scale in scales]
    axis.set(xticks=range(len(scales)), xticklabels=names, yticks=[], title="trials")
    axis.set(xlim=(-0.1, len(scales) - 0.5), ylim=(-0.05, 1.05))
    axis.tick_params(axis="x", labelrotation=20)
    axis.spines[:].set_visible(False)
    weights = list(report.importance.items())[::-1]
    bars.barh([key.rpartition(".")[2] for key, _ in weights], [weight for _, weight in weights])
    bars.set(title="importance", xlim=(0, 1))
    figure.savefig(path, dpi=110)


@dataclass(frozen=True, slots=True)
class _Scale:
    """An axis: where a value stands, 0 to 1, and what is written beside it."""

    name: str
    places: Mapping[Any, float]
    ticks: Sequence[tuple[str, float]]

    def height(self, value: object) -> float:
        return self.places[value]

    @classmethod
    def of(cls, key: str, values: Sequence[Any], space: Space) -> _Scale:
        given = next(each.range for each in space.dimensions if each.key == key)
        if given.choices:
            gap = max(len(given.choices) - 1, 1)
            places = {choice: at / gap for at, choice in enumerate(given.choices)}
            return cls(key, places, [(str(choice), at) for choice, at in places.items()])
        return cls.of_numbers(key, values, log=given.log)

    @classmethod
    def of_numbers(cls, name: str, values: Sequence[float], *, log: bool = False) -> _Scale:
        if not values:
            return cls(name, {}, [])
        numbers = np.log(values) if log else np.asarray(values, dtype=float)
        low, high = float(numbers.min()), float(numbers.max())
        spread = high - low or 1.0
        places = {
            value: float((at - low) / spread) for value, at in zip(values, numbers, strict=True)
        }
        ends = dict.fromkeys([min(values), max(values)])
        return cls(name, places, [(f"{value:.3g}", places[value]) for value in ends])


def _tried(trial: FrozenTrial) -> Tried:
    last = trial.value
    if last is None and trial.intermediate_values:
        last = trial.intermediate_values[max(trial.intermediate_values)]
    return Tried(
        number=trial.number,
        state=_STATES[trial.state.name],
        value=last,
        point=dict(trial.params),
        seconds=float(trial.user_attrs.get(SECONDS, 0.0)),
        why=trial.user_attrs.get(ERROR),
    )
