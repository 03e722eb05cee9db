"""What curves say, in words: was the first loss right, did it learn, did it learn by heart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embeddings.training.curves import Curves, Point

_TOLERANCE = 0.35
"""How far the first loss of weights that know nothing may lie from its expected value, relative."""
_TURNED = 0.05
"""A dev loss that rose by this share from its lowest point has turned."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The loss of a model that knows nothing.

    Attributes:
        value: in nats.
        formula: how it comes about (`ln 32, one of 32 in the batch`).
        from_scratch: True if the weights really know nothing; trained ones may start below.
    """

    value: float
    formula: str
    from_scratch: bool = True

    @classmethod
    def of_choices(cls, choices: int, what: str, *, from_scratch: bool = True) -> Expected:
        """The loss ln n: all n choices are as likely."""
        return cls(math.log(choices), f"ln {choices:,}, {what}", from_scratch)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Sentences about a run.

    Attributes:
        fit: `good`, `overfit`, `underfit`, `broken` or `unknown`.
        sentences: in order of weight.
        initial_loss: the loss before any update; None if it was not logged.
        expected_loss: of a model that knows nothing; None where there is no such value.
        initial_is_odd: True if the first loss does not fit the expected one.
    """

    fit: str
    sentences: list[str]
    initial_loss: float | None
    expected_loss: float | None
    initial_is_odd: bool

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "fit": self.fit,
            "sentences": self.sentences,
            "initial_loss": self.initial_loss,
            "expected_loss": self.expected_loss,
            "initial_is_odd": self.initial_is_odd,
        }


def judge(
    curves: Curves, expected: Expected | None, *, measure: str | None, higher_is_better: bool = True
) -> Verdict:
    """What the curves say.

    - `broken`: the loss is no number, or the last fifth of it lies above the first fifth by more
      than 5 % and two standard errors.
    - `overfit`: the loss of training goes on falling while the dev loss has risen by 5 % or more
      from its lowest point, or the measure has lost 2 % or more of its best value.
    - `underfit`: the loss fell by less than 5 %, or training ended while the measure still rose.
    - `good` otherwise; `unknown` with less than three points of loss.

    Args:
        curves: of the run.
        expected: of the first loss.
        measure: the measure that decides.
        higher_is_better: of the measure.
    """
    first = curves.loss[0][1] if curves.loss else None
    odd, about_first = _judge_first(first, expected)
    fit, about_fit = _judge_fit(curves, measure, higher_is_better)
    value = None if expected is None else expected.value
    return Verdict(fit, [*about_fit, *about_first], first, value, odd)


def _judge_first(first: float | None, expected: Expected | None) -> tuple[bool, list[str]]:
    if first is None or expected is None:
        return False, []
    told = f"the first loss is {first:.3f}; a model that knows nothing has {expected.value:.3f}"
    told = f"{told} ({expected.formula})"
    high = not first <= expected.value * (1 + _TOLERANCE) + 0.1
    low = expected.from_scratch and first < expected.value * (1 - _TOLERANCE) - 0.1
    if high:
        return True, [
            f"{told}: it starts worse than guessing. Look at the labels, the scale of the first "
            "weights and the learning rate"
        ]
    if low:
        return True, [
            f"{told}: it starts better than untrained weights can. Look for labels that leak into "
            "the texts"
        ]
    return False, [f"{told}, as it should be"]


def _judge_fit(
    curves: Curves, measure: str | None, higher_is_better: bool
) -> tuple[str, list[str]]:
    losses = [value for _, value in curves.loss]
    if any(not math.isfinite(value) for value in losses):
        told = "The loss is no number any more: lower the learning rate, or compute in fp32 or bf16"
        return "broken", [told]
    if len(losses) < 3:
        return "unknown", ["Too few steps to say whether it learns"]
    fifth = max(len(losses) // 5, 1)
    begin, end = _mean(losses[:fifth]), _mean(losses[-fifth:])
    noise = 2 * _deviation(losses) / math.sqrt(fifth)
    fell = f"{max(begin, losses[0]):.4f} to {end:.4f}"
    points = curves.measures.get(measure or "", [])
    overfit = _judge_overfit(curves, measure, higher_is_better)
    fit, told = "good", f"The loss fell from {fell} and the dev split went along"
    if end > begin * 1.05 + noise:
        rose = f"{begin:.4f} to {end:.4f}"
        fit, told = "broken", f"The loss rose from {rose}: lower the learning rate"
    elif overfit:
        fit, told = "overfit", overfit
    elif max(begin, losses[0]) - end < 0.05 * abs(begin):
        advice = "train longer, raise the learning rate, or take a larger body"
        fit, told = "underfit", f"The loss hardly fell ({fell}): {advice}"
    elif _still_rises(points, higher_is_better):
        late = f"{measure} was best at the very end: more epochs may still help"
        fit, told = "underfit", f"The loss fell from {fell} and {late}"
    elif not curves.dev_loss and not points:
        told = f"The loss fell from {fell}; without a dev split nobody knows whether by heart"
    return fit, [told]


def _judge_overfit(curves: Curves, measure: str | None, higher_is_better: bool) -> str | None:
    dev = [value for _, value in curves.dev_loss]
    if len(dev) >= 3 and dev[-1] > min(dev) * (1 + _TURNED):
        step = min(curves.dev_loss, key=lambda point: point[1])[0]
        return (
            f"The dev loss rose from {min(dev):.4f} (step {step:,}) to {dev[-1]:.4f}: it learns by "
            "heart. Fewer epochs, more data, weight decay or dropout help; the best checkpoint "
            "was kept"
        )
    points = curves.measures.get(measure or "", [])
    if len(points) < 3:
        return None
    sign = 1 if higher_is_better else -1
    step, best = max(points, key=lambda point: sign * point[1])
    last = points[-1][1]
    if sign * (best - last) > 0.02 * abs(best) and step < points[-1][0]:
        return (
            f"{measure} was best at step {step:,} ({best:.4f}) and ended at {last:.4f}: it learns "
            "by heart. The best checkpoint was kept"
        )
    return None


def _still_rises(points: list[Point], higher_is_better: bool) -> bool:
    if len(points) < 4:
        return False
    sign = 1 if higher_is_better else -1
    values = [sign * value for _, value in points]
    recent = values[-1] - values[-3]
    return values[-1] == max(values) and recent > 0.05 * (max(values) - min(values))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _deviation(values: list[float]) -> float:
    """Standard deviation of the differences between neighbours, over root 2: noise, not slope."""
    steps = [after - before for before, after in pairwise(values)]
    return math.sqrt(_mean([step * step for step in steps]) / 2)
