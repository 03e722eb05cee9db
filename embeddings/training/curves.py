"""Learning curves: from a trainer's log to points, a picture and TensorBoard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Point = tuple[int, float]
"""A step and a value."""

_LIBRARY_NAMES = {"sequential_score": "mean"}


@dataclass(frozen=True, slots=True)
class Curves:
    """What was logged over a run, as points of a step and a value, in order of steps.

    Attributes:
        loss: of training, the mean since the point before; the first is before any update.
        dev_loss: of the dev split; empty where it was not measured.
        rate: the learning rate.
        measures: other measures of the dev split, by name.
    """

    loss: list[Point]
    dev_loss: list[Point]
    rate: list[Point]
    measures: dict[str, list[Point]]

    @classmethod
    def of(cls, history: Sequence[dict[str, Any]]) -> Curves:
        """The curves in a trainer's log; of a step that was logged twice, the last stands."""
        series: dict[str, dict[int, float]] = {}
        for entry in history:
            for name, value in entry.items():
                if isinstance(value, int | float) and name not in {"step", "epoch"}:
                    series.setdefault(name, {})[int(entry["step"])] = float(value)
        points = {name: sorted(found.items()) for name, found in series.items()}
        told = {
            told_measure(name.removeprefix("eval_")): found
            for name, found in points.items()
            if name.startswith("eval_") and name != "eval_loss" and not _is_about_time(name)
        }
        return cls(
            loss=points.get("loss", []),
            dev_loss=points.get("eval_loss", []),
            rate=points.get("learning_rate", []),
            measures=told,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values: lists of `[step, value]`."""
        named = {"loss": self.loss, "dev_loss": self.dev_loss, "learning_rate": self.rate}
        return {
            **{name: [list(point) for point in points] for name, points in named.items()},
            "measures": {n: [list(point) for point in p] for n, p in self.measures.items()},
        }


def draw_curves(curves: Curves, path: Path, *, measure: str | None, title: str) -> None:
    """Write the curves as a PNG: losses, the measure that decides, the learning rate.

    Args:
        curves: what to draw.
        path: of the PNG.
        measure: the measure to show; None shows no such panel.
        title: above all.
    """
    import warnings

    from matplotlib import rc_context

    # Without a font that has Hangul its letters are boxes; the curves are as good.
    with rc_context({"font.family": _fonts()}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        _draw(curves, path, measure, title)


def _fonts() -> list[str]:
    """Fonts that are here, those with Hangul behind the usual one."""
    from matplotlib.font_manager import fontManager

    here = {font.name for font in fontManager.ttflist}
    hangul = ("Noto Sans CJK KR", "NanumGothic", "Malgun Gothic", "Apple SD Gothic Neo")
    return ["DejaVu Sans", *(name for name in hangul if name in here)]


def _draw(curves: Curves, path: Path, measure: str | None, title: str) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    measured = curves.measures.get(measure or "", [])
    panels = 2 + bool(measured)
    figure = Figure(figsize=(4.5 * panels, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = iter(figure.subplots(1, panels))
    losses = next(axes)
    for name, points in (("training", curves.loss), ("dev", curves.dev_loss)):
        if points:
            losses.plot(*zip(*points, strict=True), label=name, marker="." if name == "dev" else "")
    losses.set(title="loss", xlabel="step")
    losses.legend()
    if measured:
        shown = next(axes)
        shown.plot(*zip(*measured, strict=True), marker=".", color="tab:green")
        shown.set(title=f"dev {measure}", xlabel="step")
    rates = next(axes)
    if curves.rate:
        rates.plot(*zip(*curves.rate, strict=True), color="tab:gray")
    rates.set(title="learning rate", xlabel="step")
    for axis in figure.axes:
        axis.grid(alpha=0.3)
    figure.suptitle(title)
    figure.savefig(path, dpi=110)


def write_tensorboard(curves: Curves, folder: Path) -> None:
    """Write the curves as TensorBoard events (`tensorboard --logdir FOLDER`)."""
    from torch.utils.tensorboard import SummaryWriter

    named = {
        "loss/training": curves.loss,
        "loss/dev": curves.dev_loss,
        "learning_rate": curves.rate,
    }
    named |= {f"dev/{name}": points for name, points in curves.measures.items()}
    with SummaryWriter(str(folder)) as writer:
        for name, points in named.items():
            for step, value in points:
                writer.add_scalar(name, value, step)


def told_measure(name: str) -> str:
    """A measure's name for people; `mean` is the mean over several dev sources."""
    return _LIBRARY_NAMES.get(name, name)


def _is_about_time(name: str) -> bool:
    return name.endswith(("_runtime", "_per_second"))
