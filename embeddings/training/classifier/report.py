"""What a classifier gets right and wrong: scores, classes, the worst confusions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.training.classifier.calibration import scope_measures
from embeddings.training.classifier.measures import (
    calibration_error,
    class_scores,
    confusion,
    cross_entropy,
    exact,
    macro_f1,
    micro_f1,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from embeddings.classifier import Answers
    from embeddings.training.classifier.examples import Split

NONE = "(none)"
_WORST = 20
"""Pairs of classes whose confusions are told."""
_EXAMPLES = 3
_LONGEST = 160
"""Characters of an example text."""


def score(answers: Answers, truth: npt.NDArray[np.bool_], *, is_multi: bool) -> dict[str, float]:
    """Measures of answers; accuracy counts "none" as the right answer to texts of no class.

    Loss and calibration error are of texts that have a class.
    """
    known = np.ones(len(truth), np.bool_) if is_multi else truth.any(axis=1)
    probabilities, given = answers.probabilities, answers.given
    made = {"exact" if is_multi else "accuracy": exact(truth, given)}
    made["macro_f1"] = macro_f1(truth, given)
    if is_multi:
        made["micro_f1"] = micro_f1(truth, given)
    if known.any():
        made["loss"] = cross_entropy(truth[known], probabilities[known], is_multi=is_multi)
        made["calibration_error"] = calibration_error(
            truth[known], probabilities[known], is_multi=is_multi
        )
    return made if is_multi else made | scope_measures(probabilities, truth, given)


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """Where answers and truth part.

    Attributes:
        split: what was answered.
        answers: of the split's texts.
    """

    split: Split
    answers: Answers

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, and "none" behind them."""
        return (*self.answers.labels, NONE)

    def matrix(self) -> npt.NDArray[np.int64]:
        """Counts (C + 1, C + 1), see `confusion`."""
        return confusion(self.split.truth, self.answers.given)

    def classes(self) -> list[dict[str, Any]]:
        """Precision, recall and F1 of each class, as JSON values."""
        scores = class_scores(self.split.truth, self.answers.given, self.answers.labels)
        return [each.to_json() for each in scores]

    def worst(self) -> list[dict[str, Any]]:
        """The pairs of classes that are confused most, with the surest wrong texts of each."""
        counts = self.matrix()
        np.fill_diagonal(counts, 0)
        order = np.argsort(-counts, axis=None, kind="stable")[:_WORST]
        pairs = [divmod(int(place), len(counts)) for place in order if counts.flat[place]]
        return [
            {
                "true": self.labels[row],
                "given": self.labels[column],
                "count": int(counts[row, column]),
                "share": round(float(counts[row, column]) / self._size(row), 4),
                "examples": self._examples(row, column),
            }
            for row, column in pairs
        ]

    def _size(self, row: int) -> int:
        truth = self.split.truth
        there = truth[:, row] if row < truth.shape[1] else ~truth.any(axis=1)
        return max(int(there.sum()), 1)

    def _examples(self, row: int, column: int) -> list[dict[str, Any]]:
        truth, given = self.split.truth, self.answers.given
        classes = truth.shape[1]
        missed = (truth & ~given)[:, row] if row < classes else ~(truth & ~given).any(axis=1)
        wrong = (given & ~truth)[:, column] if column < classes else ~(given & ~truth).any(axis=1)
        rows = np.flatnonzero(missed & wrong & (truth != given).any(axis=1))
        best = self.answers.probabilities.max(axis=1)
        sure = self.answers.probabilities[:, column] if column < classes else best
        chosen = rows[np.argsort(-sure[rows], kind="stable")][:_EXAMPLES]
        return [
            {"text": shorten(self.split.texts[each]), "probability": round(float(sure[each]), 4)}
            for each in chosen
        ]


def shorten(text: str) -> str:
    """The text in one line of 160 characters at most."""
    plain = " ".join(text.split())
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"
