"""How sure a mean or a difference is: bootstrap intervals and the randomisation test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eval.errors import ChoiceError, EvalError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

LEVEL = 0.95
RESAMPLES = 2_000
PERMUTATIONS = 10_000
_BLOCK_CELLS = 4_000_000
"""Numbers held at a time while resampling: 32 MB."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % bootstrap interval.

    Attributes:
        value: the figure on all the data.
        low: lower end; equal to `value` where resampling cannot vary it.
        high: upper end.
    """

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"value": self.value, "low": self.low, "high": self.high}

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


def check_seed(seed: int) -> None:
    """Refuse a seed that the generator does not take.

    Raises:
        ChoiceError: it is negative.
    """
    if seed < 0:
        message = f"seed is {seed}; 0 or more is possible"
        raise ChoiceError(message)


def estimate_mean(values: Floats, *, seed: int, resamples: int = RESAMPLES) -> Estimate:
    """The mean of `values` with a percentile bootstrap interval over the values.

    Each of `resamples` draws n values with replacement; the interval runs from the 2.5th to the
    97.5th percentile of their means (Efron and Tibshirani 1993, chapter 13).

    Args:
        values: float64 (n,), one per query; n is 1 or more.
        seed: of the draws; equal seeds give equal intervals.
        resamples: how many draws.

    Raises:
        EvalError: no values.
    """
    n = len(values)
    if n == 0:
        message = "no values to take the mean of"
        raise EvalError(message)
    generator = np.random.default_rng(seed)
    block = max(1, _BLOCK_CELLS // n)
    means = np.empty(resamples)
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        draws = generator.integers(0, n, size=(rows, n))
        means[start : start + rows] = values[draws].mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(values.mean()), float(low), float(high))


def estimate_paired(
    x: Floats,
    y: Floats,
    figure: Callable[[Floats, Floats], float],
    *,
    seed: int,
    resamples: int = RESAMPLES,
) -> Estimate:
    """A figure of pairs, such as a correlation, with a percentile bootstrap interval.

    Resamples for which the figure is undefined (all values equal) are left out of the interval.

    Args:
        x: float64 (n,).
        y: float64 (n,), row by row beside `x`.
        figure: (x, y) to a number, NaN where it is undefined.
        seed: of the draws.
        resamples: how many draws of n pairs with replacement.

    Raises:
        EvalError: the figure of all pairs is undefined.
    """
    value = figure(x, y)
    if np.isnan(value):
        message = "the figure is undefined on these pairs: are all values of one side equal?"
        raise EvalError(message)
    generator = np.random.default_rng(seed)
    drawn = np.empty(resamples)
    for index in range(resamples):
        rows = generator.integers(0, len(x), size=len(x))
        drawn[index] = figure(x[rows], y[rows])
    drawn = drawn[~np.isnan(drawn)]
    if len(drawn) == 0:
        return Estimate(value, value, value)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high))


@dataclass(frozen=True, slots=True)
class Significance:
    """Outcome of a paired randomisation test.

    Attributes:
        p: probability of a mean difference at least this large, either way, if the two systems
            were the same.
        permutations: sign patterns looked at.
        exact: True if these were all there are.
    """

    p: float
    permutations: int
    exact: bool


def randomisation_test(
    differences: Floats, *, seed: int, permutations: int = PERMUTATIONS
) -> Significance:
    """Two-sided paired randomisation test of a mean difference of zero.

    If the two systems were the same, each query's difference could as well have had the other
    sign: p is the share of sign patterns whose mean is at least as far from zero as the one seen
    (Smucker, Allan and Carterette, CIKM 2007). All patterns are taken when there are no more
    than `permutations`; otherwise that many are drawn and the one seen is counted among them,
    so that p is never 0: (1 + as large) / (1 + drawn).

    Args:
        differences: float64 (n,), A minus B by query; none, or only zeros, gives p = 1.
        seed: of the draws.
        permutations: how many patterns at most.
    """
    moved = differences[differences != 0]
    seen = abs(moved.sum()) * (1 - 1e-12) - 1e-12  # sums of equal terms differ by rounding
    patterns = 2 ** min(len(moved), 63)
    if patterns <= permutations:
        codes = np.arange(patterns)[:, None] >> np.arange(len(moved))
        sums = (1.0 - 2.0 * (codes & 1)) @ moved
        return Significance(float(np.mean(np.abs(sums) >= seen)), patterns, exact=True)
    generator = np.random.default_rng(seed)
    block = max(1, _BLOCK_CELLS // len(moved))
    as_large = 0
    for start in range(0, permutations, block):
        rows = min(block, permutations - start)
        signs = generator.integers(0, 2, size=(rows, len(moved)), dtype=np.int8)
        as_large += int(np.count_nonzero(np.abs((1.0 - 2.0 * signs) @ moved) >= seen))
    return Significance((1 + as_large) / (1 + permutations), permutations, exact=False)
