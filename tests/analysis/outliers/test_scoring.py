from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.corpus import read_corpus
from analysis.errors import InvalidAnalysisError, UnsuitableCorpusError
from analysis.outliers.finding import OutlierRequest, find_outliers
from analysis.outliers.keeping import from_result, to_result
from analysis.outliers.request import METHODS
from analysis.outliers.scoring import judge_question, score_new
from indexing.filters import Filter
from indexing.types import Document

if TYPE_CHECKING:
    from embeddings.types import Vectors
    from indexing.local import LocalCollection


@pytest.fixture
def fresh() -> Vectors:
    """Four that belong, four that do not."""
    random = np.random.default_rng(1)
    inside = np.eye(32)[np.arange(4) % 2] + 0.05 * random.standard_normal((4, 32))
    return np.concatenate([inside, random.standard_normal((4, 32)) / 4]).astype(np.float32)


@pytest.mark.parametrize("method", METHODS)
def test_strangers_score_above_those_that_belong(
    crowded: LocalCollection, fresh: Vectors, method: str
) -> None:
    corpus = read_corpus(crowded)
    found = find_outliers(corpus, OutlierRequest(method=method))
    new = score_new(found, corpus, fresh)
    assert new.scores[4:].min() > new.scores[:4].max()
    assert [verdict.id for verdict in new.verdicts()] == [None] * 8
    assert set(new.parts) == set(found.parts)


def test_new_vectors_stand_on_the_scale_of_the_documents(
    crowded: LocalCollection, vectors: Vectors
) -> None:
    """Without neighbours in play, a document scored as new has the score it had."""
    corpus = read_corpus(crowded)
    found = find_outliers(corpus, OutlierRequest(method="forest"))
    new = score_new(found, corpus, vectors)
    by_id = dict(zip(found.ids.tolist(), found.scores.tolist(), strict=True))
    assert new.scores.tolist() == pytest.approx([by_id[f"d{place:03}"] for place in range(63)])


def test_kept_outliers_score_alike(crowded: LocalCollection, fresh: Vectors) -> None:
    corpus = read_corpus(crowded)
    found = find_outliers(corpus, OutlierRequest())
    before, after = (
        score_new(each, corpus, fresh) for each in (found, from_result(to_result(found)))
    )
    np.testing.assert_array_equal(before.scores, after.scores)


def test_only_documents_that_were_scored_count(
    crowded: LocalCollection, fresh: Vectors, vectors: Vectors
) -> None:
    found = find_outliers(read_corpus(crowded), OutlierRequest(k=5))
    before = score_new(found, read_corpus(crowded), fresh)
    crowded.add([Document(f"new{place}", "x") for place in range(8)], vectors=fresh)
    after = score_new(found, read_corpus(crowded), fresh)
    np.testing.assert_allclose(after.scores, before.scores, atol=1e-6)
    assert after.neighbours.tolist() == before.neighbours.tolist()
    crowded.delete([before.neighbours[0, 0]])
    fewer = score_new(found, read_corpus(crowded), fresh)
    assert fewer.neighbours[0, 0] == before.neighbours[0, 1]


def test_too_few_left_is_refused_with_the_remedy(crowded: LocalCollection, fresh: Vectors) -> None:
    found = find_outliers(read_corpus(crowded), OutlierRequest())
    few = Filter.parse({"must": [{"has_id": ["d000", "d001"]}]})
    with pytest.raises(UnsuitableCorpusError, match=r"2 of the 63 documents .* are left, and 20"):
        score_new(found, read_corpus(crowded, filter=few), fresh)


def test_a_question_is_judged_with_its_neighbours(crowded: LocalCollection, fresh: Vectors) -> None:
    corpus = read_corpus(crowded)
    found = find_outliers(corpus, OutlierRequest())
    inside, outside = (judge_question(found, corpus, fresh[place]) for place in (0, 7))
    assert (inside.is_outlier, outside.is_outlier) == (False, True)
    assert len(inside.neighbours) == 5
    assert inside.neighbours[0].score > outside.neighbours[0].score


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (np.zeros((2, 31)), r"shape \(2, 31\); \(1 or more, 32\) is needed"),
        (np.zeros((0, 32)), r"shape \(0, 32\)"),
        (np.zeros(32), r"shape \(32,\)"),
        (np.full((1, 32), np.nan), "NaN or infinity"),
    ],
)
def test_impossible_vectors_are_refused(
    crowded: LocalCollection, wrong: Vectors, told: str
) -> None:
    corpus = read_corpus(crowded)
    found = find_outliers(corpus, OutlierRequest(method="centroid"))
    with pytest.raises(InvalidAnalysisError, match=told):
        score_new(found, corpus, wrong)
