"""Can it learn a handful of examples by heart: what cannot, has a fault in it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from embeddings.training.checking.findings import Finding
from embeddings.training.checking.stepping import Stepper
from embeddings.training.initialisation import set_dropout

if TYPE_CHECKING:
    from collections.abc import Callable

    from embeddings.training.trainer import Loop

EXAMPLES = 8
STEPS = 150
_ENOUGH = 0.5
"""Below so much of what is asked for the loop ends early."""


def check_overfitting(
    trainer: Loop, *, rate: float, fits_to: float, progress: Callable[[int, int], None]
) -> Finding:
    """Whether the loss of a few examples can be brought near zero.

    Args:
        trainer: fresh, over a handful of examples, all in one batch.
        rate: a learning rate that is known to work.
        fits_to: the share of the first loss to be reached.
        progress: told steps done and steps in all.
    """
    stepper = Stepper(trainer)
    set_dropout(stepper.model, 0.0)
    batch = stepper.batch()
    first = last = lowest = stepper.measure([batch])[0]
    done = 0
    if math.isfinite(first):
        for done in range(1, STEPS + 1):
            # The rate falls in the last third, so that the end is not a leap around the lowest.
            left = min(1.0, 3 * (STEPS - done + 1) / STEPS)
            last = stepper.step(batch, rate * left)
            if not math.isfinite(last):
                break
            lowest = min(lowest, last)
            progress(done, STEPS)
            if lowest < _ENOUGH * fits_to * first:
                break
        last = stepper.measure([batch])[0]
    share = min(last, lowest) / first if math.isfinite(last) and first else math.inf
    state = "passed" if share <= fits_to else "failed"
    sentence = (
        f"the loss of {EXAMPLES} examples fell from {first:.4f} to {lowest:.4f} in {done} steps "
        f"({100 * share:.0f} %, limit {100 * fits_to:.0f} %)"
    )
    if state == "failed":
        sentence += (
            ": a model that cannot learn eight examples by heart will not learn the rest. Look for "
            "frozen or dead weights, a loss that does not fit the data, and answers that "
            "contradict each other"
        )
    return Finding(
        check="overfitting",
        state=state,  # type: ignore[arg-type]
        sentence=sentence,
        value=share,
        limit=fits_to,
        details={"first": first, "last": last, "lowest": lowest, "steps": done, "rate": rate},
    )
