"""IBM model 1 on the textbook's three sentences."""

from __future__ import annotations

import numpy as np
import pytest

from embeddings.training.tokenizer.alignment import align

# das Haus = the house, das Buch = the book, ein Buch = a book
DAS, HAUS, BUCH, EIN = range(4)
THE, HOUSE, BOOK, A = range(4)
PAIRS = [([DAS, HAUS], [THE, HOUSE]), ([DAS, BUCH], [THE, BOOK]), ([EIN, BUCH], [A, BOOK])]


def test_translations_are_told_apart_by_what_stands_beside_them() -> None:
    found = align(PAIRS * 5, seed=0, iterations=40)
    best = {source: found.best(source, 1, 0.0)[0][0] for source in (DAS, HAUS, BUCH, EIN)}
    assert best == {DAS: THE, HAUS: HOUSE, BUCH: BOOK, EIN: A}
    assert found.pairs == 15


def test_the_first_step_of_em_by_hand() -> None:
    # One pair k = {0, 1}, e = (5, 6); with "no source" three rows share each e equally.
    found = align([([0, 1], [5, 6])], seed=0, iterations=1)
    assert found.sources.tolist() == [0, 0, 1, 1]
    assert found.targets.tolist() == [5, 6, 5, 6]
    assert found.probabilities == pytest.approx([0.5] * 4)
    assert found.counts == pytest.approx({0: 2 / 3, 1: 2 / 3})


def test_probabilities_of_a_source_sum_to_one() -> None:
    draw = np.random.default_rng(1)
    pairs = [(draw.integers(0, 9, 4), draw.integers(0, 30, 6)) for _ in range(50)]
    found = align(pairs, seed=0)
    for source in np.unique(found.sources):
        assert found.probabilities[found.sources == source].sum() == pytest.approx(1)
    assert sum(found.counts.values()) < 300  # the rest is of no source


def test_shares_of_the_best_sum_to_one_and_unlikely_ones_are_left_out() -> None:
    found = align(PAIRS * 5, seed=0, iterations=2)
    targets, shares = found.best(DAS, 2, 0.0)
    assert shares.sum() == pytest.approx(1)
    assert list(shares) == sorted(shares, reverse=True)
    assert len(targets) == 2
    assert len(found.best(DAS, 5, 0.99)[0]) == 0
    assert len(found.best(77, 5, 0.0)[0]) == 0


def test_too_many_pairs_are_drawn_from_by_the_seed() -> None:
    pairs = [([row], [row, row]) for row in range(100)]
    small = align(pairs, seed=3, most_cells=40)
    assert small.pairs == 10  # a pair is 2 rows (one of them no source) by 2 targets
    assert small.sources.tolist() == align(pairs, seed=3, most_cells=40).sources.tolist()
    assert small.sources.tolist() != align(pairs, seed=4, most_cells=40).sources.tolist()


def test_nothing_to_align() -> None:
    found = align([([], [1]), ([1], [])], seed=0)
    assert (found.pairs, found.counts, len(found.sources)) == (0, {}, 0)
