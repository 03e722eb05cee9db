"""Measures of answers against what is true: F1, calibration, confusions."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Flags = npt.NDArray[np.bool_]

BINS = 15
"""Of the expected calibration error, as Guo et al. 2017 have it."""
LEAST_PROBABILITY = 1e-12
"""What stands for 0 in logarithms."""


@dataclass(frozen=True, slots=True)
class ClassScores:
    """How well one class is told from the others.

    Attributes:
        label: its name.
        texts: that have it.
        given: texts it was given to.
        precision: share of the given that have it; 0 if it was never given.
        recall: share of its texts it was given to; 0 without texts.
        f1: harmonic mean of the two.
    """

    label: str
    texts: int
    given: int
    precision: float
    recall: float
    f1: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, shares with four digits."""
        return {
            key: round(value, 4) if isinstance(value, float) else value
            for key, value in asdict(self).items()
        }


def class_scores(truth: Flags, given: Flags, labels: tuple[str, ...]) -> list[ClassScores]:
    """Precision, recall and F1 of each class.

    Args:
        truth: bool (n, C).
        given: bool (n, C).
        labels: C names.
    """
    hits = (truth & given).sum(axis=0)
    texts, answers = truth.sum(axis=0), given.sum(axis=0)
    return [
        ClassScores(
            label=label,
            texts=int(there),
            given=int(answered),
            precision=_share(hit, answered),
            recall=_share(hit, there),
            f1=_share(2 * hit, there + answered),
        )
        for label, hit, there, answered in zip(labels, hits, texts, answers, strict=True)
    ]


def macro_f1(truth: Flags, given: Flags) -> float:
    """The mean F1 over classes that some text has or was given; 0 without any."""
    hits = (truth & given).sum(axis=0)
    total = truth.sum(axis=0) + given.sum(axis=0)
    return float(np.mean(2 * hits[total > 0] / total[total > 0])) if total.any() else 0.0


def micro_f1(truth: Flags, given: Flags) -> float:
    """F1 over all decisions together."""
    return _share(2 * (truth & given).sum(), truth.sum() + given.sum())


def exact(truth: Flags, given: Flags) -> float:
    """The share of texts whose labels are all right; of one class a text, the accuracy."""
    return float((truth == given).all(axis=1).mean()) if len(truth) else 0.0


def cross_entropy(truth: Flags, probabilities: Floats, *, is_multi: bool) -> float:
    """The mean negative logarithm of what truth was given; over texts, or texts and labels."""
    likely = np.maximum(probabilities.astype(np.float64), LEAST_PROBABILITY)
    if is_multi:
        unlikely = np.maximum(1 - probabilities.astype(np.float64), LEAST_PROBABILITY)
        return float(-np.where(truth, np.log(likely), np.log(unlikely)).mean())
    return float(-np.log(likely[truth]).mean())


def calibration_error(truth: Flags, probabilities: Floats, *, is_multi: bool) -> float:
    """The expected calibration error, 0 to 1 (Naeini et al. 2015; Guo et al. 2017, equation 3).

    ECE = sum over 15 bins of (share of answers in the bin) |accuracy - mean confidence|. Of one
    class a text the answers are its best classes; of several, all decisions.
    """
    confidence, right = confidences(truth, probabilities, is_multi=is_multi)
    return sum(share * abs(hit - sure) for share, sure, hit in reliability(confidence, right))


def confidences(
    truth: Flags, probabilities: Floats, *, is_multi: bool
) -> tuple[npt.NDArray[np.float64], Flags]:
    """How sure each answer is, and whether it is right; see `calibration_error`."""
    if is_multi:
        return probabilities.ravel().astype(np.float64), truth.ravel()
    best = probabilities.argmax(axis=1)
    rows = np.arange(len(best))
    return probabilities[rows, best].astype(np.float64), truth[rows, best]


def reliability(
    confidence: npt.NDArray[np.float64], right: Flags
) -> list[tuple[float, float, float]]:
    """Of each bin with answers: their share, their mean confidence, the share that is right."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    made = []
    for place in np.unique(bins):
        inside = bins == place
        made.append(
            (float(inside.mean()), float(confidence[inside].mean()), float(right[inside].mean()))
        )
    return made


def ranking_quality(
    higher: npt.NDArray[np.floating[Any]], lower: npt.NDArray[np.floating[Any]]
) -> float:
    """The area under the ROC curve: how often one of `higher` lies above one of `lower`.

    Equal numbers count half (Mann and Whitney 1947).
    """
    from scipy.stats import rankdata

    if not len(higher) or not len(lower):
        return float("nan")
    ranks = rankdata(np.concatenate([higher, lower]))[: len(higher)].sum()
    return float((ranks - len(higher) * (len(higher) + 1) / 2) / (len(higher) * len(lower)))


def confusion(truth: Flags, given: Flags) -> npt.NDArray[np.int64]:
    """Counts (C + 1, C + 1): rows are true, columns given; the last of each is "none".

    The diagonal counts what is right. A label a text has and was not given is counted under each
    that it was wrongly given, or under "none"; a wrong label of a text that lacks none stands in
    the row "none". Of one class a text this is the usual matrix.
    """
    classes = truth.shape[1]
    counts = np.zeros((classes + 1, classes + 1), dtype=np.int64)
    right = (truth & given).sum(axis=0)
    counts[np.arange(classes), np.arange(classes)] = right
    counts[classes, classes] = int((~truth.any(axis=1) & ~given.any(axis=1)).sum())
    for row in np.flatnonzero((truth != given).any(axis=1)):
        missed = np.flatnonzero(truth[row] & ~given[row])
        wrong = np.flatnonzero(given[row] & ~truth[row])
        rows = missed if len(missed) else np.array([classes])
        columns = wrong if len(wrong) else np.array([classes])
        counts[np.ix_(rows, columns)] += 1
    return counts


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0
