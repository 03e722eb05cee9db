"""What the dev split sets after training: temperature, thresholds, and when to say "none"."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.classifier import Rule
from embeddings.training.classifier.measures import (
    LEAST_PROBABILITY,
    calibration_error,
    cross_entropy,
    micro_f1,
    ranking_quality,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from embeddings.training.classifier.recipe import ClassifierRecipe

    Floats = npt.NDArray[np.float32]
    Flags = npt.NDArray[np.bool_]

_COLDEST, _HOTTEST = 0.05, 20.0
_LEAST_TEXTS = 10
"""Dev texts a label needs for a threshold of its own."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A rule, and what setting it did on the dev split.

    Attributes:
        rule: what answers.
        facts: temperature, calibration error before and after, thresholds, as JSON values.
        notes: what could not be set, in sentences.
    """

    rule: Rule
    facts: dict[str, Any]
    notes: list[str]


def calibrate(logits: Floats | None, truth: Flags | None, recipe: ClassifierRecipe) -> Calibrated:
    """The rule of a classifier.

    Args:
        logits: float32 (n, C) of the dev split; None without one.
        truth: bool (n, C).
        recipe: what to set.
    """
    rule = Rule(recipe.task)
    if logits is None or truth is None or not truth.any():
        wanted = recipe.calibrate or recipe.is_multi or recipe.unknown is not None
        lacking = "without a dev split neither temperature nor thresholds could be set"
        return Calibrated(rule, {}, [lacking] if wanted else [])
    known = np.ones(len(truth), np.bool_) if recipe.is_multi else truth.any(axis=1)
    facts: dict[str, Any] = {}
    before = _quality(rule, logits[known], truth[known])
    if recipe.calibrate:
        rule = replace(rule, temperature=find_temperature(logits[known], truth[known], rule))
    after = _quality(rule, logits[known], truth[known])
    facts |= {"temperature": rule.temperature, "dev_before": before, "dev_after": after}
    probabilities = rule.probabilities(logits)
    if recipe.is_multi and recipe.thresholds != "half":
        limits = find_thresholds(probabilities, truth, each=recipe.thresholds == "each")
        rule = replace(rule, thresholds=limits)
        facts["thresholds"] = list(limits)
    if recipe.unknown is not None:
        least, how = find_least(
            probabilities, truth, worth=recipe.unknown.worth, keep=recipe.unknown.keep
        )
        rule = replace(rule, least=least)
        facts["unknown"] = {"least": least, "set_by": how}
    return Calibrated(rule, facts, [])


def find_temperature(logits: Floats, truth: Flags, rule: Rule) -> float:
    """The temperature that makes the cross-entropy of the logits least, 0.05 to 20.

    Guo et al. 2017, arXiv:1706.04599, section 4.2. The answers stay the same. Of n texts, one part
    in n + 2 of each counts as if nobody knew its class (as in Platt 1999, section 2.2): where
    every answer is right, plain cross-entropy would have all probabilities be 1.

    Args:
        logits: float32 (n, C).
        truth: bool (n, C).
        rule: how logits become probabilities.
    """
    from scipy.optimize import minimize_scalar

    is_multi, unsure = rule.task == "multi", 1 / (len(truth) + 2)

    def cost(log_temperature: float) -> float:
        tried = replace(rule, temperature=math.exp(log_temperature)).probabilities(logits)
        known = cross_entropy(truth, tried, is_multi=is_multi)
        return (1 - unsure) * known + unsure * _guessed(tried, is_multi=is_multi)

    bounds = (math.log(_COLDEST), math.log(_HOTTEST))
    found = minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": 1e-4})
    return round(float(math.exp(found.x)), 4)


def _guessed(probabilities: Floats, *, is_multi: bool) -> float:
    """The mean cross-entropy if every class, or with and without a label, were as likely."""
    likely = np.maximum(probabilities.astype(np.float64), LEAST_PROBABILITY)
    if not is_multi:
        return float(-np.log(likely).mean())
    unlikely = np.maximum(1 - probabilities.astype(np.float64), LEAST_PROBABILITY)
    return float(-(np.log(likely) + np.log(unlikely)).mean() / 2)


def find_thresholds(probabilities: Floats, truth: Flags, *, each: bool) -> tuple[float, ...]:
    """Thresholds that give the best F1, one for each of C labels.

    Args:
        probabilities: float32 (n, C).
        truth: bool (n, C).
        each: one for each label with 10 texts or more; otherwise one for all, by micro F1.
    """
    common = best_threshold(probabilities.ravel(), truth.ravel())
    labels = range(truth.shape[1])
    if not each:
        return tuple(common for _ in labels)
    has_enough = truth.sum(axis=0) >= _LEAST_TEXTS
    return tuple(
        best_threshold(probabilities[:, place], truth[:, place]) if has_enough[place] else common
        for place in labels
    )


def best_threshold(probabilities: Floats, truth: Flags) -> float:
    """The threshold with the best F1: half-way between two neighbours; 0.5 if none is true."""
    if not truth.any():
        return 0.5
    order = np.argsort(-probabilities, kind="stable")
    ranked, right = probabilities[order].astype(np.float64), truth[order]
    hits = np.cumsum(right)
    # A cut between equal probabilities is no cut.
    is_cut = np.append(ranked[1:] < ranked[:-1], True)
    f1 = np.where(is_cut, 2 * hits / (np.arange(1, len(hits) + 1) + truth.sum()), -1.0)
    place = int(f1.argmax())
    below = ranked[place + 1] if place + 1 < len(ranked) else 0.0
    return float((ranked[place] + below) / 2)


def find_least(
    probabilities: Floats, truth: Flags, *, worth: float, keep: float
) -> tuple[float, str]:
    """The best probability below which a text belongs to no class, and how it was found.

    Args:
        probabilities: float32 (n, C).
        truth: bool (n, C); rows without any True are of no class.
        worth: with such rows, the threshold has the highest sum of the share of others answered
            rightly and `worth` times the share of those refused.
        keep: without such rows, the share of texts that reach the threshold.
    """
    best = probabilities.max(axis=1).astype(np.float64)
    foreign = ~truth.any(axis=1)
    if not foreign.any():
        return float(np.quantile(best, 1 - keep)), f"{keep:.0%} of the dev texts are answered"
    right = truth[np.arange(len(best)), probabilities.argmax(axis=1)]
    limits = np.unique(np.append(best, [0.0, 1.0]))
    limits = np.append((limits[1:] + limits[:-1]) / 2, 0.0)
    # Both shares as steps over sorted values, so that many limits cost no more than one.
    answered = 1 - np.searchsorted(np.sort(best[right & ~foreign]), limits) / max(
        int((right & ~foreign).sum()), 1
    )
    answered *= (right & ~foreign).sum() / max(int((~foreign).sum()), 1)
    refused = np.searchsorted(np.sort(best[foreign]), limits) / foreign.sum()
    place = int((answered + worth * refused).argmax())
    return float(limits[place]), f"{int(foreign.sum()):,} dev texts of no class"


def scope_measures(probabilities: Floats, truth: Flags, given: Flags) -> dict[str, float]:
    """How well texts of no class are told from the others; empty where there are none.

    `in_scope_accuracy` and `out_of_scope_recall` are of answers with the threshold,
    `out_of_scope_auroc` is of the best probabilities whatever the threshold.
    """
    foreign = ~truth.any(axis=1)
    if not foreign.any() or foreign.all():
        return {}
    right = (truth == given).all(axis=1)
    best = probabilities.max(axis=1).astype(np.float64)
    return {
        "in_scope_accuracy": float(right[~foreign].mean()),
        "out_of_scope_recall": float(right[foreign].mean()),
        "out_of_scope_auroc": ranking_quality(best[~foreign], best[foreign]),
    }


def _quality(rule: Rule, logits: Floats, truth: Flags) -> dict[str, float]:
    is_multi = rule.task == "multi"
    probabilities = rule.probabilities(logits)
    made = {
        "loss": cross_entropy(truth, probabilities, is_multi=is_multi),
        "calibration_error": calibration_error(truth, probabilities, is_multi=is_multi),
    }
    return made | ({"micro_f1": micro_f1(truth, rule.decide(probabilities))} if is_multi else {})
