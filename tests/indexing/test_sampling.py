"""Recall of live queries, checked by answering some of them exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from indexing.index.exact import unit
from indexing.row_mask import RowMask
from indexing.sampling import RecallSampler
from indexing.snapshot import Snapshot
from indexing.types import Metric

if TYPE_CHECKING:
    from collections.abc import Iterator

VECTORS = unit(np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32))
SNAPSHOT = Snapshot(VECTORS, np.ones(300, dtype=bool), 300, Metric.COSINE, None)
QUERIES = unit(np.random.default_rng(1).standard_normal((40, 8)).astype(np.float32))


@pytest.fixture
def sampler() -> Iterator[RecallSampler]:
    sampler = RecallSampler(one_in=10)
    yield sampler
    sampler.close()


def true_scores(mask: RowMask | None = None) -> np.ndarray:
    return SNAPSHOT.find(QUERIES, 5, rows=mask, exact=True).hits.scores


def test_there_is_no_recall_before_the_first_sample(sampler: RecallSampler) -> None:
    assert sampler.recall() == (None, 0)
    assert sampler.queries() is None


def test_one_in_ten_is_checked(sampler: RecallSampler) -> None:
    sampler.offer(SNAPSHOT, QUERIES, true_scores())
    sampler.settle()
    assert sampler.recall() == (1.0, 4)
    np.testing.assert_array_equal(sampler.queries(), QUERIES[::10])


def test_single_questions_are_counted_together(sampler: RecallSampler) -> None:
    scores = true_scores()
    for place in range(25):
        sampler.offer(SNAPSHOT, QUERIES[place : place + 1], scores[place : place + 1])
    sampler.settle()
    assert sampler.recall() == (1.0, 3)
    assert sampler.total == 3


def test_missed_neighbours_lower_it(sampler: RecallSampler) -> None:
    """Of five neighbours the two best are missed, so the last two of the answer are too low."""
    scores = SNAPSHOT.find(QUERIES, 7, exact=True).hits.scores[:, 2:]
    sampler.offer(SNAPSHOT, QUERIES, scores)
    sampler.settle()
    assert sampler.recall() == (pytest.approx(0.6), 4)


def test_a_filter_is_obeyed(sampler: RecallSampler) -> None:
    mask = RowMask(np.arange(300) % 7 == 0)
    sampler.offer(SNAPSHOT, QUERIES, true_scores(mask), mask)
    sampler.settle()
    assert sampler.recall() == (1.0, 4)


def test_fewer_rows_than_asked_for_are_no_loss(sampler: RecallSampler) -> None:
    mask = RowMask(np.arange(300) < 3)
    sampler.offer(SNAPSHOT, QUERIES, true_scores(mask), mask)
    sampler.settle()
    assert sampler.recall() == (1.0, 4)


def test_another_index_begins_again_but_keeps_the_questions(sampler: RecallSampler) -> None:
    sampler.offer(SNAPSHOT, QUERIES, true_scores())
    sampler.settle()
    sampler.forget()
    assert sampler.recall() == (None, 0)
    assert len(sampler.queries()) == 4


def test_it_can_be_turned_off() -> None:
    sampler = RecallSampler(one_in=0)
    sampler.offer(SNAPSHOT, QUERIES, true_scores())
    assert sampler.recall() == (None, 0)
    sampler.close()
    sampler.close()
