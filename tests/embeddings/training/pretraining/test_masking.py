"""The 80/10/10 rule, and whole words."""

from __future__ import annotations

import numpy as np
import pytest

from embeddings.training.pretraining.examples import Marks
from embeddings.training.pretraining.masking import IGNORED, mask_tokens
from embeddings.training.pretraining.recipe import Masking

MASK = 4
MARKS = Marks(
    pad=0,
    first=2,
    last=3,
    mask=MASK,
    sentinels=(),
    special=np.arange(5),
    ordinary=np.arange(5, 105),
)


def mask(
    ids: np.ndarray, options: Masking, seed: int = 3, begins: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    starts = np.ones(len(ids), dtype=bool) if begins is None else begins
    return mask_tokens(ids, starts, options, MARKS, np.random.default_rng(seed))


def test_eighty_ten_ten() -> None:
    ids = np.full(30_000, 60)
    ids[:5_000] = 3
    masked, labels = mask(ids, Masking())
    told = labels != IGNORED
    assert not told[:5_000].any()
    assert told[5_000:].mean() == pytest.approx(0.15, abs=0.01)
    assert (labels[told] == 60).all()
    assert (masked[~told] == ids[~told]).all()
    chosen = masked[told]
    assert (chosen == MASK).mean() == pytest.approx(0.8, abs=0.02)
    # One of a hundred random tokens is the token itself.
    assert (chosen == 60).mean() == pytest.approx(0.1 + 0.001, abs=0.02)
    others = chosen[(chosen != MASK) & (chosen != 60)]
    assert set(others.tolist()) < set(range(5, 105))
    assert len(set(others.tolist())) > 80


def test_all_behind_the_mask() -> None:
    masked, labels = mask(np.full(1_000, 60), Masking(share=0.5, mask=1.0, random=0.0))
    assert (masked[labels != IGNORED] == MASK).all()
    assert (labels != IGNORED).mean() == pytest.approx(0.5, abs=0.06)


def test_whole_words_are_masked_together_also_by_the_same_rule() -> None:
    begins = np.tile([True, False, False], 4_000)
    options = Masking(share=0.3, whole_words=True)
    masked, labels = mask(np.full(12_000, 60), options, begins=begins)
    told = labels != IGNORED
    words = told.reshape(-1, 3).sum(axis=1)
    assert set(words.tolist()) == {0, 3}
    assert (words == 3).mean() == pytest.approx(0.3, abs=0.03)
    assert (masked[told] == MASK).mean() == pytest.approx(0.8, abs=0.03)


def test_one_token_at_least_is_told_and_none_of_special_ones_alone() -> None:
    for seed in range(20):
        _, labels = mask(np.array([2, 60, 61, 3]), Masking(share=0.001), seed)
        assert (labels != IGNORED).sum() == 1
    masked, labels = mask(np.array([2, 3]), Masking())
    assert masked.tolist() == [2, 3]
    assert labels.tolist() == [IGNORED, IGNORED]


def test_equal_draws_give_equal_masks() -> None:
    ids = np.arange(5, 105)
    assert np.array_equal(mask(ids, Masking())[0], mask(ids, Masking())[0])
    assert not np.array_equal(mask(ids, Masking())[0], mask(ids, Masking(), seed=4)[0])
