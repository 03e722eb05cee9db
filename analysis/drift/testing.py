"""Do two samples of vectors come from one distribution? A test, and how easily they are told apart.

Gretton, Borgwardt, Rasch, Schölkopf and Smola, "A Kernel Two-Sample Test", 2012: the maximum mean
discrepancy |mean f(x) - mean f(y)|², here over random Fourier features f of a Gaussian kernel
(Rahimi and Recht, "Random Features for Large-Scale Kernel Machines", 2007), which costs O(n) and
not O(n²). Its p-value comes from exchanging documents between the samples, so false alarms are as
rare as promised at any size.

Lopez-Paz and Oquab, "Revisiting Classifier Two-Sample Tests", 2017: a classifier learns on one half
to tell the samples apart and is judged on the other; .5 is chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from embeddings.types import Vectors
    from indexing.types import Scores

_FEATURES = 512
_PAIRS = 2_000
_BLOCK = 100
_RIDGE = 0.1


@dataclass(frozen=True, slots=True)
class MeanDiscrepancy:
    """Of two samples.

    Attributes:
        statistic: squared maximum mean discrepancy, 0 or more.
        usual: that 95 % of exchanges stay below.
        p_value: share of exchanges with a statistic at least as large, above 0 to 1.
        bandwidth: of the kernel: the median distance of two documents.
    """

    statistic: float
    usual: float
    p_value: float
    bandwidth: float


def mean_discrepancy(
    before: Vectors,
    after: Vectors,
    *,
    permutations: int,
    seed: int,
    told: Callable[[int, int], None],
) -> MeanDiscrepancy:
    """The test by random features and exchanges.

    Args:
        before: float32 (n, dim).
        after: float32 (m, dim).
        permutations: exchanges; the least p-value is 1 / (permutations + 1).
        seed: of features and exchanges.
        told: of exchanges done and in all; may raise.
    """
    rng = np.random.default_rng(seed)
    both = np.concatenate([before, after]).astype(np.float32)
    one, other = rng.integers(len(both), size=(2, _PAIRS))
    bandwidth = float(np.median(np.linalg.norm(both[one] - both[other], axis=1)))
    if bandwidth == 0.0:
        bandwidth = float(np.linalg.norm(both - both.mean(axis=0), axis=1).mean())
    if bandwidth == 0.0:
        told(permutations, permutations)
        return MeanDiscrepancy(0.0, 0.0, 1.0, 0.0)
    directions = rng.normal(0, 1 / bandwidth, (both.shape[1], _FEATURES)).astype(np.float32)
    angles = both @ directions
    features = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
    features -= features.mean(axis=0)
    n, m = len(before), len(after)
    statistic = float(_statistic(features, np.arange(n)[None], n, m)[0])
    exchanged = np.empty(permutations)
    for first in range(0, permutations, _BLOCK):
        number = min(_BLOCK, permutations - first)
        chosen = np.stack([rng.permutation(n + m)[:n] for _ in range(number)])
        exchanged[first : first + number] = _statistic(features, chosen, n, m)
        told(first + number, permutations)
    reached = int((exchanged >= statistic * (1 - 1e-6)).sum())
    return MeanDiscrepancy(
        statistic,
        float(np.quantile(exchanged, 0.95)),
        (1 + reached) / (1 + permutations),
        bandwidth,
    )


def _statistic(
    features: Vectors, chosen: npt.NDArray[np.integer], n: int, m: int
) -> npt.NDArray[np.float64]:
    """Float64 (p,), of each row of `chosen`, the positions (n,) that make up the first sample.

    Features have mean 0, so the second sample's sum is minus the first's.
    """
    weights = np.zeros((len(chosen), n + m), dtype=np.float32)
    np.put_along_axis(weights, chosen, 1, axis=1)
    sums = (weights @ features).astype(np.float64) * (1 / n + 1 / m)
    found: npt.NDArray[np.float64] = (sums**2).sum(axis=1) / _FEATURES
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Separation:
    """How well a classifier tells documents of two samples apart that it has not learned from.

    Attributes:
        auc: area under the ROC curve on the half held out, .5 by chance, 1 if always right.
        p_value: of an area as large by chance, by the normal approximation of Mann and Whitney.
        scores: float32 (n + m,), how much of the second sample each document is, by the half
            that it is not in.
    """

    auc: float
    p_value: float
    scores: Scores


def separation(before: Vectors, after: Vectors, *, seed: int) -> Separation:
    """A regularised linear discriminant, learned on one half and judged on the other.

    Args:
        before: float32 (n, dim), n of at least 4.
        after: float32 (m, dim), m of at least 4.
        seed: of the halves.
    """
    rng = np.random.default_rng(seed)
    both = np.concatenate([before, after]).astype(np.float32)
    is_after = np.arange(len(both)) >= len(before)
    learned = np.zeros(len(both), dtype=bool)
    for side in (np.flatnonzero(~is_after), np.flatnonzero(is_after)):
        learned[rng.permutation(side)[: len(side) // 2]] = True
    scores = np.empty(len(both), dtype=np.float32)
    for half in (learned, ~learned):
        scores[~half] = _discriminant(both[half], is_after[half])(both[~half])
    held = ~learned
    auc, p_value = _area(scores[held], is_after[held])
    return Separation(auc, p_value, scores)


def _discriminant(rows: Vectors, is_after: npt.NDArray[np.bool_]) -> Callable[[Vectors], Scores]:
    from scipy.linalg import cho_factor, cho_solve

    means = [rows[is_after == side].mean(axis=0, dtype=np.float64) for side in (False, True)]
    middle = (means[0] + means[1]) / 2
    residuals = rows - np.where(is_after[:, None], means[1], means[0])
    scatter = residuals.T @ residuals / len(rows)
    scatter[np.diag_indices_from(scatter)] += (
        _RIDGE * float(np.trace(scatter)) / len(scatter) + 1e-9
    )
    direction = cho_solve(cho_factor(scatter), means[1] - means[0])

    def score(others: Vectors) -> Scores:
        found: Scores = ((others - middle) @ direction).astype(np.float32)
        return found

    return score


def _area(scores: Scores, is_after: npt.NDArray[np.bool_]) -> tuple[float, float]:
    from scipy.special import ndtr
    from scipy.stats import rankdata

    ranks = rankdata(scores)
    m, n = int(is_after.sum()), int((~is_after).sum())
    wins = float(ranks[is_after].sum()) - m * (m + 1) / 2
    _, ties = np.unique(scores, return_counts=True)
    total = n + m
    tied = float((ties.astype(np.float64) ** 3 - ties).sum()) / (total * (total - 1))
    variance = n * m / 12 * (total + 1 - tied)
    if variance <= 0:
        return 0.5, 1.0
    return wins / (n * m), float(ndtr(-(wins - n * m / 2) / np.sqrt(variance)))
