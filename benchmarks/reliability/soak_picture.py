"""A soak as a picture: memory, and open files and threads, over minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def draw(result: dict[str, Any], path: Path, warm_share: float) -> None:
    """Write the samples of a soak as SVG.

    Args:
        result: of `soak.soak`.
        path: the file.
        warm_share: of the time that is warm-up, shaded.
    """
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "meari"
    from matplotlib import pyplot

    seconds, memory, private, files, threads = zip(*result["samples"], strict=True)
    minutes = [second / 60 for second in seconds]
    figure, (above, below) = pyplot.subplots(
        2, 1, figsize=(8, 4.6), sharex=True, height_ratios=(3, 1), layout="constrained"
    )
    above.plot(minutes, [each / 1e6 for each in memory], label="resident", lw=1)
    above.plot(minutes, [each / 1e6 for each in private], label="that is no file's", lw=1)
    below.plot(minutes, files, label="open files", lw=1)
    below.plot(minutes, threads, label="threads", lw=1)
    growth = result["growth"]["memory"]
    end = result["settings"]["minutes"]
    quarter = end * (1 - warm_share) / 4
    for level, begin in (
        (growth["first_quarter"], end * warm_share),
        (growth["last_quarter"], end - quarter),
    ):
        above.hlines(level / 1e6, begin, begin + quarter, color="black", ls=":", lw=1.5)
    for axes in (above, below):
        axes.axvspan(0, end * warm_share, color="0.92")
        axes.set_ylim(bottom=0)
        axes.legend(loc="lower right", frameon=False)
    above.set_ylabel("MB")
    below.set_xlabel("minutes")
    above.set_title(
        f"{result['requests']:,} requests; memory {growth['share']:+.2%} after warm-up", fontsize=10
    )
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
