"""The learning rate: a range test with its picture, and the recipe's own rate tried out.

Smith, "Cyclical Learning Rates for Training Neural Networks", 2015, arXiv:1506.01186.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.training.checking.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from embeddings.training.checking.stepping import Stepper

LOW, HIGH = 1e-7, 10.0
STEPS = 60
TRIED = 16
"""Steps at the recipe's own rate."""
WORSE = 1.1
"""A loss above so many times the first one got worse."""
SLOW = 300.0
"""A rate so many times below the suggested one learns slowly."""
FAST = 100.0
"""A rate so many times above the suggested one jumps about, even where the loss is bounded and
cannot burst: a cosine's loss still falls then, to a multiple of what it could reach."""
_SMOOTH = 0.7
_BURST = 3.0
"""The test ends where the loss is so many times the first one."""


@dataclass(frozen=True, slots=True)
class RangeTest:
    """Losses while the learning rate rises step by step.

    Attributes:
        rates: of each step.
        losses: before each step.
        smooth: the same, averaged over steps before with falling weight.
        suggested: where the smooth loss falls fastest; None if it never falls.
        diverged: the first rate from which on more than half of what was won is lost again;
            None if that never happens.
    """

    rates: list[float]
    losses: list[float]
    smooth: list[float]
    suggested: float | None
    diverged: float | None


def run_range_test(
    stepper: Stepper, batches: Sequence[Any], *, progress: Callable[[int, int], None]
) -> RangeTest:
    """Raise the rate from 1e-7 to 10, evenly in its logarithm, a step each.

    Batches are taken in turn, and how hard each is to begin with is taken out of its losses: what
    is left is what the steps did.

    Args:
        stepper: of a fresh trainer.
        batches: one or more.
        progress: told steps done and steps in all.
    """
    begun = stepper.measure(batches)
    mean = float(np.mean(begun))
    rates, losses = [], []
    for at, rate in enumerate(np.geomspace(LOW, HIGH, STEPS)):
        turn = at % len(batches)
        loss = stepper.step(batches[turn], float(rate))
        losses.append(loss - begun[turn] + mean)
        rates.append(float(rate))
        progress(at + 1, STEPS)
        if not math.isfinite(loss) or losses[-1] > _BURST * mean + 1:
            break
    return read_range(rates, losses)


def read_range(rates: Sequence[float], losses: Sequence[float]) -> RangeTest:
    """What a range test says.

    Args:
        rates: rising.
        losses: before each step; the last may be no number.
    """
    known = [loss for loss in losses if math.isfinite(loss)]
    smooth = _smoothed(known)
    if len(smooth) < 5:
        return RangeTest([*rates], [*losses], smooth, None, rates[0])
    first = float(np.mean(known[: max(len(known) // 6, 1)]))
    noise = float(np.std(known[: max(len(known) // 6, 2)]))
    lowest = int(np.argmin(smooth))
    suggested = None
    if lowest and smooth[lowest] < first - max(noise, 0.02 * abs(first)):
        slopes = np.gradient(np.array(smooth[: lowest + 1]), np.log(rates[: lowest + 1]))
        suggested = float(rates[int(np.argmin(slopes))])
    # Bounded losses never burst: what was won and lost again tells as much.
    won = max(first - smooth[lowest], 0.0)
    limit = smooth[lowest] + max(won / 2, 2 * noise, (WORSE - 1) * abs(first))
    above = [loss > limit for loss in smooth]
    calm = max((at for at, is_above in enumerate(above) if not is_above), default=-1)
    diverged = rates[calm + 1] if calm + 1 < len(rates) else None
    return RangeTest([*rates], [*losses], smooth, suggested, diverged)


def draw_range(test: RangeTest, path: Path, *, rate: float) -> None:
    """Write the test as a PNG: loss over rate, with the suggested rate and the recipe's."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    count = len(test.smooth)
    axis.plot(test.rates[:count], test.losses[:count], ".", color="tab:gray", label="loss")
    axis.plot(test.rates[:count], test.smooth, color="tab:blue", label="smoothed")
    marks = ((test.suggested, "suggested", "tab:green"), (rate, "recipe", "tab:orange"))
    for value, name, colour in marks:
        if value is not None:
            axis.axvline(value, color=colour, linestyle="--", label=f"{name} {value:.1e}")
    if test.diverged is not None:
        axis.axvspan(test.diverged, max(HIGH, rate), color="tab:red", alpha=0.1, label="diverges")
    axis.set(xscale="log", xlabel="learning rate", ylabel="loss", title="learning-rate range test")
    axis.grid(alpha=0.3)
    axis.legend(fontsize="small")
    figure.savefig(path, dpi=110)


def try_rate(
    stepper: Stepper, batches: Sequence[Any], rate: float, *, progress: Callable[[int, int], None]
) -> tuple[float, float]:
    """Mean loss of the batches before and after steps on them at a rate, a fifth of it warm-up."""
    before = float(np.mean(stepper.measure(batches)))
    warmup = TRIED // 5
    for at in range(TRIED):
        loss = stepper.step(batches[at % len(batches)], rate * min(1.0, (at + 1) / (warmup + 1)))
        progress(at + 1, TRIED)
        if not math.isfinite(loss):
            return before, math.inf
    after = float(np.mean(stepper.measure(batches)))
    return before, after if math.isfinite(after) else math.inf


def check_rate(test: RangeTest, rate: float, tried: tuple[float, float]) -> Finding:
    """One finding out of the range test and the recipe's own rate.

    Args:
        test: the range test.
        rate: the recipe's.
        tried: losses before and after steps at the recipe's rate.
    """
    before, after = tried
    state, advice = "passed", ""
    value, limit = after, WORSE * before
    better = f"take about {test.suggested:.0e}" if test.suggested is not None else "lower it a lot"
    if after > WORSE * before:
        state = "failed"
        advice = f": it diverges; {better}"
    elif test.diverged is not None and rate >= test.diverged:
        state = "failed"
        advice = f", and the range test diverges from {test.diverged:.0e} on; {better}"
    elif test.suggested is not None and rate > FAST * test.suggested:
        state, value, limit = "failed", rate, FAST * test.suggested
        advice = (
            f", but the loss falls fastest at {test.suggested:.0e}, and more than {FAST:.0f} times "
            f"that only jumps about; {better}"
        )
    elif test.suggested is not None and rate < test.suggested / SLOW:
        state = "warned"
        advice = (
            f", but the loss falls fastest at {test.suggested:.0e}: at less than 1/{SLOW:.0f} of "
            "that it learns slowly; raise it"
        )
    elif test.suggested is not None:
        advice = f"; it falls fastest at {test.suggested:.0e}"
    sentence = (
        f"at the learning rate {rate:g} the loss goes from {before:.4f} to {after:.4g} in {TRIED} "
        f"steps on the same examples (limit {WORSE * before:.4f}){advice}"
    )
    return Finding(
        check="learning rate",
        state=state,  # type: ignore[arg-type]
        sentence=sentence,
        value=value,
        limit=limit,
        details={
            "rate": rate,
            "before": before,
            "after": after,
            "suggested": test.suggested,
            "diverged": test.diverged,
            "rates": test.rates,
            "losses": test.losses,
        },
    )


def _smoothed(losses: Sequence[float]) -> list[float]:
    """Exponential moving average with its start corrected (Kingma and Ba, section 3)."""
    made, mean = [], 0.0
    for at, loss in enumerate(losses, 1):
        mean = _SMOOTH * mean + (1 - _SMOOTH) * loss
        made.append(mean / (1 - _SMOOTH**at))
    return made
