"""Which clusters are those of before, and what became of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.clusters.places import places_of
from analysis.clusters.result import Event

if TYPE_CHECKING:
    import numpy.typing as npt

    from analysis.clusters.result import Clusters, Labels

    Counts = npt.NDArray[np.int64]

_SAME = 0.5
"""Share of the smaller one of two clusters that must be in the other for them to be the same."""
_PART = 0.25
"""Share of a cluster's documents that must go the same way to count as a part of it."""


@dataclass(frozen=True, slots=True)
class Matching:
    """Ids for new clusters.

    Attributes:
        ids: of each new cluster, that of the cluster before it where it is the same.
        events: what became of the clusters before.
        next_id: the first id that no cluster ever had.
        kept: how many kept an id.
    """

    ids: tuple[int, ...]
    events: tuple[Event, ...]
    next_id: int
    kept: int


def match(ids: npt.NDArray[np.str_], labels: Labels, k: int, previous: Clusters) -> Matching:
    """Ids of new clusters by the documents they share with those of the previous result.

    Clusters are paired one to one so that pairs share as many documents as possible (Kuhn, "The
    Hungarian method for the assignment problem", 1955); a pair is the same cluster if at least
    half of the documents of the smaller one are in the other. Only documents that both results
    know count. What counts as a split and a merge follows MONIC (Spiliopoulou et al., KDD 2006).

    Args:
        ids: StringDType (n,), of the documents.
        labels: int32 (n,), 0 to k-1, -1 for outliers.
        k: new clusters.
        previous: the result before.
    """
    from scipy.optimize import linear_sum_assignment

    before = [cluster.id for cluster in previous.clusters]
    shared, old_sizes, new_sizes = _overlap(ids, labels, k, previous)
    olds, news = linear_sum_assignment(shared, maximize=True)
    smaller = np.minimum(old_sizes[olds], new_sizes[news])
    same = (shared[olds, news] > 0) & (shared[olds, news] >= _SAME * smaller)
    successor = dict(zip(olds[same].tolist(), news[same].tolist(), strict=True))
    forerunner = {new: old for old, new in successor.items()}
    next_id = previous.next_id
    given: list[int] = []
    for new in range(k):
        if new in forerunner:
            given.append(before[forerunner[new]])
        else:
            given.append(next_id)
            next_id += 1
    events = _changes(shared, old_sizes, new_sizes, before, given)
    sizes = np.bincount(labels[labels >= 0], minlength=k)
    events += [
        Event("birth", (), (given[new],), int(sizes[new]))
        for new in range(k)
        if not any(given[new] in event.after for event in events) and new not in forerunner
    ]
    events += [
        Event("death", (cluster.id,), (), cluster.size)
        for old, cluster in enumerate(previous.clusters)
        if not any(cluster.id in event.before for event in events) and old not in successor
    ]
    return Matching(tuple(given), tuple(events), next_id, len(successor))


def _overlap(
    ids: npt.NDArray[np.str_], labels: Labels, k: int, previous: Clusters
) -> tuple[Counts, Counts, Counts]:
    """Documents shared by each old and new cluster, (old, k); sizes among those both know."""
    place = places_of(ids, previous.ids)
    row_of = {cluster.id: row for row, cluster in enumerate(previous.clusters)}
    known = place >= 0
    old_ids = previous.labels[place[known]]
    old = np.array([row_of.get(int(id), -1) for id in old_ids], dtype=np.int64)
    new = labels[known].astype(np.int64)
    count = len(previous.clusters)
    both = (old >= 0) & (new >= 0)
    shared = np.bincount(old[both] * k + new[both], minlength=count * k).reshape(count, k)
    return (
        shared,
        np.bincount(old[old >= 0], minlength=count),
        np.bincount(new[new >= 0], minlength=k),
    )


def _changes(
    shared: Counts, old_sizes: Counts, new_sizes: Counts, before: list[int], given: list[int]
) -> list[Event]:
    """Splits and merges, in this order, by the ids of the clusters."""
    events: list[Event] = []
    parts = (shared > 0) & (shared >= _PART * old_sizes[:, None])
    mostly_from = (shared > 0) & (shared >= _SAME * new_sizes[None, :])
    for old in range(len(before)):
        news = np.flatnonzero(parts[old] & mostly_from[old])
        if len(news) > 1:
            news = news[np.argsort(-shared[old, news], kind="stable")]
            after = tuple(given[new] for new in news)
            events.append(Event("split", (before[old],), after, int(shared[old, news].sum())))
    mostly_to = (shared > 0) & (shared >= _SAME * old_sizes[:, None])
    for new in range(len(given)):
        olds = np.flatnonzero(mostly_to[:, new])
        if len(olds) > 1:
            olds = olds[np.argsort(-shared[olds, new], kind="stable")]
            there = tuple(before[old] for old in olds)
            events.append(Event("merge", there, (given[new],), int(shared[olds, new].sum())))
    return events
