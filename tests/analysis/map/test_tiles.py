from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.map.columns import to_bytes
from analysis.map.labels import place_labels
from analysis.map.tiles import DEEPEST, tiles

_POINTS = arrays(
    np.float32,
    st.tuples(st.integers(1, 200), st.just(2)),
    elements=st.floats(-100, 100, width=32),
)


@given(_POINTS, st.integers(1, 20), st.integers(0, 3))
def test_every_point_is_in_exactly_one_tile_over_it(
    points: np.ndarray, capacity: int, seed: int
) -> None:
    found = tiles(points, capacity=capacity, seed=seed)
    np.testing.assert_array_equal(np.sort(found.order), np.arange(len(points)))
    total = 0
    for (level, column, row), below in zip(found.keys.tolist(), found.below.tolist(), strict=True):
        held = found.positions(level, column, row)
        total += len(held)
        assert len(held) <= capacity or level == DEEPEST
        width = found.side / 2**level
        low = np.array(found.low) + np.array([column, row]) * width
        slack = found.side * 1e-5
        assert (points[held] >= low - slack).all()
        assert (points[held] <= low + width + slack).all()
        under = (found.keys[:, 0] > level) & (
            found.keys[:, 1:] >> np.maximum(found.keys[:, :1] - level, 0) == (column, row)
        ).all(axis=1)
        assert below == np.diff(found.firsts)[under].sum()
        assert below == 0 or len(held) == capacity
    assert total == len(points)


def test_the_overview_shows_sparse_parts_beside_dense_ones() -> None:
    rng = np.random.default_rng(0)
    dense = rng.normal(0, 0.01, (20_000, 2))
    sparse = rng.uniform(-1, 1, (200, 2))
    found = tiles(np.concatenate([dense, sparse]).astype(np.float32), capacity=500)
    overview = found.positions(0, 0, 0)
    assert len(overview) == 500
    assert (overview >= 20_000).sum() > 190
    assert (overview[:250] >= 20_000).sum() > 60


def test_the_same_seed_gives_the_same_tiles_and_another_others() -> None:
    points = np.random.default_rng(0).normal(size=(1_000, 2)).astype(np.float32)
    first = tiles(points, capacity=100, seed=1)
    np.testing.assert_array_equal(tiles(points, capacity=100, seed=1).order, first.order)
    assert not np.array_equal(tiles(points, capacity=100, seed=2).order, first.order)


def test_what_is_not_there_has_no_points() -> None:
    found = tiles(np.zeros((3, 2), dtype=np.float32))
    assert sorted(found.positions(0, 0, 0).tolist()) == [0, 1, 2]
    assert found.positions(3, 1, 1).tolist() == []


def test_the_summary_counts_points_and_those_below() -> None:
    points = np.random.default_rng(0).uniform(size=(50, 2)).astype(np.float32)
    summary = tiles(points, capacity=20).to_json()
    root = summary["tiles"][0]
    assert root == {"level": 0, "column": 0, "row": 0, "points": 20, "below": 30}
    assert summary["points"] == 50
    assert sum(tile["points"] for tile in summary["tiles"]) == 50
    x0, y0, x1, y1 = summary["bounds"]
    assert x0 <= points[:, 0].min() < points[:, 0].max() <= x1
    assert x1 - x0 == pytest.approx(y1 - y0)


def test_an_impossible_capacity_is_refused() -> None:
    with pytest.raises(ValueError, match="capacity is 0; 1 or more"):
        tiles(np.zeros((3, 2), dtype=np.float32), capacity=0)


def test_a_tile_as_bytes_is_column_after_column() -> None:
    points = np.array([[1, 2], [3, 4], [5, 6]], dtype=np.float32)
    content = to_bytes(
        points,
        np.array([2, 0]),
        clusters=np.array([7, 8, -1]),
        scores=np.array([0.25, 0.5, 0.75]),
    )
    assert content[:4] == b"MTIL"
    assert struct.unpack("<3I", content[4:16]) == (1, 2, 3)
    assert struct.unpack("<2f2f2I2i2f", content[16:]) == (5, 1, 6, 2, 2, 0, -1, 7, 0.75, 0.25)
    bare = to_bytes(points, np.array([1]))
    assert struct.unpack("<3I2fI", bare[4:]) == (1, 1, 0, 3, 4, 1)


def test_a_label_stands_where_its_cluster_is_densest() -> None:
    rng = np.random.default_rng(0)
    large = rng.normal((0, 0), 0.1, (300, 2))
    part = rng.normal((10, 10), 0.1, (100, 2))
    points = np.concatenate([large, part]).astype(np.float32)
    (label,) = place_labels(points, tiles(points), np.zeros(400, dtype=int), {0: "배송"})
    assert (label.cluster, label.label, label.size, label.level) == (0, "배송", 400, 0)
    assert np.hypot(label.x, label.y) < 0.5


def test_labels_that_would_cover_larger_ones_wait_for_a_deeper_level() -> None:
    points = np.repeat([[0, 0], [0.5, 0], [8, 8]], [30, 20, 10], axis=0).astype(np.float32)
    clusters = np.repeat([4, 5, 6], [30, 20, 10])
    found = place_labels(points, tiles(points), clusters, {4: "a", 5: "b", 6: "c"})
    assert [(label.cluster, label.size) for label in found] == [(4, 30), (5, 20), (6, 10)]
    assert [label.level for label in found][::2] == [0, 0]
    level = found[1].level
    assert 8 / 2**level / 7 < 0.51 < 8 / 2 ** (level - 1) / 7


def test_clusters_without_a_name_have_no_label() -> None:
    points = np.zeros((4, 2), dtype=np.float32)
    assert place_labels(points, tiles(points), np.array([-1, -1, 2, 2]), {0: "a"}) == []
