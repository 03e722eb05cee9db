"""A load run as a picture: rate and latencies over the number of requests at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eval.errors import EvalError

if TYPE_CHECKING:
    from pathlib import Path

    from eval.load_report import LoadReport

_COLOURS = {"p50": "tab:blue", "p95": "tab:orange", "p99": "tab:red"}


def check_picture() -> None:
    """Make sure that pictures can be drawn, before a run and not after it.

    Raises:
        EvalError: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        message = "a picture needs matplotlib: pip install 'meari[train]', or leave --plot out"
        raise EvalError(message) from error


def draw(report: LoadReport, path: Path) -> None:
    """Write the run as a PNG; a step without an answer leaves a gap.

    Raises:
        EvalError: matplotlib is not installed.
    """
    check_picture()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    rates, times = figure.subplots(1, 2)
    steps = sorted(report.steps, key=lambda step: step.concurrency)
    at_once = [step.concurrency for step in steps]
    rates.plot(at_once, [step.rate for step in steps], "o-", color="tab:green")
    rates.set(ylabel="requests a second", ylim=(0, None))
    for name, colour in _COLOURS.items():
        told = [step.whole.milliseconds.get(name, float("nan")) for step in steps]
        times.plot(at_once, told, "o-", color=colour, label=name)
    times.set(ylabel="milliseconds", yscale="log")
    times.legend(fontsize="small")
    for axis in (rates, times):
        axis.set_xscale("log", base=2)
        axis.set_xticks(at_once, [str(each) for each in at_once])
        axis.set_xlabel("requests at once")
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
