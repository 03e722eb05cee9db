"""Fusion against sums written out by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.fusion import Leg, fuse_ranks, fuse_scores
from indexing.types import Hits

if TYPE_CHECKING:
    from collections.abc import Callable


def hits(*scored: tuple[int, float], width: int | None = None) -> Hits:
    """One query's hits, padded to the width."""
    padding = [(-1, -np.inf)] * ((width or len(scored)) - len(scored))
    ids, scores = zip(*[*scored, *padding], strict=True)
    return Hits(np.array([ids], np.int64), np.array([scores], np.float32))


def pairs(fused: Hits) -> list[tuple[int, float]]:
    """Rows and scores of the only query, rounded."""
    (ids,), (scores,) = fused.ids.tolist(), fused.scores.tolist()
    return [(row, round(score, 6)) for row, score in zip(ids, scores, strict=True)]


DENSE = hits((7, 0.9), (3, 0.8), (5, 0.1), width=4)
WORDS = hits((5, 12.0), (7, 6.0))


def test_ranks_give_reciprocal_sums_over_the_largest() -> None:
    fused = fuse_ranks([Leg(DENSE), Leg(WORDS)], 4)
    best = 2 / 61
    assert pairs(fused) == [
        (7, round((1 / 61 + 1 / 62) / best, 6)),
        (5, round((1 / 63 + 1 / 61) / best, 6)),
        (3, round((1 / 62) / best, 6)),
        (-1, -np.inf),
    ]


def test_first_in_every_leg_is_one() -> None:
    assert pairs(fuse_ranks([Leg(DENSE), Leg(hits((7, 3.0)))], 1)) == [(7, 1.0)]


def test_weights_and_constant_count() -> None:
    fused = fuse_ranks([Leg(DENSE, weight=3), Leg(WORDS, weight=1)], 3, constant=0)
    assert pairs(fused) == [
        (7, round((3 + 1 / 2) / 4, 6)),
        (5, round((3 / 3 + 1) / 4, 6)),
        (3, round((3 / 2) / 4, 6)),
    ]


def test_equal_scores_share_the_best_rank_and_are_ordered_by_row() -> None:
    fused = fuse_ranks([Leg(hits((9, 2.0), (2, 1.0), (4, 1.0), (1, 0.5)))], 4, constant=0)
    assert pairs(fused) == [(9, 1.0), (2, 0.5), (4, 0.5), (1, 0.25)]


def test_scores_between_the_least_and_the_best_of_the_query() -> None:
    fused = fuse_scores([Leg(DENSE), Leg(WORDS)], 3)
    assert pairs(fused) == [
        (5, round((0 + 1) / 2, 6)),
        (7, round((1 + 0) / 2, 6)),
        (3, round((0.7 / 0.8) / 2, 6)),
    ]


def test_scores_above_the_least_there_can_be() -> None:
    fused = fuse_scores([Leg(DENSE, floor=-1.0), Leg(WORDS, weight=3, floor=0.0)], 3)
    assert pairs(fused) == [
        (5, round((1.1 / 1.9 + 3) / 4, 6)),
        (7, round((1 + 3 * 0.5) / 4, 6)),
        (3, round((1.8 / 1.9) / 4, 6)),
    ]


def test_one_hit_alone_is_one_and_an_empty_leg_gives_nothing() -> None:
    nothing = hits(width=2)
    assert pairs(fuse_scores([Leg(hits((4, -3.0))), Leg(nothing)], 2)) == [(4, 0.5), (-1, -np.inf)]
    assert pairs(fuse_ranks([Leg(nothing), Leg(nothing)], 1)) == [(-1, -np.inf)]


def test_queries_are_fused_one_by_one() -> None:
    first = Hits(np.array([[1, 2], [2, -1]]), np.array([[5, 4], [1, -np.inf]], np.float32))
    second = Hits(np.array([[2], [2]]), np.array([[9], [9]], np.float32))
    fused = fuse_ranks([Leg(first), Leg(second)], 2, constant=0)
    assert fused.ids.tolist() == [[2, 1], [2, -1]]
    assert fused.scores.tolist() == [[0.75, 0.5], [1.0, -np.inf]]


@pytest.mark.parametrize("fuse", [fuse_ranks, fuse_scores])
def test_impossible_calls_are_refused(fuse: Callable[..., Hits]) -> None:
    with pytest.raises(ValueError, match="0 legs and limit 1"):
        fuse([], 1)
    with pytest.raises(ValueError, match="1 legs and limit 0"):
        fuse([Leg(DENSE)], 0)
    with pytest.raises(ValueError, match="weight 0"):
        fuse([Leg(DENSE, weight=0)], 1)
    two = Hits(np.zeros((2, 1), np.int64), np.ones((2, 1), np.float32))
    with pytest.raises(ValueError, match=r"\[1, 2\] queries"):
        fuse([Leg(DENSE), Leg(two)], 1)
    with pytest.raises(ValueError, match="constant is -1"):
        fuse_ranks([Leg(DENSE)], 1, constant=-1)


ranked = st.lists(
    st.tuples(st.integers(0, 20), st.floats(-5, 50, width=32)),
    max_size=12,
    unique_by=lambda pair: pair[0],
).map(lambda scored: hits(*sorted(scored, key=lambda p: (-p[1], p[0])), width=12))


@given(ranked, ranked, st.sampled_from([None, -5.0]))
def test_fused_scores_are_shares_of_all_rows_in_order(
    first: Hits, second: Hits, floor: float | None
) -> None:
    legs = [Leg(first, 2.0, floor), Leg(second, 1.0, floor)]
    rows = {row for leg in legs for row in leg.hits.ids[0].tolist() if row >= 0}
    for fused in (fuse_ranks(legs, 24), fuse_scores(legs, 24)):
        found = [(row, score) for row, score in pairs(fused) if row >= 0]
        assert {row for row, _ in found} == rows
        assert len(found) == len(rows)
        assert all(0 <= score <= 1 for _, score in found)
        ids, scores = fused.ids[0][: len(found)], fused.scores[0][: len(found)]
        assert np.array_equal(np.lexsort((ids, -scores)), np.arange(len(found)))
