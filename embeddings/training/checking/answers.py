"""Do the answers belong to the texts: what is learned must help on examples held out.

Labels that were shuffled can be learned by heart (Zhang et al. 2016, arXiv:1611.03530), and
nothing of it helps elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.training.checking.findings import Finding
from embeddings.training.checking.probe import probe
from embeddings.training.checking.stepping import mismatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from embeddings.training.checking.stepping import Stepper
    from embeddings.training.subjects.table import Table

LEAST = 3.5
"""Standard errors that right answers must lie below wrong ones; chance passes 1 in 2,000."""
STEPS = 48
FEWEST = 64
"""Examples below which nothing can be said."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much better right answers are than wrong ones.

    Attributes:
        start: standard errors, held out, before anything was learned.
        end: after it.
        learned: mean loss of what was learned from, before and after.
        held: mean loss of what was held out, before and after.
        probe: standard errors found without the model, in words alone; None where there is no
            such test.
    """

    start: float
    end: float
    learned: tuple[float, float]
    held: tuple[float, float]
    probe: float | None


def gather(
    stepper: Stepper,
    learned: Sequence[Any],
    held: Sequence[Any],
    tables: Sequence[Table],
    *,
    rate: float,
    seed: int,
    progress: Callable[[int, int], None],
) -> Evidence:
    """Learn from some batches and compare losses of right and mismatched answers on others.

    Args:
        stepper: of a fresh trainer.
        learned: batches that are learned from.
        held: batches that are not.
        tables: training data, for the probe.
        rate: a learning rate that is known to work.
        seed: of the probe.
        progress: told steps done and steps in all.
    """
    wrong = [mismatch(batch) for batch in held]
    before, held_before = stepper.measure(learned), stepper.measure(held)
    start = standard_errors(held_before, stepper.measure(wrong))
    for at in range(STEPS):
        loss = stepper.step(learned[at % len(learned)], rate * min(1.0, (at + 1) / 5))
        progress(at + 1, STEPS)
        if not math.isfinite(loss):
            break
    after, held_after = stepper.measure(learned), stepper.measure(held)
    return Evidence(
        start=start,
        end=standard_errors(held_after, stepper.measure(wrong)),
        learned=(float(np.mean(before)), float(np.mean(after))),
        held=(float(np.mean(held_before)), float(np.mean(held_after))),
        probe=probe(tables, seed=seed),
    )


def check_answers_belong(evidence: Evidence) -> Finding:
    """Whether any of three looks finds that answers have to do with their texts."""
    seen = max(value for value in (evidence.start, evidence.end, evidence.probe or 0.0))
    state = "passed" if seen >= LEAST else "failed"
    sentence = (
        f"right answers of examples held out lie {seen:.1f} standard errors below mismatched ones "
        f"(least {LEAST:g})"
    )
    if state == "failed":
        sentence += (
            f", though the loss of those learned from went from {evidence.learned[0]:.4f} to "
            f"{evidence.learned[1]:.4f}; held out it went from {evidence.held[0]:.4f} to "
            f"{evidence.held[1]:.4f}. The answers look shuffled: compare some rows of the file "
            "with its origin, and look for a join or a sort that moved one column alone"
        )
    return Finding(
        check="answers",
        state=state,  # type: ignore[arg-type]
        sentence=sentence,
        value=seen,
        limit=LEAST,
        details={
            "standard_errors": {
                "before_learning": evidence.start,
                "after_learning": evidence.end,
                "in_words_alone": evidence.probe,
            },
            "learned_from": list(evidence.learned),
            "held_out": list(evidence.held),
        },
    )


def standard_errors(right: Sequence[float], wrong: Sequence[float]) -> float:
    """Mean of the paired differences wrong - right over its standard error; 0 below two batches."""
    differences = np.array(wrong) - np.array(right)
    differences = differences[np.isfinite(differences)]
    if len(differences) < 2:
        return 0.0
    error = float(differences.std(ddof=1)) / math.sqrt(len(differences))
    mean = float(differences.mean())
    if error == 0:
        return math.copysign(math.inf, mean) if mean else 0.0
    # Few batches have heavier tails than the normal distribution: told on its scale.
    return _normal_scale(mean / error, len(differences) - 1)


def _normal_scale(t: float, freedom: int) -> float:
    """The z as improbable as t with so many degrees of freedom (Wallace 1959)."""
    size = (8 * freedom + 1) / (8 * freedom + 3) * math.sqrt(freedom * math.log1p(t * t / freedom))
    return math.copysign(size, t)
