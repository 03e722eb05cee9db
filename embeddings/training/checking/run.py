"""`check_recipe`: every check of a recipe, the cheap ones first."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from embeddings.training.batches import Batches
from embeddings.training.checking import answers, overfitting, rates
from embeddings.training.checking.findings import CheckReport, Finding
from embeddings.training.checking.first_loss import check_first_loss
from embeddings.training.checking.gradients import check_gradients
from embeddings.training.checking.leaks import check_leaks
from embeddings.training.checking.statistics import check_answers, check_lengths
from embeddings.training.checking.stepping import Stepper, batches_of, spread_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from embeddings.training.subjects.subject import Subject
    from embeddings.training.trainer import Listener, Loop

Check = Literal[
    "data", "leaks", "first-loss", "gradients", "learning-rate", "overfitting", "answers"
]
CHECKS: tuple[Check, ...] = get_args(Check)
"""In the order they are made."""
PLOT = "learning_rate.png"
_AT_ONCE = 32
"""Examples of a step at most: the checks are made on small batches."""
_FEW = 4
"""Batches that the first loss and gradients are taken of."""
_TURNS = 8
"""Batches that the range test takes in turn."""
_LEARNED, _HELD = 192, 192
"""Examples that answers are learned from, and held out."""


@dataclass(slots=True)
class Checking:
    """A recipe that is being checked.

    Attributes:
        subject: the recipe and its data.
        folder: for the picture of the range test.
        listener: told how it goes.
        findings: so far.
        rate: one that is known to work, once that was looked for.
    """

    subject: Subject
    folder: Path
    listener: Listener
    findings: list[Finding] = field(default_factory=list)
    rate: float | None = None

    @property
    def seed(self) -> int:
        """Of draws and weights."""
        return self.subject.recipe.run.seed

    @property
    def batches(self) -> Batches:
        """As the run cuts them, but small."""
        begun = self.subject.batches
        size = min(begun.per_step, _AT_ONCE)
        return Batches(size, 1, begun.cached and min(begun.cached, size))

    @property
    def working_rate(self) -> float:
        """A learning rate that works: the range test's, or else the recipe's."""
        return self.rate or self.subject.rate

    def rows(self, count: int, within: range | None = None) -> list[int]:
        """Rows without repeated texts, drawn at random."""
        return spread_rows(self.subject, count, seed=self.seed, within=within)

    def trainer(self, rows: Sequence[int], size: int | None = None) -> Loop:
        """A fresh trainer over some rows."""
        batches = self.batches if size is None else Batches(size)
        return self.subject.trainer(batches, rows)

    def telling(self, stage: str) -> Callable[[int, int], None]:
        """Tells the listener of a stage."""
        return lambda done, total: self.listener.progress(stage, done, total)


def check_recipe(
    kind: str,
    subject: Subject,
    folder: Path,
    listener: Listener,
    *,
    only: Collection[Check] = CHECKS,
) -> CheckReport:
    """Look for what usually goes wrong, without training anything that is kept.

    Args:
        kind: of the recipe.
        subject: the recipe with its data.
        folder: for `learning_rate.png`; it is there.
        listener: told how it goes.
        only: which checks.
    """
    begun = time.perf_counter()
    checking = Checking(subject, folder, listener)
    for name in CHECKS:
        if name in only:
            made = _CHECKS[name](checking)
            checking.findings += made
    return CheckReport(kind, checking.findings, time.perf_counter() - begun)


def _data(checking: Checking) -> list[Finding]:
    tables = checking.subject.tables()
    model: Any = checking.trainer(checking.rows(2), size=2).model
    return [*check_lengths(tables, model, seed=checking.seed), *check_answers(tables)]


def _leaks(checking: Checking) -> list[Finding]:
    return check_leaks(checking.subject.tables(), seed=checking.seed)


def _first_loss(checking: Checking) -> list[Finding]:
    batches = checking.batches
    rows = checking.rows(_FEW * batches.per_step)
    trainer = checking.trainer(rows)
    stepper = Stepper(trainer)
    # The last batch may be smaller, and its loss then another.
    whole = batches_of(stepper)[: max(len(rows) // batches.per_step, 1)]
    least = min(batches.per_step, len(rows))
    expected = checking.subject.expected(Batches(least), trainer)
    return [check_first_loss(stepper, whole, expected)]


def _gradients(checking: Checking) -> list[Finding]:
    stepper = Stepper(checking.trainer(checking.rows(_FEW * checking.batches.per_step)))
    return check_gradients(stepper, batches_of(stepper))


def _learning_rate(checking: Checking) -> list[Finding]:
    size = checking.batches.per_step
    rows = checking.rows(_TURNS * size)
    stepper = Stepper(checking.trainer(rows))
    test = rates.run_range_test(
        stepper, batches_of(stepper), progress=checking.telling("range test")
    )
    rate = checking.subject.rate
    rates.draw_range(test, checking.folder / PLOT, rate=rate)
    stepper = Stepper(checking.trainer(rows[: _FEW * size]))
    tried = rates.try_rate(
        stepper, batches_of(stepper), rate, progress=checking.telling("recipe's rate")
    )
    finding = rates.check_rate(test, rate, tried)
    checking.rate = rate if test.suggested is None else test.suggested
    return [finding]


def _overfitting(checking: Checking) -> list[Finding]:
    # Of one source: several would come in batches of their own.
    rows = checking.rows(overfitting.EXAMPLES, within=checking.subject.largest)
    return [
        overfitting.check_overfitting(
            checking.trainer(rows, size=len(rows)),
            rate=checking.working_rate,
            fits_to=checking.subject.fits_to,
            progress=checking.telling("eight examples"),
        )
    ]


def _answers(checking: Checking) -> list[Finding]:
    whole = checking.rows(_LEARNED + _HELD)
    if len(whole) < answers.FEWEST:
        sentence = (
            f"{len(whole)} different training examples are too few to hold some out (least "
            f"{answers.FEWEST})"
        )
        return [Finding(check="answers", state="skipped", sentence=sentence)]
    # Every second row of them: the halves are alike whatever the order of the file.
    learned, held = whole[::2], whole[1::2]
    # Many small batches tell more than few large ones: each is one look.
    size = min(8, max(4, len(held) // 24))
    stepper = Stepper(checking.trainer(learned, size=size))
    others = Stepper(checking.trainer(held, size=size))
    evidence = answers.gather(
        stepper,
        batches_of(stepper),
        batches_of(others),
        checking.subject.tables(),
        rate=checking.working_rate,
        seed=checking.seed,
        progress=checking.telling("answers"),
    )
    return [answers.check_answers_belong(evidence)]


_CHECKS: dict[Check, Callable[[Checking], list[Finding]]] = {
    "data": _data,
    "leaks": _leaks,
    "first-loss": _first_loss,
    "gradients": _gradients,
    "learning-rate": _learning_rate,
    "overfitting": _overfitting,
    "answers": _answers,
}
