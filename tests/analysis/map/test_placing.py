from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.errors import InvalidAnalysisError
from analysis.map.placing import place

if TYPE_CHECKING:
    from analysis.map.finding import Map


def test_new_points_lie_among_their_group_and_nothing_moves(
    found: Map, vectors: np.ndarray
) -> None:
    before = found.points.copy()
    rng = np.random.default_rng(5)
    new = (vectors[::5] + rng.normal(0, 0.05, (30, 16))).astype(np.float32)
    placed = place(found, 3 * new)
    groups = np.repeat(np.arange(6), 25)
    nearest = ((placed[:, None] - found.points[None]) ** 2).sum(axis=2).argmin(axis=1)
    assert (groups[nearest] == groups[::5]).all()
    np.testing.assert_array_equal(found.points, before)


def test_a_document_of_the_map_is_placed_near_itself(found: Map, vectors: np.ndarray) -> None:
    away = np.linalg.norm(place(found, vectors) - found.points, axis=1)
    assert np.median(away) < 0.03 * np.ptp(found.points[:, 0])


def test_no_vectors_have_no_places(found: Map) -> None:
    assert place(found, np.empty((0, 16), dtype=np.float32)).shape == (0, 2)


def test_vectors_of_another_width_name_the_encoder(found: Map) -> None:
    with pytest.raises(InvalidAnalysisError, match=r"shape \(2, 8\); the map's encoder \S+ gives"):
        place(found, np.ones((2, 8), dtype=np.float32))
