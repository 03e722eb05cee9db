"""What is measured about an index, and what follows from it for a search."""

from __future__ import annotations

import json

import numpy as np
import pytest

from indexing.index import Effort, kind_of
from indexing.index.exact import nearest, unit
from indexing.measuring import held_back, tune
from indexing.row_mask import RowMask
from indexing.tuning import FilteredPoint, Point, Tuning
from indexing.types import Metric

CURVE = (
    Point(Effort(8, 50), 0.91, 10.0),
    Point(Effort(16, 50), 0.985, 20.0),
    Point(Effort(32, 100), 0.999, 40.0),
)
FILTERED = (
    FilteredPoint(0.5, Effort(32, 100), 0.995, 100.0),
    FilteredPoint(0.1, Effort(64, 200), 0.995, 300.0),
    FilteredPoint(0.01, Effort(64, 400), 0.7, 900.0),
)


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    generator = np.random.default_rng(0)
    centres = generator.standard_normal((60, 32))
    noise = 0.5 * generator.standard_normal((6000, 32))
    return unit((centres[generator.integers(0, 60, 6000)] + noise).astype(np.float32))


def test_the_cheapest_point_that_reaches_the_recall_is_taken() -> None:
    asked = Tuning(CURVE, asked=True)
    assert asked.at(0.9) == CURVE[0]
    assert asked.at(0.95) == CURVE[1]
    assert asked.at(0.99) == CURVE[2]
    assert asked.at(1.0) == CURVE[2]
    assert Tuning(()).at(0.9) is None


def test_documents_held_back_must_be_found_more_surely_than_questions() -> None:
    """0.9 of questions is 0.95 of documents: of those a tenth over 2 may be missed."""
    assert Tuning(CURVE).at(0.9) == CURVE[1]
    assert Tuning(CURVE).at(0.8) == CURVE[0]


def test_a_filter_is_answered_by_the_cheaper_way() -> None:
    tuning = Tuning(CURVE, FILTERED, row_microseconds=0.1)
    assert tuning.under(50_000, 0.5) == FILTERED[0]
    assert tuning.under(50_000, 0.3) == FILTERED[1]
    assert tuning.under(2_999, 0.3) is None, "comparing 2,999 rows takes less than 300 us"
    assert tuning.under(3_001, 0.3) == FILTERED[1]
    assert tuning.under(90_000, 0.05) is None, "that filter was measured to miss too much"
    assert tuning.under(90_000, 0.001) is None, "so narrow a filter was not measured"


def test_it_is_written_and_read() -> None:
    tuning = Tuning(CURVE, FILTERED, 0.25, 384, asked=True)
    assert Tuning.from_json(json.loads(json.dumps(tuning.to_json()))) == tuning


def test_held_back_rows_are_live_ones_and_a_tenth_at_most() -> None:
    live = np.arange(1, 2001, 2)
    back = held_back(live)
    assert len(back) == 100
    assert set(back.tolist()) <= set(live.tolist())
    assert (np.diff(back) > 0).all()
    np.testing.assert_array_equal(back, held_back(live))
    assert len(held_back(np.arange(9))) == 0


@pytest.mark.parametrize("kind", ["ivf-pq", "hnsw", "hnsw-sq8"])
def test_the_recall_on_the_curve_is_the_recall_found(kind: str, vectors: np.ndarray) -> None:
    rows, queries = np.arange(5700), vectors[5700:]
    index = kind_of(kind).build(vectors, Metric.COSINE, rows=rows)
    tuning = tune(index, vectors, rows, queries, Metric.COSINE)
    assert tuning.queries == 300
    recalls = [point.recall for point in tuning.curve]
    assert recalls == sorted(recalls)
    truth = nearest(vectors[:5700], queries, 10, Metric.COSINE)
    for point in tuning.curve:
        hits = index.search(queries, 10, effort=point.effort)
        pairs = zip(hits.ids.tolist(), truth.ids.tolist(), strict=True)
        found = np.mean([len(set(a) & set(b)) / 10 for a, b in pairs])
        assert point.recall == pytest.approx(found, abs=1e-4)
    assert recalls[-1] > 0.97


def test_filtered_points_reach_what_filters_are_promised(vectors: np.ndarray) -> None:
    rows, queries = np.arange(5700), vectors[5700:]
    index = kind_of("ivf-pq").build(vectors, Metric.COSINE, rows=rows)
    tuning = tune(index, vectors, rows, queries, Metric.COSINE)
    assert [point.share for point in tuning.filtered] == [0.5, 0.2, 0.1, 0.05, 0.02, 0.01]
    draw = np.random.default_rng(9).random(6000)
    for point in tuning.filtered[:3]:
        mask = RowMask((draw < point.share) & (np.arange(6000) < 5700))
        truth = nearest(vectors, queries, 10, Metric.COSINE, allowed=mask.allowed)
        hits = index.search(queries, 10, allowed=mask, effort=point.effort)
        pairs = zip(hits.ids.tolist(), truth.ids.tolist(), strict=True)
        assert np.mean([len(set(a) & set(b)) / 10 for a, b in pairs]) > 0.97


def test_questions_that_were_asked_are_measured_with(vectors: np.ndarray) -> None:
    rows = np.arange(5700)
    index = kind_of("hnsw").build(vectors, Metric.COSINE, rows=rows)
    few, many = vectors[5700:5750], vectors[5700:5900]
    assert not tune(index, vectors, rows, few, Metric.COSINE, asked=few).asked
    tuning = tune(index, vectors, rows, few, Metric.COSINE, asked=many)
    assert (tuning.asked, tuning.queries) == (True, 200)


def test_it_ends_early_if_told_to(vectors: np.ndarray) -> None:
    rows = np.arange(5700)
    index = kind_of("hnsw").build(vectors, Metric.COSINE, rows=rows)
    tuning = tune(index, vectors, rows, vectors[5700:], Metric.COSINE, stop=lambda: True)
    assert tuning.curve == tuning.filtered == ()
