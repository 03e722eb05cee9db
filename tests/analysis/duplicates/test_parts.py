from __future__ import annotations

import numpy as np
import pytest

from analysis.duplicates import grouping
from analysis.duplicates.grouping import stars
from analysis.duplicates.threshold import suggest
from analysis.duplicates.wording import normalised, numbers, overlap


def _nearest(vectors: np.ndarray, k: int = 20) -> np.ndarray:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = unit @ unit.T
    np.fill_diagonal(scores, -np.inf)
    return -np.sort(-scores, axis=1)[:, :k].astype(np.float32)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
@pytest.mark.parametrize("dim", [8, 64])
def test_the_suggestion_lies_between_chance_and_twins(share: float, dim: int) -> None:
    rng = np.random.default_rng(3)
    base = rng.normal(size=(600, dim))
    twins = base[: int(share * 600)] + rng.normal(0, 0.02, (int(share * 600), dim))
    scores = _nearest(np.concatenate([base, twins]))
    found = suggest(scores)
    assert found.separates
    chance = np.quantile(_nearest(base)[:, 0], 0.97)
    of_twins = (base[: len(twins)] * twins).sum(axis=1) / (
        np.linalg.norm(base[: len(twins)], axis=1) * np.linalg.norm(twins, axis=1)
    )
    assert chance < found.threshold <= np.quantile(of_twins, 0.02)
    assert found.documents == (scores[:, 0] >= np.float32(found.threshold)).sum()


def test_of_dense_and_sparse_parts_neither_is_taken_for_twins() -> None:
    rng = np.random.default_rng(0)
    dense = rng.normal(0, 0.3, (400, 16)) + rng.normal(size=16) * 2
    scores = _nearest(np.concatenate([dense, rng.normal(size=(400, 16))]))
    found = suggest(scores)
    assert not found.separates or found.documents <= 4


def test_where_chance_speaks_of_few_documents_it_vouches_for_none() -> None:
    """Three odd ones would be surprised by a neighbour at .3, which all the others have."""
    rng = np.random.default_rng(0)
    usual = -np.sort(-rng.uniform(0.5, 0.8, (300, 20)), axis=1)
    odd = np.tile(np.r_[0.35, np.linspace(-0.3, -0.4, 19)], (3, 1))
    found = suggest(np.concatenate([usual, odd]).astype(np.float32))
    assert (found.threshold, found.separates, found.hint) == (0.95, False, None)


def test_a_threshold_that_is_mostly_right_is_taken_and_said_to_be_unsure() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=(300, 16))
    twins = base[:6] + rng.normal(0, 0.5, (6, 16))
    found = suggest(_nearest(np.concatenate([base, twins])))
    assert not found.separates
    assert found.hint is not None
    assert (found.threshold, found.false_share) == (found.hint.threshold, found.hint.false_share)
    assert 0.05 < found.hint.false_share <= 0.1
    assert found.threshold < 0.95


def test_too_few_documents_say_nothing() -> None:
    found = suggest(_nearest(np.random.default_rng(0).normal(size=(30, 8)), 20))
    assert (found.threshold, found.separates) == (0.95, False)


def test_texts_are_compared_without_case_width_and_spaces() -> None:
    assert normalised("  Ｈello\n\tWORLD　") == "hello world"
    assert normalised("각") == normalised("\u1100\u1161\u11a8")
    assert numbers("v1.2 costs 3,000 of 7") == {"1.2", "3,000", "7"}


def test_overlap_counts_triples_of_letters() -> None:
    assert overlap("abcd", "abcd") == 1
    assert overlap("abcd", "abce") == pytest.approx(1 / 3)
    assert overlap("ab", "cd") == 0
    assert overlap("환불은 언제", "환뷸은 언제") > 0.6
    assert overlap("", "") == 1


def test_large_components_keep_to_the_pairs_found(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.array([[1, 0], [1, 0.02], [1, 0.04], [1, 0.06]], dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = np.array([[0, 1], [1, 2], [2, 3]])
    scores = (vectors[pairs[:, 0]] * vectors[pairs[:, 1]]).sum(axis=1)
    claim = np.array([5, 9, 5, 5])

    def compare(positions: np.ndarray) -> np.ndarray:
        near: np.ndarray = vectors[positions] @ vectors[positions].T
        return near

    def found() -> list[tuple[int, list[int]]]:
        every = stars(pairs, scores, compare, 0.9, claim, lambda one, other: True)
        return [(star.representative, sorted(star.members.tolist())) for star in every]

    assert found() == [(1, [0, 2, 3])]
    monkeypatch.setattr(grouping, "MOST_COMPARED", 3)
    assert found() == [(1, [0, 2])]


def test_who_may_not_be_together_is_not() -> None:
    vectors = np.ones((3, 2), dtype=np.float32) / np.sqrt(2).astype(np.float32)
    pairs, scores = np.array([[0, 1], [1, 2]]), np.ones(2, dtype=np.float32)
    claim = np.array([1, 3, 2])
    every = stars(
        pairs,
        scores,
        lambda some: vectors[some] @ vectors[some].T,
        0.9,
        claim,
        lambda one, other: {one, other} != {1, 2},
    )
    assert [(star.representative, star.members.tolist()) for star in every] == [(1, [0])]
