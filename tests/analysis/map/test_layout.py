from __future__ import annotations

import numpy as np
import pytest

from analysis.map import layout
from analysis.map.affinities import affinities, principal_start


@pytest.mark.parametrize("scale", [1e-4, 0.1, 3, 12])
def test_repulsion_on_the_grid_is_that_of_all_pairs(
    scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = np.random.default_rng(0).normal(0, scale, (900, 2)).astype(np.float32)
    exact = layout.repulsion(points)
    monkeypatch.setattr(layout, "_FEW", 0)
    error = layout.repulsion(points) - exact
    assert np.linalg.norm(error) < 0.1 * np.linalg.norm(exact)


def test_affinities_are_symmetric_and_sum_to_one() -> None:
    neighbours = np.array([[1, 2], [0, -1], [1, 0]])
    found = affinities(neighbours).toarray()
    expected = np.array([[0, 0.5 + 1, 0.5 + 0.5], [1.5, 0, 0.5], [1, 0.5, 0]]) / 6
    np.testing.assert_allclose(found, expected, atol=1e-7)
    assert found.sum() == pytest.approx(1)


def test_it_starts_from_the_two_principal_components() -> None:
    rng = np.random.default_rng(0)
    scales = np.array([1, 9, 0.1, 3, 0.1])
    vectors = (rng.normal(size=(500, 5)) * scales + 4).astype(np.float32)
    start = principal_start(vectors, seed=0)
    assert start[:, 0].std() == pytest.approx(1e-4, rel=0.01)
    assert abs(np.corrcoef(start[:, 0], vectors[:, 1])[0, 1]) > 0.99
    assert abs(np.corrcoef(start[:, 1], vectors[:, 3])[0, 1]) > 0.99


def test_vectors_of_one_number_start_on_a_line() -> None:
    start = principal_start(np.arange(6, dtype=np.float32)[:, None], seed=0)
    assert np.argsort(start[:, 0]).tolist() in ([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0])
