from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.clusters.finding import ClusterRequest, find_clusters
from analysis.clusters.matching import match
from analysis.clusters.result import Cluster, ClusterReceipt, Clusters, Event
from analysis.corpus import read_corpus
from indexing.types import Document
from tests.analysis.clusters.conftest import fill, scattered

if TYPE_CHECKING:
    from indexing.local import LocalCollection


def _names(count: int) -> np.ndarray:
    return np.array([f"d{number}" for number in range(count)], dtype=np.dtypes.StringDType())


def _before(labels: list[int], next_id: int | None = None) -> Clusters:
    """A result that has documents d0, d1, ... in clusters of these ids."""
    ids = sorted(set(labels) - {-1})
    clusters = tuple(Cluster(id, f"c{id}", (), labels.count(id), (), 1.0) for id in ids)
    receipt = ClusterReceipt(
        "kmeans", len(ids), False, (), 1, 0, "cosine", len(labels), labels.count(-1),
        len(labels), True, 1, None, 0, None,
    )  # fmt: skip
    return Clusters(
        _names(len(labels)),
        np.array(labels, dtype=np.int32),
        np.ones(len(labels), dtype=np.float32),
        clusters,
        np.zeros((len(ids), 2), dtype=np.float32),
        (),
        (),
        max(ids, default=-1) + 1 if next_id is None else next_id,
        ClusterRequest(),
        receipt,
    )


def _match(before: list[int], now: list[int], **fields: int) -> tuple[tuple[int, ...], set[Event]]:
    labels = np.array(now, dtype=np.int32)
    found = match(_names(len(now)), labels, max(now) + 1, _before(before, **fields))
    return found.ids, set(found.events)


def test_the_same_groups_keep_their_ids_whatever_their_order() -> None:
    assert _match([4, 4, 4, 9, 9, 7, 7], [2, 2, 2, 0, 0, 1, 1]) == ((9, 7, 4), set())


def test_documents_that_moved_change_no_id() -> None:
    assert _match([0] * 6 + [1] * 6, [0] * 4 + [1] * 8) == ((0, 1), set())


def test_a_cluster_that_fell_apart_is_split_and_its_largest_part_keeps_the_id() -> None:
    ids, events = _match([0] * 8 + [1] * 4, [1] * 3 + [2] * 5 + [0] * 4)
    assert ids == (1, 2, 0)
    assert events == {Event("split", (0,), (0, 2), 8)}


def test_clusters_that_became_one_are_merged_under_the_id_of_the_largest() -> None:
    ids, events = _match([0] * 3 + [1] * 5 + [2] * 4, [0] * 8 + [1] * 4)
    assert ids == (1, 2)
    assert events == {Event("merge", (1, 0), (1,), 8)}


def test_what_comes_and_goes_is_born_and_dies_and_no_id_comes_back() -> None:
    before = [0] * 4 + [1] * 4 + [-1] * 4
    ids, events = _match(before, [-1] * 4 + [0] * 4 + [1] * 4, next_id=12)
    assert ids == (1, 12)
    assert events == {Event("birth", (), (12,), 4), Event("death", (0,), (), 4)}


def test_documents_of_one_result_alone_do_not_count() -> None:
    labels = np.array([0, 0, 1, 1, 1], dtype=np.int32)
    ids = np.array(["d0", "d1", "new1", "new2", "new3"], dtype=np.dtypes.StringDType())
    found = match(ids, labels, 2, _before([5, 5, 5, 6]))
    assert found.ids == (5, 7)
    assert set(found.events) == {Event("birth", (), (7,), 3), Event("death", (6,), (), 1)}
    assert (found.next_id, found.kept) == (8, 1)


LABELS = st.lists(st.integers(0, 4), min_size=4, max_size=40)


@settings(max_examples=80, deadline=None)
@given(LABELS, st.data())
def test_ids_are_never_given_twice_and_everything_is_accounted_for(
    before: list[int], data: st.DataObject
) -> None:
    now = data.draw(st.lists(st.integers(-1, 4), min_size=len(before), max_size=len(before)))
    there = sorted(set(now) - {-1})
    if not there:
        return
    labels = np.array([there.index(label) if label >= 0 else -1 for label in now], dtype=np.int32)
    previous = _before(before, next_id=9)
    found = match(_names(len(now)), labels, len(there), previous)
    assert len(set(found.ids)) == len(found.ids)
    old = {cluster.id for cluster in previous.clusters}
    new = set(found.ids) - old
    assert new == set(range(9, found.next_id))
    told_before = {id for event in found.events for id in event.before}
    told_after = {id for event in found.events for id in event.after}
    assert old - set(found.ids) <= told_before
    assert new <= told_after
    again = match(
        _names(len(now)),
        labels,
        len(there),
        replace(
            previous,
            labels=np.array([*found.ids, -1], dtype=np.int32)[labels],
            clusters=tuple(Cluster(id, "", (), 1, (), 1.0) for id in found.ids),
            next_id=found.next_id,
        ),
    )
    assert again.ids == found.ids
    assert again.events == ()


def test_ids_survive_a_refit_of_a_collection_that_grew(collection: LocalCollection) -> None:
    fill(collection, topics=2)
    first = find_clusters(read_corpus(collection), ClusterRequest(k=2))
    fill(collection, copies=2)
    second = find_clusters(read_corpus(collection), ClusterRequest(k=3, seed=8), previous=first)
    topic = {
        cluster.id: {id.partition("-")[0] for id in second.members(cluster.id).tolist()}
        for cluster in second.clusters
    }
    for cluster in first.clusters:
        (name,) = {id.partition("-")[0] for id in first.members(cluster.id).tolist()}
        assert topic[cluster.id] == {name}
    assert topic[2] == {"cards"}
    assert second.events == (Event("birth", (), (2,), 12),)
    assert second.receipt.matched == 2
    assert second.next_id == 3


def test_a_cluster_that_died_leaves_its_id_unused(collection: LocalCollection) -> None:
    fill(collection)
    first = find_clusters(read_corpus(collection), ClusterRequest(k=3))
    gone = next(c.id for c in first.clusters if first.members(c.id)[0].startswith("rain"))
    collection.delete([id for id in first.ids.tolist() if id.startswith("rain")])
    collection.add(
        [Document(f"new-{number}", "musical concert tickets") for number in range(5)],
        vectors=np.array([scattered(9, number) for number in range(5)]),
    )
    second = find_clusters(read_corpus(collection), ClusterRequest(k=3), previous=first)
    assert gone not in {cluster.id for cluster in second.clusters}
    assert {event.kind for event in second.events} == {"birth", "death"}
    assert max(cluster.id for cluster in second.clusters) == 3
    assert second.members(3).tolist()[0].startswith("new")
    assert pytest.approx(second.receipt.matched) == 2
