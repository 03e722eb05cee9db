from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.drift.novelty import novelty
from analysis.drift.shares import shifts
from analysis.drift.testing import mean_discrepancy, separation
from analysis.progress import unwatched
from indexing.types import Metric

if TYPE_CHECKING:
    from collections.abc import Callable

_EVEN = (1 / 3, 1 / 3, 1 / 3, 0)


def _told(done: int, total: int) -> None:
    unwatched("", done, total)


def _p_values(topics: np.ndarray, later: tuple[float, ...], times: int) -> np.ndarray:
    """float64 (times, 2): of discrepancy and classifier, 60 documents on each side."""
    found = []
    for seed in range(times):
        rng = np.random.default_rng(seed)
        before, after = (
            (topics[rng.choice(4, 60, p=shares)] + rng.normal(size=(60, 12))).astype(np.float32)
            for shares in (_EVEN, later)
        )
        tested = mean_discrepancy(before, after, permutations=99, seed=seed, told=_told)
        found.append((tested.p_value, separation(before, after, seed=seed).p_value))
    return np.array(found)


def test_without_drift_alarms_are_as_rare_as_the_level(topics: np.ndarray) -> None:
    found = _p_values(topics, _EVEN, 200)
    # 200 trials at .1: more than 33 alarms have a chance of .001
    assert ((found <= 0.1).sum(axis=0) <= 33).all()
    assert ((found <= 0.5).sum(axis=0) >= 70).all()


def test_a_topic_that_grew_is_seen(topics: np.ndarray) -> None:
    found = _p_values(topics, (0.1, 0.1, 0.4, 0.4), 20)
    assert (found[:, 0] <= 0.05).all()
    assert (found[:, 1] <= 0.05).mean() >= 0.9


def test_what_is_the_same_throughout_has_not_drifted() -> None:
    equal = np.ones((20, 3), dtype=np.float32)
    tested = mean_discrepancy(equal, equal, permutations=99, seed=0, told=_told)
    assert (tested.statistic, tested.p_value) == (0, 1)
    apart = separation(equal, equal, seed=0)
    assert (apart.auc, apart.p_value) == (0.5, 1)


def test_the_discrepancy_is_that_of_the_kernel(drawn: Callable[..., np.ndarray]) -> None:
    before, after = (drawn((150, 150), s).astype(np.float32) for s in (0, 1))
    after += 0.7
    tested = mean_discrepancy(before, after, permutations=99, seed=0, told=_told)

    def kernel(one: np.ndarray, other: np.ndarray) -> float:
        squares = ((one[:, None] - other[None]) ** 2).sum(axis=2)
        return float(np.exp(-squares / (2 * tested.bandwidth**2)).mean())

    exact = kernel(before, before) + kernel(after, after) - 2 * kernel(before, after)
    assert tested.statistic == pytest.approx(exact, rel=0.15)
    assert tested.p_value == 0.01


def test_the_area_is_one_where_sides_are_apart(drawn: Callable[..., np.ndarray]) -> None:
    before = drawn((40,), 0).astype(np.float32)
    found = separation(before, before + 30, seed=0)
    assert found.auc == 1
    assert found.p_value < 1e-6
    assert (found.scores[:40] < found.scores[40:].min()).all()


def test_shares_are_tested_cluster_by_cluster() -> None:
    before = np.repeat([0, 1, 2, -1], [50, 30, 20, 10])
    after = np.repeat([0, 1, 3, -1], [50, 4, 25, 11])
    found = {s.cluster: s for s in shifts(before, after, {0: "배송", 3: "new"}, level=0.05)}
    assert {cluster: s.change for cluster, s in found.items()} == {
        0: "same",
        1: "shrank",
        2: "gone",
        3: "new",
        -1: "same",
    }
    assert (found[1].before, found[1].after, found[0].label) == (30, 4, "배송")
    assert found[1].share_after == pytest.approx(4 / 90)
    exact = comb(90, 25) / comb(200, 25)  # all 25 among the later 90, and nothing rarer
    assert found[3].p_value == pytest.approx(5 * exact, rel=1e-6)
    assert next(iter(found)) == 3


def test_new_documents_lie_farther_off_than_is_usual(drawn: Callable[..., np.ndarray]) -> None:
    before = drawn((200,), 0).astype(np.float32)
    after = np.concatenate([drawn((50,), 1), np.full((2, 12), 9.0)]).astype(np.float32)
    after[51] *= 2
    found = novelty(before, after, Metric.EUCLIDEAN)
    assert found.new[:2].tolist() == [51, 50]
    assert len(found.new) <= 6
    distances = np.linalg.norm(before - after[50], axis=1)
    assert found.nearest[50] == distances.argmin()
    assert found.scores[50] == pytest.approx(-distances.min(), rel=1e-5)
