from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.clusters.assigning import assign
from analysis.clusters.density import default_size, principal, reached
from analysis.clusters.finding import ClusterRequest, Clusters, find_clusters
from analysis.clusters.outliers import reassign_outliers
from analysis.corpus import read_corpus
from analysis.errors import InvalidAnalysisError, UnsuitableCorpusError
from indexing.types import Document
from tests.analysis.clusters.conftest import fill, scattered

if TYPE_CHECKING:
    from indexing.local import LocalCollection


@pytest.fixture
def dense(collection: LocalCollection) -> LocalCollection:
    """Three dense topics of 18 documents and four strangers far from all of them."""
    fill(collection, copies=3)
    strangers = np.eye(32, dtype=np.float32)[[20, 22, 24, 26]]
    documents = [Document(f"stranger-{number}", f"stranger {number}") for number in range(4)]
    collection.add(documents, vectors=strangers)
    return collection


def _find(collection: LocalCollection, **fields: int) -> Clusters:
    return find_clusters(read_corpus(collection), ClusterRequest(method="hdbscan", **fields))


def test_dense_groups_are_found_and_strangers_are_in_none(dense: LocalCollection) -> None:
    found = _find(dense, min_size=5)
    assert found.receipt.k == 3
    assert sum(id.startswith("stranger") for id in found.members(-1).tolist()) >= 3
    assert found.receipt.outliers == int((found.labels == -1).sum())
    for cluster in found.clusters:
        members = found.members(cluster.id).tolist()
        assert len({id.partition("-")[0] for id in members} - {"stranger"}) == 1
        assert cluster.size == len(members)
        reach = found.similarity[found.labels == cluster.id]
        assert cluster.least is not None
        assert np.mean(reach >= cluster.least - 1e-5) >= 0.9
    assert "stranger" not in " ".join(cluster.label for cluster in found.clusters)


def test_outliers_are_put_into_clusters_in_one_call(dense: LocalCollection) -> None:
    found = _find(dense, min_size=5)
    dense.delete(["rain-0"])
    dense.add([Document("late", "비가 온다")], vectors=scattered(1, 3)[None])
    corpus = read_corpus(dense)
    whole = reassign_outliers(found, corpus)
    assert (whole.labels >= 0).all()
    assert whole.ids.tolist() == corpus.ids.tolist()
    assert whole.receipt.outliers == 0
    assert whole.receipt.reassigned == found.receipt.outliers + 1
    assert {c.id for c in whole.clusters} == {c.id for c in found.clusters}
    sizes = [cluster.size for cluster in whole.clusters]
    assert sum(sizes) == len(corpus)
    assert sizes == sorted(sizes, reverse=True)
    assert all(cluster.least is None for cluster in whole.clusters)
    (rain,) = {found.labels[place] for place, id in enumerate(found.ids) if id == "rain-1"}
    assert "late" in whole.members(int(rain)).tolist()
    before = dict(zip(found.ids.tolist(), found.labels.tolist(), strict=True))
    after = dict(zip(whole.ids.tolist(), whole.labels.tolist(), strict=True))
    assert all(after[id] == before[id] for id in after if before.get(id, -1) >= 0)
    for row, cluster in enumerate(whole.clusters):
        mean = corpus.vectors[whole.labels == cluster.id].mean(axis=0)
        np.testing.assert_allclose(whole.centroids[row], mean / np.linalg.norm(mean), atol=1e-5)


def test_new_documents_are_assigned_or_left_out(dense: LocalCollection) -> None:
    found = _find(dense, min_size=5)
    labels, similarity = assign(found, np.array([3 * scattered(0, 0), np.eye(32)[30]], np.float32))
    assert found.members(int(labels[0])).tolist()[0].startswith("returns")
    assert labels[1] == -1
    assert similarity[0] > 0.9 > similarity[1]


def test_everything_is_assigned_where_clusters_hold_everything(dense: LocalCollection) -> None:
    corpus = read_corpus(dense)
    found = find_clusters(corpus, ClusterRequest(k=4))
    labels, similarity = assign(found, corpus.vectors)
    np.testing.assert_array_equal(labels, found.labels)
    np.testing.assert_allclose(similarity, found.similarity, atol=1e-5)
    labels, _ = assign(found, -corpus.vectors[:3])
    assert (labels >= 0).all()


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.ones((2, 31), np.float32), r"shape \(2, 31\); the clusters' have 32 numbers"),
        (np.full((1, 32), np.nan, np.float32), "NaN or infinity"),
    ],
)
def test_vectors_that_cannot_be_assigned(
    filled: LocalCollection, vectors: np.ndarray, message: str
) -> None:
    found = find_clusters(read_corpus(filled), ClusterRequest(k=3))
    with pytest.raises(InvalidAnalysisError, match=message):
        assign(found, vectors)


def test_nothing_dense_is_said_with_the_remedy(collection: LocalCollection) -> None:
    collection.add(
        [Document(f"d{number}", f"text {number}") for number in range(12)],
        vectors=np.eye(12, 32, dtype=np.float32),
    )
    with pytest.raises(UnsuitableCorpusError, match="no dense group of 5 or more; lower min_size"):
        _find(collection, min_size=5)


def test_principal_components_keep_distances_of_flat_data() -> None:
    draw = np.random.default_rng(0)
    flat = draw.normal(size=(50, 2)).astype(np.float32)
    turned = flat @ np.linalg.qr(draw.normal(size=(8, 8)))[0][:2].astype(np.float32) + 3
    found = principal(turned, 2)
    np.testing.assert_allclose(
        np.linalg.norm(found[:1] - found, axis=1),
        np.linalg.norm(flat[:1] - flat, axis=1),
        atol=1e-4,
    )
    assert principal(turned, 5).shape == (50, 5)


def test_what_most_members_reach() -> None:
    similarity = np.array([0.1, 0.9, 0.8, *np.linspace(0.5, 0.6, 40)], dtype=np.float32)
    labels = np.array([0, 0, 0] + [1] * 40, dtype=np.int32)
    np.testing.assert_allclose(reached(similarity, labels, 2), [0.1, np.linspace(0.5, 0.6, 40)[2]])
    assert [default_size(n) for n in (50, 20_000)] == [5, 14]
