"""New vectors on the scale of a corpus's outliers, at once and without learning anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.errors import InvalidAnalysisError, UnsuitableCorpusError
from analysis.outliers.model import BLOCK, Scored
from analysis.outliers.nearness import Nearness, nearest_documents, similarity_of
from analysis.outliers.result import Neighbour, Verdict
from indexing.index.exact import comparable

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from analysis.corpus import Corpus
    from analysis.outliers.calibration import Raw
    from analysis.outliers.result import Outliers
    from embeddings.types import Vectors
    from indexing.types import Ids, Scores


@dataclass(frozen=True, slots=True, eq=False)
class NewScores:
    """Scores of new vectors, in their order.

    Attributes:
        scores: float32 (m,), 0 to 1, as the documents have.
        parts: of each detector alone, float32 (m,).
        threshold: from which score on a vector is an outlier; that of the documents.
        neighbours: StringDType (m, shown), ids of the nearest documents, nearest first.
        similarities: float32 (m, shown), as `Neighbour.score`.
    """

    scores: Scores
    parts: Mapping[str, Scores]
    threshold: float
    neighbours: npt.NDArray[np.str_]
    similarities: Scores

    def verdicts(self) -> list[Verdict]:
        """One for each vector."""
        return [
            Verdict(
                id=None,
                score=float(score),
                is_outlier=bool(score >= self.threshold),
                neighbours=tuple(
                    Neighbour(str(id_), similarity)
                    for id_, similarity in zip(
                        self.neighbours[row], self.similarities[row].tolist(), strict=True
                    )
                ),
                detectors={name: float(part[row]) for name, part in self.parts.items()},
            )
            for row, score in enumerate(self.scores)
        ]


def score_new(outliers: Outliers, corpus: Corpus, vectors: Vectors) -> NewScores:
    """How little new vectors belong to a corpus whose outliers are known.

    The same detectors and scales are used as for the documents, so scores and threshold mean the
    same. Documents that came after the outliers were found do not count, nor do those that are
    gone; a document scored as a new vector is its own nearest neighbour.

    Args:
        outliers: found in the collection before.
        corpus: of the collection, as it is.
        vectors: float32 (m, dim), of the corpus's encoder; made `comparable` here.

    Raises:
        InvalidAnalysisError: vectors of another width, or not finite.
        UnsuitableCorpusError: fewer of the documents are left than are compared with.
    """
    queries = _checked(vectors, corpus)
    ranks = _ranks(outliers, corpus)
    among = None if bool((ranks >= 0).all()) else ranks >= 0
    left, k = int((ranks >= 0).sum()), outliers.model.k
    if left < k:
        message = (
            f"{left:,} of the {len(outliers):,} documents that were scored are left, and {k} are "
            "compared with; find the outliers again"
        )
        raise UnsuitableCorpusError(message)
    shown = outliers.neighbours.shape[1]
    parts: list[Scored] = []
    near: list[Nearness] = []
    for first in range(0, len(queries), BLOCK):
        block = queries[first : first + BLOCK]
        found = nearest_documents(corpus.vectors, block, k, outliers.metric, among)
        fitted = outliers.positions[ranks[found.positions]]
        parts.append(outliers.model.score(block, Nearness(fitted, found.distances)))
        near.append(Nearness(found.positions[:, :shown], found.distances[:, :shown]))
    names = outliers.parts
    return NewScores(
        scores=_joined([part.scores for part in parts]),
        parts={name: _joined([part.parts[name] for part in parts]) for name in names},
        threshold=outliers.receipt.threshold,
        neighbours=corpus.ids[np.concatenate([each.positions for each in near])],
        similarities=similarity_of(
            np.concatenate([each.distances for each in near]), outliers.metric
        ),
    )


def judge_question(outliers: Outliers, corpus: Corpus, vector: Vectors) -> Verdict:
    """Whether a question is unlike everything in a corpus, so that no answer is to be expected.

    Questions and documents may be encoded differently, and a short question lies farther from a
    long paragraph than paragraphs from each other: scores of questions are higher than those of
    documents, and best compared with one another.

    Args:
        outliers: found in the collection before.
        corpus: of the collection, as it is.
        vector: float32 (dim,), of the question, in the role `query`.

    Raises:
        InvalidAnalysisError: a vector of another width, or not finite.
        UnsuitableCorpusError: too few of the documents are left.
    """
    return score_new(outliers, corpus, np.asarray(vector)[None]).verdicts()[0]


def _checked(vectors: Vectors, corpus: Corpus) -> Vectors:
    dim = corpus.vectors.shape[1]
    given = np.ascontiguousarray(vectors, dtype=np.float32)
    if given.ndim != 2 or given.shape[1] != dim or not len(given):
        message = f"vectors are of shape {given.shape}; (1 or more, {dim}) is needed"
        raise InvalidAnalysisError(message, "vectors")
    if not bool(np.isfinite(given).all()):
        message = "vectors hold NaN or infinity; finite numbers are needed"
        raise InvalidAnalysisError(message, "vectors")
    return comparable(given, corpus.card.metric)


def _ranks(outliers: Outliers, corpus: Corpus) -> Ids:
    """int64 (documents of the corpus,): the rank of each; -1 if it was not scored."""
    ranks = np.full(len(corpus), -1, dtype=np.int64)
    places = outliers.positions
    if len(corpus) == len(outliers) and bool((corpus.ids[places] == outliers.ids).all()):
        ranks[places] = np.arange(len(outliers))
        return ranks
    known = {id_: rank for rank, id_ in enumerate(outliers.ids.tolist())}
    for position, id_ in enumerate(corpus.ids.tolist()):
        ranks[position] = known.get(id_, -1)
    return ranks


def _joined(blocks: list[Raw]) -> Scores:
    return np.concatenate(blocks).astype(np.float32)
