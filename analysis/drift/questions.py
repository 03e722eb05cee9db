"""Questions that a corpus has no good answer to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from analysis.drift.result import Answered, PoorAnswer
from analysis.errors import InvalidAnalysisError
from analysis.similarity import similar
from indexing.index.exact import comparable, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.corpus import Corpus
    from embeddings.types import Vectors
    from indexing.types import Hits, Ids, Scores


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
    return _nearest(corpus, questions).scores[:, 0]


def as_corpus(corpus: Corpus, texts: Sequence[str], vectors: Vectors, *, first: int = 1) -> Corpus:
    """Questions in the place of documents, to be compared with some or with other questions.

    Args:
        corpus: whose encoder made the vectors; documents cannot be read of what comes back.
        texts: n questions; they stand for ids.
        vectors: float32 (n, dim).
        first: where their rows begin, below those of all documents: parts that are compared have
            rows of their own.
    """
    made = np.ascontiguousarray(vectors, dtype=np.float32)
    return replace(
        corpus,
        filter=None,
        rows=-np.arange(first, first + len(texts), dtype=np.int64),
        ids=np.array(list(texts), dtype=np.dtypes.StringDType()),
        _mapped=comparable(made, corpus.card.metric),
        _places=None,
    )


def find_answered(
    corpus: Corpus,
    questions: Corpus,
    *,
    usual: Corpus | None = None,
    least: float | None = None,
    examples: int = 20,
) -> Answered:
    """How well documents answer questions, and which are answered poorly.

    Args:
        corpus: the documents.
        questions: see `as_corpus`.
        usual: questions of an earlier time, or known to be answered; the line is what 95 % of
            them reach.
        least: the line; None reads it from `usual`, and without that there is none.
        examples: questions named at most.

    Raises:
        InvalidAnalysisError: vectors of another width.
    """
    hits = _nearest(corpus, questions.vectors)
    scores = hits.scores[:, 0]
    found = None
    if least is not None or usual is not None:
        before = None if usual is None else best_scores(corpus, usual.vectors)
        found = find_unanswered(scores, least=least, usual=before)
    worst = np.argsort(scores, kind="stable") if found is None else found.positions
    poor = [
        PoorAnswer(
            str(questions.ids[place]), float(scores[place]), str(corpus.ids[hits.ids[place, 0]])
        )
        for place in worst[:examples].tolist()
    ]
    return Answered(
        asked=len(questions),
        least=None if found is None else found.least,
        share=None if found is None else found.share,
        poor=tuple(poor),
    )


def _nearest(corpus: Corpus, questions: Vectors) -> Hits:
    vectors, metric = similar(corpus)
    if questions.ndim != 2 or questions.shape[1] != vectors.shape[1]:
        message = (
            f"questions of shape {questions.shape}; collection {corpus.card.name!r} has vectors "
            f"of {vectors.shape[1]} numbers by {corpus.card.encoder.fingerprint}"
        )
        raise InvalidAnalysisError(message, "questions")
    asked = comparable(np.ascontiguousarray(questions, dtype=np.float32), metric)
    return nearest(vectors, asked, 1, metric)


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
