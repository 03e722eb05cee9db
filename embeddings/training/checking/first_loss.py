"""The loss before anything is learned, against what guessing gives."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from embeddings.training.checking.findings import Finding
from embeddings.training.curves import Curves
from embeddings.training.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embeddings.training.checking.stepping import Stepper
    from embeddings.training.verdict import Expected


def check_first_loss(
    stepper: Stepper, batches: Sequence[Any], expected: Expected | None
) -> Finding:
    """Whether the mean loss of some batches is that of a model that knows nothing.

    Args:
        stepper: of a fresh trainer.
        batches: one or more, all of the size `expected` is meant for.
        expected: ln C for C classes, ln B for B texts to choose from; None where the loss of
            guessing depends on the data: then only a loss that is a number is asked for.
    """
    losses = stepper.measure(batches)
    mean = sum(losses) / len(losses)
    if expected is None or not math.isfinite(mean):
        state = "passed" if math.isfinite(mean) else "failed"
        sentence = f"the first loss is {mean:.4f}; what guessing gives depends on the data"
        if state == "failed":
            sentence = (
                f"the first loss is {mean}: no number. Look for empty texts, a margin or scale out "
                "of range, and weights that are no numbers"
            )
        return Finding(check="first loss", state=state, sentence=sentence, value=mean)  # type: ignore[arg-type]
    verdict = judge(Curves([(0, mean)], [], [], {}), expected, measure=None)
    return Finding(
        check="first loss",
        state="failed" if verdict.initial_is_odd else "passed",
        sentence=verdict.sentences[-1],
        value=mean,
        limit=expected.value,
        details={"expected": expected.value, "formula": expected.formula, "losses": losses},
    )
