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

    - `broken`: the loss is no number, or its last fifth lies above its first by more than 5 % and
      two standard errors, and the dev split gained nothing.
    - `overfit`: the dev loss has risen by 5 % or more from its lowest point, the measure has lost
      2 % or more of its best value, or the loss fell and the dev split gained nothing.
    - `underfit`: neither the loss fell by 5 % and two standard errors nor the dev split gained
      1 %, or the measure was still rising when training ended.
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
    return Verdict(fit, [about_fit, *about_first], first, value, odd)


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
    if first < expected.value * (1 - _TOLERANCE) - 0.1:
        return False, [f"{told}: the weights knew something before"]
    return False, [f"{told}, as it should be"]


def _judge_fit(curves: Curves, measure: str | None, higher_is_better: bool) -> tuple[str, str]:
    losses = [value for _, value in curves.loss]
    if any(not math.isfinite(value) for value in losses):
        told = "The loss is no number any more: lower the learning rate, or compute in fp32 or bf16"
        return "broken", told
    if len(losses) < 3:
        return "unknown", "Too few steps to say whether it learns"
    overfit = _judge_overfit(curves, measure, higher_is_better)
    if overfit:
        return "overfit", overfit
    points = curves.measures.get(measure or "", [])
    if _gained(points, higher_is_better):
        values = [value for _, value in points]
        best = max(values) if higher_is_better else min(values)
        told = f"On the dev split {measure} went from {values[0]:.4f} to {best:.4f}"
        if _still_rises(points, higher_is_better):
            return "underfit", f"{told}, best at the very end: more epochs may still help"
        return "good", told
    return _judge_loss(losses, is_measured=bool(points))


def _judge_loss(losses: list[float], *, is_measured: bool) -> tuple[str, str]:
    """The verdict where the dev split gained nothing, or was not measured."""
    fifth = max(len(losses) // 5, 1)
    begin, end = _mean(losses[:fifth]), _mean(losses[-fifth:])
    noise = 2 * _deviation(losses) / math.sqrt(fifth)
    if end > begin * 1.05 + noise:
        return "broken", f"The loss rose from {begin:.4f} to {end:.4f}: lower the learning rate"
    begin = max(begin, losses[0])
    if begin - end < 0.05 * abs(begin) + noise:
        return "underfit", (
            f"The loss hardly moved ({begin:.4f} to {end:.4f}): train longer, raise the learning "
            "rate, or take a larger body"
        )
    told = f"The loss fell from {begin:.4f} to {end:.4f}"
    if is_measured:
        return "overfit", (
            f"{told}, but the dev split gained nothing: what it learned does not carry over"
        )
    return "good", f"{told}; without a dev split nobody knows whether it learned by heart"


def _gained(points: list[Point], higher_is_better: bool) -> bool:
    """True if the measure went on by 1 % of where it began, or by 5 % of what was left to 1."""
    if len(points) < 2:
        return False
    values = [value if higher_is_better else -value for _, value in points]
    needed = 0.01 * abs(values[0])
    if higher_is_better and 0 <= values[0] <= 1:
        needed = min(needed, 0.05 * (1 - values[0]))
    return max(values[1:]) - values[0] > needed


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
