from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.corpus import read_corpus
from analysis.errors import CancelledError, InvalidAnalysisError, UnsuitableCorpusError
from analysis.outliers.finding import OutlierRequest, find_outliers
from analysis.outliers.keeping import from_result, to_result
from analysis.outliers.request import COMBINED, METHODS
from analysis.results import Results
from indexing.types import Document, Metric

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from embeddings.types import Vectors
    from indexing.data_folder import DataFolder
    from indexing.local import LocalCollection

    Fill = Callable[[Vectors], LocalCollection]

STRANGERS = {"d060", "d061", "d062"}


@pytest.mark.parametrize("method", METHODS)
def test_strangers_come_first_by_every_method(crowded: LocalCollection, method: str) -> None:
    found = find_outliers(read_corpus(crowded), OutlierRequest(method=method))
    assert set(found.ids[:3].tolist()) == STRANGERS
    assert ((found.scores >= 0) & (found.scores < 1)).all()
    assert (np.diff(found.scores) <= 0).all()
    assert found.receipt.method == method
    assert found.receipt.detectors == (COMBINED if method == "combined" else {method: 1})
    assert found.receipt.exact
    assert found.receipt.recall == 1
    assert found.receipt.documents == 63


def test_the_robust_rule_calls_the_strangers_outliers_and_few_others(
    crowded: LocalCollection,
) -> None:
    found = find_outliers(read_corpus(crowded), OutlierRequest())
    assert found.receipt.threshold == 0.5
    assert found.receipt.rule == "robust"
    assert {verdict.id for verdict in found.verdicts()} >= STRANGERS
    assert found.receipt.outliers <= 6
    assert np.median(found.scores) < 0.2


def test_contamination_takes_that_share_and_tells_the_threshold(crowded: LocalCollection) -> None:
    found = find_outliers(read_corpus(crowded), OutlierRequest(contamination=0.2))
    assert found.receipt.outliers == 13  # 12.6
    assert found.receipt.threshold == found.scores[12]
    assert [verdict.is_outlier for verdict in found.verdicts(12, 2)] == [True, False]
    assert len(found.verdicts()) == 13
    nobody = find_outliers(read_corpus(crowded), OutlierRequest(contamination=0.001))
    assert nobody.verdicts() == []
    assert nobody.receipt.threshold == 1


def test_a_verdict_names_the_true_neighbours_and_who_spoke(
    crowded: LocalCollection, vectors: Vectors
) -> None:
    found = find_outliers(read_corpus(crowded), OutlierRequest(explained=4))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -2)
    for verdict in (*found.verdicts(0, 5), *found.verdicts(60, 3)):
        own = cosines[int(str(verdict.id)[1:])]
        expected = np.argsort(-own)[:4]
        assert [near.id for near in verdict.neighbours] == [f"d{place:03}" for place in expected]
        assert [near.score for near in verdict.neighbours] == pytest.approx(
            own[expected].tolist(), abs=1e-5
        )
    first, last = found.verdicts(0, 1)[0], found.verdicts(62, 1)[0]
    assert "knn" in first.spoke
    assert set(first.spoke) == {n for n, score in first.detectors.items() if score >= 0.5}
    assert last.spoke == ()
    assert first.to_json()["neighbours"][0] == {
        "id": first.neighbours[0].id,
        "score": first.neighbours[0].score,
    }


def test_the_same_question_has_the_same_answer(crowded: LocalCollection) -> None:
    once, twice = (find_outliers(read_corpus(crowded), OutlierRequest(seed=7)) for _ in range(2))
    assert once.ids.tolist() == twice.ids.tolist()
    np.testing.assert_array_equal(once.scores, twice.scores)


def test_known_clusters_are_used(crowded: LocalCollection) -> None:
    """Centroids put where the strangers are make these the nearest of all."""
    corpus = read_corpus(crowded)
    clusters = SimpleNamespace(centroids=corpus.vectors[60:].copy())
    found = find_outliers(corpus, OutlierRequest(method="clusters"), clusters=clusters)
    assert set(found.ids[-3:].tolist()) == STRANGERS


@pytest.mark.parametrize("metric", [Metric.EUCLIDEAN, Metric.DOT])
def test_other_metrics_compare_by_distance(
    data: DataFolder, vectors: Vectors, metric: Metric
) -> None:
    made = data.create("others", encoder="hash:32", metric=metric)
    made.add([Document(f"d{place:03}", "x") for place in range(63)], vectors=vectors)
    found = find_outliers(read_corpus(made), OutlierRequest(method="knn", explained=1))
    assert set(found.ids[:3].tolist()) == STRANGERS
    apart = np.linalg.norm(vectors[:, None] - vectors, axis=2)
    np.fill_diagonal(apart, np.inf)
    place = int(found.ids[0][1:])
    assert found.similarities[0, 0] == pytest.approx(-apart[place].min(), rel=1e-4)


def test_kept_and_read_back_it_says_the_same(crowded: LocalCollection, tmp_path: Path) -> None:
    found = find_outliers(read_corpus(crowded), OutlierRequest(contamination=0.1))
    results = Results(tmp_path)
    results.save("outliers", to_result(found))
    back = from_result(results.load("outliers"))
    assert back.receipt == found.receipt
    assert back.request == found.request
    assert back.verdicts(0, 63) == found.verdicts(0, 63)
    assert back.model.scales == found.model.scales


@pytest.mark.parametrize(
    ("wrong", "field", "told"),
    [
        ({"contamination": 0.0}, "contamination", "contamination is 0; above 0 and below 0.5"),
        ({"contamination": 0.9}, "contamination", "contamination is 0.9; above 0 and below 0.5"),
        ({"contamination": float("nan")}, "contamination", "contamination is nan"),
        ({"method": "magic"}, "method", "method 'magic' is unknown; there are combined, knn"),
        ({"k": 0}, "k", "k is 0; a whole number from 1 to 1,000 is possible"),
        ({"k": True}, "k", "k is True"),
        ({"explained": 51}, "explained", "explained is 51; a whole number from 1 to 50"),
        ({"seed": -1}, "seed", "seed is -1"),
    ],
)
def test_impossible_requests_name_field_and_limit(
    wrong: dict[str, Any], field: str, told: str
) -> None:
    with pytest.raises(InvalidAnalysisError, match=told) as caught:
        OutlierRequest(**wrong)
    assert caught.value.field == field


def test_k_must_be_below_the_number_of_documents(crowded: LocalCollection) -> None:
    with pytest.raises(InvalidAnalysisError, match="k is 63; below the number of documents, 63"):
        find_outliers(read_corpus(crowded), OutlierRequest(k=63))


def test_fewer_documents_than_usual_neighbours_is_said(fill: Fill, vectors: Vectors) -> None:
    found = find_outliers(read_corpus(fill(vectors[55:])), OutlierRequest())
    assert found.receipt.k == 7
    assert found.receipt.warnings == ("each document is compared with all 7 others; 20 are usual",)


@pytest.mark.parametrize("number", [1, 2])
def test_too_few_documents_are_refused(fill: Fill, vectors: Vectors, number: int) -> None:
    with pytest.raises(UnsuitableCorpusError, match=f"{number} documents are too few"):
        find_outliers(read_corpus(fill(vectors[:number])), OutlierRequest())


def test_equal_vectors_are_refused(fill: Fill, vectors: Vectors) -> None:
    equal = np.repeat(vectors[:1], 30, axis=0)
    with pytest.raises(UnsuitableCorpusError, match="all 30 vectors are equal"):
        find_outliers(read_corpus(fill(equal)), OutlierRequest())


def test_many_equal_vectors_beside_one_other(fill: Fill, vectors: Vectors) -> None:
    mostly = np.concatenate([np.repeat(vectors[:1], 40, axis=0), vectors[60:61]])
    found = find_outliers(read_corpus(fill(mostly)), OutlierRequest())
    assert found.ids[0] == "d040"
    assert found.receipt.outliers == 1


def test_cancelling_stops_it(crowded: LocalCollection) -> None:
    stages = []

    def progress(stage: str, done: int, total: int) -> None:
        assert 0 <= done <= total
        stages.append(stage)
        if stage == "scores":
            raise CancelledError

    with pytest.raises(CancelledError):
        find_outliers(read_corpus(crowded), OutlierRequest(), progress=progress)
    assert list(dict.fromkeys(stages)) == ["neighbours", "detectors", "scores"]
