"""What scores of two channels are worth, on one scale: evidence, and the chance of an answer.

Nothing here knows which other documents were found: a document's value follows from its own two
scores, the query and the collection, so pages do not shift under a cursor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from indexing.types import Scores

    Values = npt.NDArray[np.float64]

_MOST_OF_A_TERM = 2.2
"""k1 + 1: what BM25 gives of a term's idf at most."""
_ONSET = 0.3
"""Meaning counts from this share of the best z that chance would bring ..."""
_SHARPNESS = 1.0
"""... bending so sharply into a straight line, and so much for a standard deviation."""
_WORDS = 1.2
"""What a root of BM25's reach counts beside a standard deviation of meaning."""


@dataclass(frozen=True, slots=True)
class Logistic:
    """Log-odds of an answer: slope ln(1 + evidence) + trust reliability + size ln(n) + bias.

    Attributes:
        slope: above 0.
        trust: of the reliability of the vectors, with which all evidence rises, chance's too.
        size: of the logarithm of the number of documents, among which chance finds its best.
        bias: what is left.
    """

    slope: float
    trust: float
    size: float
    bias: float


BOTH = Logistic(slope=4.294, trust=-2.102, size=-0.666, bias=-1.563)
MEANING = Logistic(slope=2.716, trust=-1.962, size=-0.311, bias=-0.521)
WORDS = Logistic(slope=4.708, trust=0.0, size=-0.619, bias=-2.466)
"""For both channels and for either alone, fitted once by `python -m benchmarks.calibration` on
judged questions; docs/decisions/0008-calibration.md names them, and the figures of sets left
out."""

NO_ANSWER = 0.15
"""Below this best confidence probably nothing answers: said of 6 % of the questions that were
answered (9 % by words alone) and of 59 % (76 %) of those asked of a collection on other things."""


@dataclass(frozen=True, slots=True)
class Chance:
    """What a query's scores are where only chance is at work.

    Attributes:
        documents: how many can be found.
        mean: of the metric's score against random documents.
        spread: its standard deviation.
        reliability: 0 to 1, how far vectors can be trusted for such a query.
        reach: the BM25 score that no document can exceed; 0 if nothing is asked by words.
    """

    documents: int
    mean: float
    spread: float
    reliability: float
    reach: float

    @property
    def best(self) -> float:
        """Standard deviations by which the best of n normal scores exceeds their mean.

        sqrt(2 ln n), the first term of the extreme-value expansion (Cramer 1946, section 28.6).
        """
        return math.sqrt(2.0 * math.log(max(2, self.documents)))


def reach(frequencies: Mapping[str, int], terms: Sequence[str], rows: int) -> float:
    """The BM25 score that no row can exceed: every term, as often as one could wish.

    Args:
        frequencies: in how many rows each term stands.
        terms: the query's; one that stands there twice counts twice.
        rows: how many there are.
    """
    return _MOST_OF_A_TERM * sum(idf(frequencies[term], rows) for term in terms)


def idf(frequency: int, rows: int) -> float:
    """Lucene's, above 0, of a term that stands in so many of the rows."""
    return math.log1p((max(rows, frequency) - frequency + 0.5) / (frequency + 0.5))


def weigh_meaning(scores: Scores, chance: Chance) -> Values:
    """Evidence of the metric's scores (n,), above 0, strictly rising with them.

    z, the standard deviations above the mean of random documents, counts from where it nears
    what the best of so many would reach by chance; below it fades: `ln(1 + exp(z - .3 best))`.
    """
    z = (scores.astype(np.float64) - chance.mean) / max(chance.spread, 1e-9)
    above = _SHARPNESS * (np.clip(z, -100.0, 1e3) - _ONSET * chance.best)
    return chance.reliability * np.logaddexp(0.0, above)


def weigh_words(scores: Scores, chance: Chance) -> Values:
    """Evidence of BM25 scores (n,), 0 or more, 0 where no word is found.

    Divided by the square root of the reach: the sum of a query's words grows with their number,
    what chance brings of it with the root of that.
    """
    return _WORDS * scores.astype(np.float64) / math.sqrt(max(1.0, chance.reach))


def judge(evidence: Values, chance: Chance, logistic: Logistic) -> Values:
    """Confidence (n,), between 0 and 1, of documents with that evidence, rising with it."""
    offset = (
        logistic.bias
        + logistic.trust * chance.reliability
        + logistic.size * math.log(max(2, chance.documents))
    )
    return np.asarray(1.0 / (1.0 + np.exp(-(logistic.slope * np.log1p(evidence) + offset))))
