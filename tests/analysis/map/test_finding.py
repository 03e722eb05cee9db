from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.errors import CancelledError, InvalidAnalysisError, UnsuitableCorpusError
from analysis.map.finding import Map, MapRequest, find_map
from analysis.results import Results

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from analysis.corpus import Corpus


def _neighbours(points: np.ndarray) -> np.ndarray:
    """int64 (n, 5): the nearest others of each row."""
    distances = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1, kind="stable")[:, :5]


def test_the_neighbours_of_a_point_are_of_its_group(found: Map) -> None:
    groups = np.repeat(np.arange(6), 25)
    assert (groups[_neighbours(found.points)] == groups[:, None]).mean() > 0.99
    assert found.ids[41] == "d00041"
    assert found.receipt.documents == 150
    assert found.receipt.exact
    np.testing.assert_allclose(found.points.mean(axis=0), 0, atol=1e-3)


def test_the_same_seed_gives_the_same_map(corpus: Corpus, found: Map) -> None:
    again = find_map(corpus, MapRequest(seed=0))
    np.testing.assert_array_equal(again.points, found.points)
    assert not np.array_equal(find_map(corpus, MapRequest(seed=1)).points, found.points)


def test_equal_documents_lie_side_by_side_but_not_on_one_another(
    corpus_of: Callable[..., Corpus], vectors: np.ndarray
) -> None:
    twins = vectors.copy()
    twins[:5] = twins[0]
    points = find_map(corpus_of(twins)).points
    assert len(np.unique(points[:5], axis=0)) == 5
    away = np.linalg.norm(points[:5] - points[:5].mean(axis=0), axis=1).max()
    assert away < 0.1 * np.ptp(points[:, 0])


@pytest.mark.parametrize("metric", ["euclidean", "dot"])
def test_other_metrics_have_maps_too(
    corpus_of: Callable[..., Corpus], vectors: np.ndarray, metric: str
) -> None:
    groups = np.repeat(np.arange(6), 25)
    points = find_map(corpus_of(vectors, metric=metric)).points
    assert (groups[_neighbours(points)] == groups[:, None]).mean() > 0.99


def test_a_kept_map_is_the_same(found: Map, tmp_path: Path) -> None:
    Results(tmp_path).save("map", found.to_result())
    kept = Map.from_result(Results(tmp_path).load("map"))
    np.testing.assert_array_equal(kept.points, found.points)
    assert kept.ids.tolist() == found.ids.tolist()
    assert kept.receipt == found.receipt
    np.testing.assert_array_equal(kept.anchors.vectors, found.anchors.vectors)
    assert kept.anchors.metric == found.anchors.metric
    assert kept.receipt.made_from["collection"] == "vectors"


def test_few_documents_have_fewer_neighbours(
    corpus_of: Callable[..., Corpus], vectors: np.ndarray
) -> None:
    found = find_map(corpus_of(vectors[:5]))
    assert found.receipt.neighbours == 4
    assert np.isfinite(found.points).all()
    assert len(np.unique(found.points, axis=0)) == 5


def test_one_document_is_refused(corpus_of: Callable[..., Corpus], vectors: np.ndarray) -> None:
    with pytest.raises(UnsuitableCorpusError, match="a map of 1 document; at least 4 are needed"):
        find_map(corpus_of(vectors[:1]))


def test_vectors_that_are_all_equal_are_refused(
    corpus_of: Callable[..., Corpus], vectors: np.ndarray
) -> None:
    equal = np.repeat(vectors[:1], 10, axis=0)
    with pytest.raises(UnsuitableCorpusError, match="vectors of all 10 documents are equal"):
        find_map(corpus_of(equal))


@pytest.mark.parametrize(
    ("field", "value"),
    [("neighbours", 1), ("neighbours", 201), ("exaggeration", 0.5), ("seed", -1)],
)
def test_impossible_requests_name_field_and_limit(field: str, value: float) -> None:
    with pytest.raises(InvalidAnalysisError, match=f"{field} is {value}; .* possible") as caught:
        MapRequest(**{field: value})
    assert caught.value.field == field


@pytest.mark.parametrize("stage", ["neighbours", "layout"])
def test_it_can_be_stopped_at_every_stage(corpus: Corpus, stage: str) -> None:
    def stop(now: str, done: int, total: int) -> None:
        assert 0 < done <= total
        if now == stage:
            raise CancelledError

    with pytest.raises(CancelledError):
        find_map(corpus, progress=stop)
