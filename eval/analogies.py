"""How many analogies word vectors solve."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from embeddings.words.model import Words
    from eval.target import Progress
    from eval.word_tests import Analogies

    Rows = npt.NDArray[np.int64]

_BLOCK = 512
_EPSILON = 1e-3
"""Of 3CosMul, as its paper has it."""


@dataclass(frozen=True, slots=True)
class SectionScore:
    """Analogies of one section.

    Attributes:
        name: of the section.
        questions: in the file.
        asked: of them, those whose four words are all known and not merged; the others count
            nowhere else.
        merged: those known whose answer is one of the other three words once they are read: an
            analyzer that drops endings sees no difference between tenses.
        added: solved by 3CosAdd (Mikolov et al. 2013).
        multiplied: solved by 3CosMul (Levy and Goldberg 2014).
    """

    name: str
    questions: int
    asked: int
    merged: int
    added: int
    multiplied: int

    @property
    def accuracy(self) -> float | None:
        """Share of the questions asked that 3CosAdd solves; None if none was."""
        return self.added / self.asked if self.asked else None

    @property
    def accuracy_multiplied(self) -> float | None:
        """The same of 3CosMul."""
        return self.multiplied / self.asked if self.asked else None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        accuracies = {"3cosadd": self.accuracy, "3cosmul": self.accuracy_multiplied}
        return {**asdict(self), "accuracy": accuracies}


def solve(data: Analogies, words: Words, progress: Progress | None = None) -> list[SectionScore]:
    """Ask every question whose words are known; the best word that is not in it must be right.

    Args:
        data: the questions.
        words: the vectors; all their words may be the answer.
        progress: told how many questions have been asked.

    Returns:
        The scores by section, in the file's order, and `total` behind them where there are
        several.
    """
    row: dict[str, int | None] = {}
    for questions in data.sections.values():
        for word in {word for question in questions for word in question}:
            if word not in row:
                row[word] = _row(words, word)
    total = sum(map(len, data.sections.values()))
    scores: list[SectionScore] = []
    done = 0
    for name, questions in data.sections.items():
        known = [tuple(row[word] for word in question) for question in questions]
        whole = [each for each in known if None not in each]
        asked = np.array([each for each in whole if each[3] not in each[:3]], dtype=np.int64)
        solved = np.zeros(2, dtype=np.int64)
        for start in range(0, len(asked), _BLOCK):
            solved += _solve(words, asked[start : start + _BLOCK])
        scores.append(
            SectionScore(
                name,
                questions=len(questions),
                asked=len(asked),
                merged=len(whole) - len(asked),
                added=int(solved[0]),
                multiplied=int(solved[1]),
            )
        )
        done += len(questions)
        if progress is not None:
            progress("analogies", done, total)
    if len(scores) > 1:
        sums = {key: sum(getattr(each, key) for each in scores) for key in _COUNTS}
        scores.append(SectionScore("total", **sums))
    return scores


_COUNTS = ("questions", "asked", "merged", "added", "multiplied")


def _row(words: Words, word: str) -> int | None:
    """The row of a word that is known as it is or in its dictionary form."""
    reading = words.find(word)
    if reading is None or not reading.known:
        return None
    return words.table.vocabulary.row(reading.read_as[0])


def _solve(words: Words, questions: Rows) -> Rows:
    """int64 (2,): how many of the questions (n, 4) 3CosAdd and 3CosMul solve."""
    unit = words.table.unit
    different, places = np.unique(questions[:, :3], return_inverse=True)
    cosines = unit[different] @ unit.T
    places = places.reshape(-1, 3)
    solved = np.zeros(2, dtype=np.int64)
    for question, (a, b, c) in zip(questions, places, strict=True):
        added = cosines[b] - cosines[a] + cosines[c]
        shifted = (cosines[b] + 1) * (cosines[c] + 1)
        multiplied = shifted / (cosines[a] + np.float32(1 + 2 * _EPSILON))
        for rule, scores in enumerate((added, multiplied)):
            scores[question[:3]] = -np.inf
            solved[rule] += int(scores.argmax() == question[3])
    return solved
