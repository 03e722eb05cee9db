"""Intervals and tests against values known by counting or from theory."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eval.errors import EvalError
from eval.statistics import estimate_mean, estimate_paired, randomisation_test


def test_the_interval_of_a_mean_is_near_the_normal_one():
    values = np.random.default_rng(3).normal(0.5, 0.2, size=400)
    estimate = estimate_mean(values, seed=0)
    half = 1.96 * values.std() / math.sqrt(400)
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.low == pytest.approx(values.mean() - half, abs=0.003)
    assert estimate.high == pytest.approx(values.mean() + half, abs=0.003)


def test_equal_values_have_no_interval_and_seeds_decide():
    constant = estimate_mean(np.full(7, 0.25), seed=1)
    assert (constant.low, constant.value, constant.high) == (0.25, 0.25, 0.25)
    values = np.arange(20) / 20
    assert estimate_mean(values, seed=5) == estimate_mean(values, seed=5)
    assert estimate_mean(values, seed=5) != estimate_mean(values, seed=6)


def test_draws_in_blocks_cover_every_resample(monkeypatch: pytest.MonkeyPatch):
    values = np.random.default_rng(0).random(50)
    whole = estimate_mean(values, seed=2, resamples=999)
    monkeypatch.setattr("eval.statistics._BLOCK_CELLS", 50 * 7)
    blocked = estimate_mean(values, seed=2, resamples=999)
    assert blocked == whole


def test_no_values_are_refused():
    with pytest.raises(EvalError, match="no values"):
        estimate_mean(np.empty(0), seed=0)


def test_a_paired_figure_has_an_interval_around_it():
    generator = np.random.default_rng(1)
    x = generator.normal(size=300)
    y = x + generator.normal(size=300)

    def correlate(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.corrcoef(a, b)[0, 1])

    estimate = estimate_paired(x, y, correlate, seed=0)
    assert estimate.value == pytest.approx(correlate(x, y))
    fisher = math.atanh(estimate.value)
    half = 1.96 / math.sqrt(297)
    assert estimate.low == pytest.approx(math.tanh(fisher - half), abs=0.02)
    assert estimate.high == pytest.approx(math.tanh(fisher + half), abs=0.02)


def test_an_undefined_figure_is_refused_and_undefined_resamples_are_left_out():
    with pytest.raises(EvalError, match="undefined"):
        estimate_paired(np.ones(3), np.ones(3), lambda _x, _y: math.nan, seed=0)

    def spread(a: np.ndarray, _b: np.ndarray) -> float:
        return float(np.ptp(a)) or math.nan

    estimate = estimate_paired(np.array([0.0, 1.0]), np.zeros(2), spread, seed=0)
    assert (estimate.value, estimate.low, estimate.high) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([0.1, 0.1, 0.1, 0.1, 0.1], 2 / 32),  # only all plus and all minus reach it
        ([0.5, -0.5], 1.0),
        ([0.3], 1.0),
        ([0.0, 0.0, 0.0], 1.0),
        ([], 1.0),
        ([0.4, 0.2, 0.1], 2 / 8),
        ([0.4, 0.2, -0.1], 4 / 8),  # sums .7 .5 .3 .1 and their mirror; .7 and .5 reach .5
        ([0.4, 0.2, -0.1, 0.0, 0.0, 0.0], 4 / 8),  # unmoved queries change nothing
    ],
)
def test_p_by_counting_sign_patterns(differences: list[float], p: float):
    result = randomisation_test(np.array(differences, dtype=np.float64), seed=0)
    assert result.p == pytest.approx(p)
    assert result.exact


def test_drawn_patterns_agree_with_all_of_them():
    differences = np.random.default_rng(8).normal(0.05, 0.2, size=13)
    exact = randomisation_test(differences, seed=0)
    drawn = randomisation_test(differences, seed=0, permutations=8_000)
    assert (exact.exact, exact.permutations) == (True, 8_192)
    assert (drawn.exact, drawn.permutations) == (False, 8_000)
    assert drawn.p == pytest.approx(exact.p, abs=0.02)
    assert randomisation_test(differences, seed=0, permutations=8_000) == drawn


def test_many_queries_all_better_give_the_smallest_p_that_can_be_drawn():
    result = randomisation_test(np.full(200, 0.01), seed=0, permutations=999)
    assert result.p == pytest.approx(1 / 1000)
    assert not result.exact


def test_the_test_is_level_under_no_difference():
    """Under the null hypothesis p is spread evenly: a tenth of experiments has p <= 0.1."""
    generator = np.random.default_rng(4)
    ps = [
        randomisation_test(generator.normal(size=12), seed=0).p
        for _ in range(400)
    ]  # fmt: skip
    assert np.mean(np.array(ps) <= 0.1) == pytest.approx(0.1, abs=0.045)  # 3 standard deviations
