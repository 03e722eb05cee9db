from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from indexing.index.cells import centres
from indexing.index.graph import nearest_among, neighbour_graph
from indexing.types import Metric

if TYPE_CHECKING:
    from embeddings.types import Vectors


def _unit(number: int, dim: int = 16, seed: int = 0) -> Vectors:
    random = np.random.default_rng(seed)
    groups = random.standard_normal((12, dim))
    vectors = groups[random.integers(12, size=number)] + 0.4 * random.standard_normal((number, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _scores(vectors: Vectors, metric: Metric) -> Vectors:
    wide = vectors.astype(np.float64)
    if metric is Metric.EUCLIDEAN:
        scores = -np.linalg.norm(wide[:, None] - wide, axis=2)
    else:
        scores = wide @ wide.T
    np.fill_diagonal(scores, -np.inf)
    return scores


@pytest.mark.parametrize("metric", list(Metric))
@pytest.mark.parametrize("k", [1, 7, 299])
def test_the_exact_graph_is_the_brute_one(metric: Metric, k: int) -> None:
    vectors = _unit(300)
    graph = neighbour_graph(vectors, k, metric)
    scores = _scores(vectors, metric)
    expected = np.sort(scores, axis=1)[:, ::-1][:, :k]
    np.testing.assert_allclose(graph.scores, expected, atol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(scores, graph.ids, 1), expected, atol=1e-5)
    assert all(len(set(row)) == k for row in graph.ids.tolist())
    assert (graph.exact, graph.recall) == (True, 1.0)


@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.EUCLIDEAN])
def test_cells_find_most_of_it_and_say_how_much(metric: Metric) -> None:
    vectors = _unit(3_000)
    graph = neighbour_graph(vectors, 10, metric, exact=False, reach=3)
    true = np.sort(_scores(vectors, metric), axis=1)[:, -10:][:, ::-1]
    found = graph.scores >= true[:, -1:] - 1e-6
    assert not graph.exact
    assert found.mean() > 0.85  # .93
    assert graph.recall == pytest.approx(found.mean(), abs=0.05)
    assert (graph.ids != np.arange(3_000)[:, None]).all()
    assert (np.diff(graph.scores, axis=1) <= 0).all()
    assert all(len(set(row)) == 10 for row in graph.ids.tolist())


def test_every_cell_looked_through_is_exact() -> None:
    vectors = _unit(2_000)
    assert neighbour_graph(vectors, 5, Metric.COSINE, exact=False, reach=5).exact


def test_equal_rows_are_neighbours_of_each_other_and_never_of_themselves() -> None:
    vectors = np.repeat(_unit(6), 500, axis=0)
    for exact in (True, False):
        graph = neighbour_graph(vectors, 3, Metric.COSINE, exact=exact, reach=2)
        assert (graph.ids != np.arange(3_000)[:, None]).all()
        np.testing.assert_array_equal(
            graph.ids // 500, np.repeat(np.arange(6), 500)[:, None] + 0 * graph.ids
        )


def test_rows_in_cells_too_small_look_further() -> None:
    vectors = _unit(1_300)
    graph = neighbour_graph(vectors, 600, Metric.EUCLIDEAN, exact=False, reach=1)
    assert not graph.exact
    assert (graph.ids >= 0).all()


def test_it_tells_of_its_progress_and_stops_when_told() -> None:
    told: list[tuple[int, int]] = []
    neighbour_graph(_unit(2_500), 2, Metric.COSINE, told=lambda *step: told.append(step))
    assert told == [(1_024, 2_500), (2_048, 2_500), (2_500, 2_500)]

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        neighbour_graph(_unit(2_500), 2, Metric.COSINE, exact=False, reach=2, told=stop)


def test_impossible_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="k is 300; 1 to 299 is possible among 300 rows"):
        neighbour_graph(_unit(300), 300, Metric.COSINE)
    with pytest.raises(ValueError, match="reach is 0"):
        neighbour_graph(_unit(300), 3, Metric.COSINE, reach=0)


def test_centres_have_length_one_for_cosine_alone() -> None:
    vectors = _unit(500)
    assert np.linalg.norm(centres(vectors, 9, Metric.COSINE, 0), axis=1) == pytest.approx(1)
    assert (np.linalg.norm(centres(vectors, 9, Metric.EUCLIDEAN, 0), axis=1) < 0.999).all()


@pytest.mark.parametrize("metric", list(Metric))
def test_the_nearest_among_others_are_the_brute_ones(metric: Metric) -> None:
    vectors = _unit(300)
    rows, others = np.arange(0, 300, 3), np.flatnonzero(np.arange(300) % 3)
    ids, scores = nearest_among(vectors, rows, others, 7, metric)
    brute = _scores(vectors, metric)[rows]
    expected = np.sort(brute[:, others], axis=1)[:, ::-1][:, :7]
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(brute, ids, 1), expected, atol=1e-5)
    assert set(ids.ravel().tolist()) <= set(others.tolist())


def test_the_nearest_among_many_others_are_found_by_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexing.index.graph.MOST_EXACT", 100)
    monkeypatch.setattr("indexing.index.graph.CELL", 100)
    vectors = _unit(3_000)
    rows, others = np.arange(0, 3_000, 3), np.flatnonzero(np.arange(3_000) % 3)
    told: list[int] = []
    ids, scores = nearest_among(
        vectors, rows, others, 5, Metric.COSINE, told=lambda done, _: told.append(done)
    )
    brute = _scores(vectors, Metric.COSINE)[rows]
    np.testing.assert_allclose(np.take_along_axis(brute, ids, 1), scores, atol=1e-5)
    assert set(ids.ravel().tolist()) <= set(others.tolist())
    true = np.sort(brute[:, others], axis=1)[:, ::-1][:, :5]
    assert np.mean(scores >= true[:, -1:] - 1e-6) > 0.95  # 0.99
    assert told[-1] == 1_000


@pytest.mark.parametrize("k", [0, 3])
def test_more_than_there_are_others_are_refused(k: int) -> None:
    with pytest.raises(ValueError, match=f"k is {k}; 1 to 2"):
        nearest_among(_unit(9), np.arange(4), np.array([5, 6]), k, Metric.COSINE)
