from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.clusters.finding import ClusterRequest, Clusters, find_clusters
from analysis.corpus import read_corpus
from analysis.errors import CancelledError, InvalidAnalysisError, UnsuitableCorpusError
from analysis.results import Results
from indexing.types import Document

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.local import LocalCollection


def _topics(found: Clusters) -> dict[int, set[str]]:
    topics: dict[int, set[str]] = {}
    for id, label in zip(found.ids.tolist(), found.labels.tolist(), strict=True):
        topics.setdefault(label, set()).add(id.partition("-")[0])
    return topics


@pytest.mark.parametrize("method", ["kmeans", "agglomerative"])
def test_topics_are_found_named_and_represented(filled: LocalCollection, method: str) -> None:
    found = find_clusters(read_corpus(filled), ClusterRequest(method=method, k=3))
    assert sorted(map(len, _topics(found).values())) == [1, 1, 1]
    by_topic = {topics.pop(): id for id, topics in _topics(found).items()}
    named = {cluster.id: cluster for cluster in found.clusters}
    assert "반품" in named[by_topic["returns"]].label
    assert "배송비" in named[by_topic["returns"]].terms
    assert "날씨" in named[by_topic["rain"]].label
    cards = named[by_topic["cards"]]
    assert "credit card" in cards.terms
    assert "declined" in cards.terms
    assert {"the", "my", "credit", "declin"} & set(cards.terms) == set()
    for cluster in found.clusters:
        assert cluster.size == 6
        assert set(cluster.representatives) <= set(found.members(cluster.id).tolist())
        assert len(set(cluster.representatives)) == 3
        assert cluster.representatives[0] == found.members(cluster.id)[0]
    assert found.receipt.documents == 18
    assert found.receipt.outliers == 0
    assert found.receipt.exact
    assert found.receipt.silhouette is not None
    assert found.receipt.silhouette > 0.5


@pytest.mark.parametrize("method", ["kmeans", "agglomerative"])
def test_the_number_of_clusters_is_chosen_by_measure(filled: LocalCollection, method: str) -> None:
    found = find_clusters(read_corpus(filled), ClusterRequest(method=method))
    assert found.receipt.k == 3
    assert found.receipt.chosen
    assert dict(found.receipt.tried)[3] == max(value for _, value in found.receipt.tried)


def test_what_is_kept_comes_back(filled: LocalCollection, tmp_path: Path) -> None:
    found = find_clusters(read_corpus(filled), ClusterRequest(k=3, seed=4))
    results = Results(tmp_path)
    results.save("clusters", found.to_result())
    again = Clusters.from_result(results.load("clusters"))
    assert again.to_json() == found.to_json()
    assert again.request == found.request
    assert again.next_id == 3
    assert again.ids.tolist() == found.ids.tolist()
    np.testing.assert_array_equal(again.labels, found.labels)
    np.testing.assert_array_equal(again.similarity, found.similarity)
    np.testing.assert_array_equal(again.centroids, found.centroids)
    assert again.receipt == found.receipt


def test_levels_zoom_out(filled: LocalCollection) -> None:
    found = find_clusters(read_corpus(filled), ClusterRequest(k=9, levels=2))
    (level,) = found.levels
    assert [group.size for group in level] == [6, 6, 6]
    ids = {cluster.id: cluster for cluster in found.clusters}
    assert sorted(id for group in level for id in group.clusters) == sorted(ids)
    for group in level:
        assert group.id == group.clusters[0]
        assert group.size == sum(ids[id].size for id in group.clusters)
        assert group.parent is None
        members = {
            found.ids[place].partition("-")[0]
            for place in np.flatnonzero(np.isin(found.labels, group.clusters))
        }
        assert len(members) == 1


def test_small_clusters_are_dissolved(filled: LocalCollection) -> None:
    found = find_clusters(read_corpus(filled), ClusterRequest(k=6, min_size=3))
    assert min(cluster.size for cluster in found.clusters) >= 3
    sizes = Counter(found.labels.tolist())
    assert {cluster.id: cluster.size for cluster in found.clusters} == sizes


def test_documents_without_words_are_named_by_what_there_is(collection: LocalCollection) -> None:
    documents = [Document(f"p{number}", "?!" if number < 3 else "…") for number in range(6)]
    vectors = np.repeat(np.eye(2, 32, dtype=np.float32), 3, axis=0)
    collection.add(documents, vectors=vectors)
    found = find_clusters(read_corpus(collection), ClusterRequest(k=2))
    assert sorted(cluster.label for cluster in found.clusters) == ["?!", "…"]
    assert [cluster.terms for cluster in found.clusters] == [(), ()]


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"method": "magic"}, "method", "'magic' is unknown; there are kmeans, hdbscan, agglo"),
        ({"k": 1}, "k", "k is 1; a whole number of 2 to 4,096 is needed"),
        ({"k": 2.5}, "k", "k is 2.5; a whole number"),
        ({"method": "hdbscan", "k": 5}, "k", "leave k out"),
        ({"min_size": 0}, "min_size", "min_size is 0; a whole number of 1 or more"),
        ({"method": "hdbscan", "min_size": 1}, "min_size", "a whole number of 2 or more"),
        ({"levels": 9}, "levels", "levels is 9; a whole number of 1 to 8"),
        ({"seed": -1}, "seed", "seed is -1"),
    ],
)
def test_impossible_requests_are_refused(
    fields: dict[str, object], field: str, message: str
) -> None:
    with pytest.raises(InvalidAnalysisError, match=message) as caught:
        ClusterRequest(**fields)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"k": 19}, "k", "k is 19 and there are 18 documents"),
        ({"k": 4, "min_size": 5}, "min_size", "4 clusters of that size.* at most 4 is possible"),
        ({"min_size": 19}, "min_size", "min_size is 19: a cluster of that size"),
        ({"method": "hdbscan", "min_size": 20}, "min_size", "min_size is 20"),
    ],
)
def test_what_the_documents_cannot_satisfy_is_refused(
    filled: LocalCollection, fields: dict[str, object], field: str, message: str
) -> None:
    with pytest.raises(InvalidAnalysisError, match=message) as caught:
        find_clusters(read_corpus(filled), ClusterRequest(**fields))
    assert caught.value.field == field


def test_one_document_and_equal_vectors_are_refused(collection: LocalCollection) -> None:
    collection.add([Document("a", "one")])
    with pytest.raises(UnsuitableCorpusError, match="1 document to group; at least 2"):
        find_clusters(read_corpus(collection), ClusterRequest(k=2))
    collection.add([Document("b", "one"), Document("c", "one")])
    with pytest.raises(UnsuitableCorpusError, match="all 3 documents have the same vector"):
        find_clusters(read_corpus(collection), ClusterRequest(k=2))


def test_more_clusters_than_different_vectors_are_refused(collection: LocalCollection) -> None:
    collection.add([Document(f"d{n}", ("one", "two")[n % 2]) for n in range(8)])
    with pytest.raises(InvalidAnalysisError, match="only 2 have different vectors") as caught:
        find_clusters(read_corpus(collection), ClusterRequest(k=3))
    assert caught.value.field == "k"
    found = find_clusters(read_corpus(collection), ClusterRequest())
    assert [cluster.size for cluster in found.clusters] == [4, 4]


@pytest.mark.parametrize("stage", ["number", "clusters", "terms", "labels"])
def test_whoever_watches_may_cancel(filled: LocalCollection, stage: str) -> None:
    def stop(name: str, done: int, total: int) -> None:
        assert 0 <= done <= total
        if name == stage:
            raise CancelledError

    with pytest.raises(CancelledError):
        find_clusters(read_corpus(filled), ClusterRequest(), progress=stop)
