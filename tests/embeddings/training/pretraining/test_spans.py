"""Span corruption: what is cut out can be put back."""

from __future__ import annotations

import numpy as np
import pytest

from embeddings.training.pretraining.spans import cut_spans

SENTINELS = tuple(range(1_000, 1_100))


def put_back(kept: np.ndarray, told: np.ndarray) -> list[int]:
    """The text of a T5's input and answer."""
    parts: dict[int, list[int]] = {}
    for token in told.tolist():
        if token >= 1_000:
            parts[token] = []
        else:
            parts[max(parts)].append(token)
    whole: list[int] = []
    for token in kept.tolist():
        whole += parts[token] if token >= 1_000 else [token]
    return whole


@pytest.mark.parametrize("length", [2, 3, 10, 127, 512])
@pytest.mark.parametrize("share", [0.05, 0.15, 0.5])
def test_a_text_is_whole_again(length: int, share: float) -> None:
    text = np.arange(length)
    for seed in range(10):
        kept, told = cut_spans(text, share, 3.0, SENTINELS, np.random.default_rng(seed))
        assert put_back(kept, told) == text.tolist()
        gone = (told < 1_000).sum()
        assert gone == min(max(round(share * length), 1), length - 1)
        spans = (kept >= 1_000).sum()
        assert spans == min(max(round(gone / 3.0), 1), gone, length - gone)
        assert (told >= 1_000).sum() == spans + 1  # a last sentinel ends the answer
        assert kept[0] == 0  # the first token stays


def test_one_token_leaves_its_sentinel() -> None:
    kept, told = cut_spans(np.array([7]), 0.15, 3.0, SENTINELS, np.random.default_rng(0))
    assert put_back(kept, told) == [7]
    assert kept.tolist() == [1_000]


def test_spans_are_fewer_than_sentinels() -> None:
    kept, _ = cut_spans(np.arange(500), 0.5, 1.0, SENTINELS[:5], np.random.default_rng(0))
    assert (kept >= 1_000).sum() == 4


def test_spans_lie_everywhere_and_have_their_mean_length() -> None:
    text, hit = np.arange(100), np.zeros(100)
    lengths = []
    for seed in range(400):
        _, told = cut_spans(text, 0.15, 3.0, SENTINELS, np.random.default_rng(seed))
        hit[told[told < 1_000]] += 1
        lengths.append((told < 1_000).sum() / ((told >= 1_000).sum() - 1))
    assert np.mean(lengths) == pytest.approx(3.0)
    assert hit[1:].min() > 10
    assert hit.sum() == 400 * 15
