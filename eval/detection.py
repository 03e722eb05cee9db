"""Measures of outlier scores against the truth: how far the true ones stand first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eval.errors import MeasureError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Floats = npt.NDArray[np.floating]
    Truth = npt.NDArray[np.bool_]


def roc_auc(truth: Truth, scores: Floats) -> float:
    """The chance that an outlier scores above an inlier, ties counting half: 0 to 1.

    Hanley, McNeil, "The meaning and use of the area under a ROC curve", Radiology 1982: the
    Mann-Whitney statistic over the number of pairs.

    Args:
        truth: bool (n,), True for outliers.
        scores: (n,), higher is more outlying.

    Raises:
        MeasureError: not both kinds are there, or a score is not a number.
    """
    from scipy.stats import rankdata

    outliers = _checked(truth, scores)
    above = rankdata(scores)[truth].sum() - outliers * (outliers + 1) / 2
    return float(above / (outliers * (len(truth) - outliers)))


def average_precision(truth: Truth, scores: Floats) -> float:
    """Precision at each threshold, weighted with the recall it adds: chance is the outliers' share.

    sum over thresholds of (R_i - R_(i-1)) P_i, equal scores being one threshold (Davis and
    Goadrich, "The relationship between precision-recall and ROC curves", ICML 2006, on why not by
    the trapezoidal rule).

    Args:
        truth: bool (n,), True for outliers.
        scores: (n,), higher is more outlying.

    Raises:
        MeasureError: as `roc_auc`.
    """
    outliers = _checked(truth, scores)
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(truth[order])
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    gained = np.diff(found[last], prepend=0) / outliers
    return float((gained * found[last] / (last + 1)).sum())


def precision_at_n(truth: Truth, scores: Floats) -> float:
    """The share of outliers among the n first, n being how many there are: 0 to 1.

    Campos et al., "On the evaluation of unsupervised outlier detection", Data Mining and Knowledge
    Discovery 2016, equation 1. Of scores equal to the n-th, the share of outliers among them.

    Args:
        truth: bool (n,), True for outliers.
        scores: (n,), higher is more outlying.

    Raises:
        MeasureError: as `roc_auc`.
    """
    outliers = _checked(truth, scores)
    line = np.partition(scores, len(scores) - outliers)[len(scores) - outliers]
    above, tied = scores > line, scores == line
    share = truth[tied].mean()
    return float((truth[above].sum() + (outliers - above.sum()) * share) / outliers)


MEASURES: dict[str, Callable[[Truth, Floats], float]] = {
    "ROC-AUC": roc_auc,
    "average precision": average_precision,
    "precision at n": precision_at_n,
}
"""By the names reports have."""


def _checked(truth: Truth, scores: Floats) -> int:
    outliers = int(truth.sum())
    if not 0 < outliers < len(truth):
        message = f"{outliers:,} of {len(truth):,} are outliers; both kinds are needed"
        raise MeasureError(message)
    if not bool(np.isfinite(scores).all()):
        message = "scores hold NaN or infinity; finite numbers are needed"
        raise MeasureError(message)
    return outliers
