"""Questions that a corpus has no good answer to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.errors import InvalidAnalysisError
from analysis.similarity import similar
from indexing.index.exact import comparable, nearest

if TYPE_CHECKING:
    from analysis.corpus import Corpus
    from embeddings.types import Vectors
    from indexing.types import Ids, Scores


@dataclass(frozen=True, slots=True, eq=False)
class Unanswered:
    """Questions whose best answer is poor.

    Attributes:
        positions: int64 (u,), which questions, the worst first.
        scores: float32 (n,), of every question, its best answer's.
        least: below which an answer is poor.
    """

    positions: Ids
    scores: Scores
    least: float

    @property
    def share(self) -> float:
        """Of the questions, 0 to 1."""
        return len(self.positions) / len(self.scores)


def best_scores(corpus: Corpus, questions: Vectors) -> Scores:
    """float32 (n,): the score of each question's nearest document.

    Args:
        corpus: at least one document.
        questions: float32 (n, dim), by the corpus's encoder.
    """
    vectors, metric = similar(corpus)
    if questions.ndim != 2 or questions.shape[1] != vectors.shape[1]:
        message = (
            f"questions of shape {questions.shape}; collection {corpus.card.name!r} has vectors "
            f"of {vectors.shape[1]} numbers by {corpus.card.encoder.fingerprint}"
        )
        raise InvalidAnalysisError(message, "questions")
    asked = comparable(np.ascontiguousarray(questions, dtype=np.float32), metric)
    return nearest(vectors, asked, 1, metric).scores[:, 0]


def find_unanswered(
    scores: Scores, *, least: float | None = None, usual: Scores | None = None
) -> Unanswered:
    """Questions with a best answer below a line that is given or read from usual questions.

    Args:
        scores: (n,), of each question's best answer; any score that is higher for better answers,
            so a search's confidence does as well as a cosine.
        least: the line; None: the score that 95 % of `usual` reach.
        usual: scores of questions known to be answered, or of an earlier time.

    Raises:
        InvalidAnalysisError: no scores, or neither a line nor usual scores.
    """
    if not len(scores):
        message = "scores hold no question; at least one is needed"
        raise InvalidAnalysisError(message, "scores")
    if least is None:
        if usual is None or not len(usual):
            message = "least is not given, nor are usual scores to read it from; give one of them"
            raise InvalidAnalysisError(message, "least")
        least = float(np.quantile(usual, 0.05))
    scores = np.asarray(scores, dtype=np.float32)
    below = np.flatnonzero(scores < least)
    return Unanswered(below[np.argsort(scores[below], kind="stable")], scores, least)
