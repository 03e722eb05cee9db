"""The parts of compiled encoders: batches, scales, parity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.compiled.batches import BUDGET, pad, plan, round_up
from embeddings.compiled.parity import Parity, compare
from embeddings.compiled.quantisation import Seen, choose_scale


@given(lengths=st.lists(st.integers(0, 600), max_size=80), streams=st.integers(1, 4))
def test_every_row_is_in_one_batch_that_holds_it(lengths: list[int], streams: int) -> None:
    counts = np.array(lengths, dtype=np.int32)
    batches = list(plan(counts, streams))
    rows = [row for batch, _ in batches for row in batch.tolist()]
    assert sorted(rows) == list(range(len(lengths)))
    for batch, width in batches:
        assert width >= max(int(counts[batch].max()), 1)
        assert len(batch) == 1 or len(batch) * width <= BUDGET
    assert [width for _, width in batches] == sorted((w for _, w in batches), reverse=True)


def test_few_rows_are_spread_over_the_streams() -> None:
    assert len(list(plan(np.full(64, 15, np.int32), 2))) == 2
    assert len(list(plan(np.full(4, 15, np.int32), 2))) == 1


@pytest.mark.parametrize(
    ("length", "width"), [(1, 1), (15, 15), (32, 32), (33, 36), (127, 128), (129, 136), (512, 512)]
)
def test_widths_lie_on_a_grid(length: int, width: int) -> None:
    assert round_up(length) == width


def test_padding_is_masked() -> None:
    ids, mask = pad([[5, 6, 7], [8]], 4, padding=9)
    assert ids.tolist() == [[5, 6, 7, 9], [8, 9, 9, 9]]
    assert mask.tolist() == [[1, 1, 1, 0], [1, 0, 0, 0]]
    assert (ids.dtype, mask.dtype) == (np.int32, np.float32)


def test_zero_stays_zero_in_eight_bits() -> None:
    random = np.random.default_rng(1)
    rows = random.normal(size=(200, 12)).astype(np.float32)
    rows[:, 3] *= 40
    weights = random.normal(size=(8, 12)).astype(np.float32)
    scale = choose_scale(Seen(rows.min(0), rows.max(0), [rows]), weights)
    np.testing.assert_allclose(scale.quantise(np.zeros((1, 12), np.float32)), 0, atol=1e-6)


def test_smoothing_leaves_a_smaller_error_than_one_step_for_all() -> None:
    random = np.random.default_rng(2)
    rows = random.normal(size=(400, 32)).astype(np.float32)
    rows[:, 5] *= 60
    weights = random.normal(size=(16, 32)).astype(np.float32)
    seen = Seen(rows.min(0), rows.max(0), [rows])
    scale = choose_scale(seen, weights)
    whole, steps = scale.quantise_weights(weights)
    assert whole.dtype == np.int8
    assert np.abs(whole).max() == 127
    wanted = rows @ weights.T
    error = np.square(scale.quantise(rows) @ (whole * steps).T - wanted).mean()
    step = (rows.max() - rows.min()) / 255
    plain = np.square(np.round(rows / step) * step @ weights.T - wanted).mean()
    assert error < plain / 4


def test_parity_of_equal_vectors_is_whole() -> None:
    vectors = np.random.default_rng(3).normal(size=(20, 8)).astype(np.float32)
    found = compare(2 * vectors, vectors)
    assert found.probes == 20
    assert found.mean_cosine == pytest.approx(1)
    assert found.least_cosine == pytest.approx(1)
    assert found.neighbours == 1


def test_parity_falls_with_the_angle() -> None:
    vectors = np.eye(8, dtype=np.float32)
    turned = vectors.copy()
    turned[0] = (0.6, 0.8, 0, 0, 0, 0, 0, 0)
    found = compare(turned, vectors)
    assert found.least_cosine == pytest.approx(0.6)
    assert found.mean_cosine == pytest.approx(0.95)
    assert not found.reaches(Parity(0, 0.9, 0.7, 0))
    assert found.reaches(Parity(0, 0.9, 0.5, 0))
    assert str(found).startswith("mean cosine 0.9500, least 0.6000, ")


def test_neighbours_as_near_as_others_may_change_places() -> None:
    one = np.ones((8, 4), np.float32)
    noise = np.random.default_rng(4).normal(scale=1e-6, size=one.shape).astype(np.float32)
    assert compare(one + noise, one - noise).neighbours == 1
    spread = np.random.default_rng(3).normal(size=(20, 8)).astype(np.float32)
    moved = spread + np.random.default_rng(4).normal(scale=0.3, size=spread.shape)
    assert 0.6 < compare(moved.astype(np.float32), spread).neighbours < 0.95


def test_parity_survives_json() -> None:
    found = Parity(3, 0.5, 0.25, 1)
    assert Parity.from_json(found.to_json()) == found
