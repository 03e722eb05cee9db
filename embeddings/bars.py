"""Bars with intervals, side by side, as a PNG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure with its interval.

    Attributes:
        value: length of the bar.
        low: begin of the whisker.
        high: its end.
    """

    value: float
    low: float
    high: float


def draw_bars(
    names: Sequence[str],
    panels: Sequence[tuple[str, Sequence[Bar | None]]],
    path: Path,
    *,
    title: str,
) -> None:
    """Write a PNG with a panel for each series, its bars from top to bottom.

    Args:
        names: of the bars, from the top.
        panels: heading, and a bar for each name or None.
        path: of the PNG.
        title: above all.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.2 + 2.3 * len(panels), 1.2 + 0.3 * len(names)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    places = range(len(names))
    for axis, (heading, bars) in zip(axes, panels, strict=True):
        known = [(place, bar) for place, bar in zip(places, bars, strict=True) if bar is not None]
        values = [bar.value for _, bar in known]
        axis.barh([place for place, _ in known], values, color="tab:blue", alpha=0.8)
        # A percentile interval may lie wholly beside its figure; whiskers have no such ends.
        below = [max(bar.value - bar.low, 0.0) for _, bar in known]
        above = [max(bar.high - bar.value, 0.0) for _, bar in known]
        axis.errorbar(
            values, [place for place, _ in known], xerr=[below, above], fmt="none", ecolor="0.2"
        )
        for place, bar in known:
            axis.annotate(
                f"{bar.value:.3f}",
                (max(bar.value, bar.high), place),
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
                fontsize="x-small",
            )
        # Room for the figure behind the longest bar.
        axis.margins(x=0.22)
        axis.set_xlim(left=min(0.0, *values) if values else 0.0)
        axis.set(title=heading, yticks=list(places), yticklabels=list(names))
        axis.grid(axis="x", alpha=0.3)
    axes[0].invert_yaxis()
    figure.suptitle(title)
    figure.savefig(path, dpi=110)
