"""Batches: halves that keep the step, orders of seed and epoch, data sets mixed by weight."""

from __future__ import annotations

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import ConcatDataset

from embeddings.training.batches import (
    Batches,
    batch_sampler,
    distinct_batches,
    grouped_order,
    mixing_sampler,
    text_lengths,
)


def test_halves_keep_the_examples_of_a_step() -> None:
    seen = []
    batches: Batches | None = Batches(12)
    while batches is not None:
        seen.append((batches.per_step, batches.parts, batches.size))
        batches = batches.halved()
    assert seen == [(12, 1, 12), (6, 2, 12), (3, 4, 12), (2, 8, 12), (1, 12, 12)]


def test_cached_losses_halve_what_is_computed_at_once() -> None:
    halved = Batches(64, 1, 32).halved()
    assert halved == Batches(64, 1, 16)
    assert halved is not None
    assert (halved.per_step, halved.at_once) == (64, 16)
    assert Batches(8, 1, 1).halved() is None


@pytest.mark.parametrize("total", [1, 7, 64, 1000])
def test_an_order_has_every_example_once(total: int) -> None:
    lengths = np.random.default_rng(0).integers(1, 200, total).tolist()
    for known in (None, lengths):
        order = grouped_order(known, 8, total, seed=3)
        assert sorted(order.tolist()) == list(range(total))
        assert (order == grouped_order(known, 8, total, seed=3)).all()
    if total > 7:
        assert (grouped_order(lengths, 8, total, 3) != grouped_order(lengths, 8, total, 4)).any()


def test_batches_hold_like_lengths_and_the_longest_comes_first() -> None:
    lengths = np.random.default_rng(0).integers(1, 200, 803)
    order = grouped_order(lengths.tolist(), 8, 803, seed=1)
    batches = [lengths[order[start : start + 8]] for start in range(0, 800, 8)]
    spread = np.mean([batch.max() - batch.min() for batch in batches])
    assert spread < 10  # 4.4 today; a plain shuffle has 155
    assert batches[0].max() == max(batch.max() for batch in batches)


def dataset(rows: int) -> Dataset:
    texts = ["x" * (1 + row % 7) for row in range(rows)]
    return Dataset.from_dict({"a": texts, "b": ["가"] * rows, "label": [0.5] * rows})


def test_lengths_are_those_of_the_longest_text_of_a_row() -> None:
    assert text_lengths(dataset(4)) == [3, 3, 3, 4]


def test_each_epoch_has_an_order_of_its_own() -> None:
    made = batch_sampler(by_length=True, distinct=False)(
        dataset(20), batch_size=6, drop_last=False, seed=5
    )
    first = list(made)
    assert [len(batch) for batch in first] == [6, 6, 6, 2]
    assert sorted(row for batch in first for row in batch) == list(range(20))
    assert list(made) == first
    made.set_epoch(1)
    assert list(made) != first


def test_distinct_batches_have_no_text_twice() -> None:
    rows = Dataset.from_dict({"a": [f"q{n}" for n in range(12)], "b": ["x", "y", "z"] * 4})
    made = batch_sampler(by_length=True, distinct=True)(rows, batch_size=3, drop_last=False, seed=0)
    for batch in made:
        answers = rows[batch]["b"]
        assert len(set(answers)) == len(answers)


@given(
    rows=st.lists(st.frozensets(st.integers(0, 9), max_size=3), max_size=60),
    size=st.integers(1, 9),
)
def test_every_row_is_in_one_batch_and_no_text_twice(rows: list[frozenset[int]], size: int) -> None:
    batches = list(distinct_batches(range(len(rows)), rows, size))
    assert sorted(row for batch in batches for row in batch) == list(range(len(rows)))
    for batch in batches:
        assert 1 <= len(batch) <= size
        assert sum(len(rows[row]) for row in batch) == len(
            frozenset().union(*(rows[r] for r in batch))
        )


def test_distinct_batches_keep_to_their_order() -> None:
    texts = [frozenset({0}), frozenset({0}), frozenset({1}), frozenset({2}), frozenset({0})]
    assert list(distinct_batches(range(5), texts, 2)) == [[0, 2], [1, 3], [4]]


def test_a_text_in_every_row_ends_after_as_many_batches_as_were_told() -> None:
    rows = Dataset.from_dict({"a": [f"q{n}" for n in range(400)], "b": ["x"] * 400})
    made = batch_sampler(by_length=True, distinct=True)(rows, batch_size=4, drop_last=False, seed=0)
    assert list(map(len, made)) == [1] * len(made) == [1] * 100


def test_distinct_batches_hold_like_lengths() -> None:
    lengths = np.random.default_rng(0).integers(1, 200, 803)
    rows = Dataset.from_dict({"a": [f"{n:04}" + "x" * length for n, length in enumerate(lengths)]})
    made = batch_sampler(by_length=True, distinct=True)(rows, batch_size=8, drop_last=False, seed=0)
    spread = np.mean([np.ptp(lengths[batch]) for batch in made])
    assert spread < 10  # a plain shuffle has 155


def test_rows_with_targets_may_stand_twice() -> None:
    rows = Dataset.from_dict({"a": ["same"] * 8, "label": [1.0] * 8})
    made = batch_sampler(by_length=True, distinct=True)(rows, batch_size=4, drop_last=False, seed=0)
    assert [len(batch) for batch in made] == [4, 4]


def test_data_sets_are_read_as_often_as_they_weigh() -> None:
    sets = [dataset(8), dataset(8), dataset(8)]
    grouped = batch_sampler(by_length=False, distinct=False)
    samplers = [grouped(each, batch_size=4, drop_last=False, seed=1) for each in sets]
    made = mixing_sampler([1.0, 2.5, 0.5])(
        dataset=ConcatDataset(sets), batch_samplers=samplers, generator=None, seed=1
    )
    batches = list(made)
    assert len(batches) == len(made) == 2 + 5 + 1
    rows = [row for batch in batches for row in batch]
    assert sorted(row for row in rows if row < 8) == list(range(8))
    middle = [row for row in rows if 8 <= row < 16]
    assert len(middle) == 20
    assert all(middle.count(row) in {2, 3} for row in range(8, 16))
    assert all(max(batch) // 8 == min(batch) // 8 for batch in batches)
    made.set_epoch(1)
    assert list(made) != batches
