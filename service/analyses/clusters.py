"""Clusters: found in a job, shown with the documents that came since."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.clusters.assigning import assign
from analysis.clusters.finding import Clusters, find_clusters
from analysis.clusters.outliers import reassign_outliers
from analysis.clusters.places import places_of
from analysis.clusters.result import OUTLIER
from analysis.corpus import read_corpus
from analysis.errors import ResultNotFoundError
from analysis.origin import made_from
from analysis.progress import unwatched
from analysis.results import Results
from indexing.filters import Filter
from service.analyses.finding import Found, marked
from service.analyses.paging import span_of
from service.analyses.showing import Texts
from service.errors import BadValueError
from service.schemas.analysis import Made, Shown
from service.schemas.clusters import (
    ClusterAnswer,
    ClusterBody,
    ClustersAnswer,
    EventAnswer,
    GroupAnswer,
    Member,
    MembersAnswer,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from analysis.clusters.result import Cluster, Labels
    from analysis.progress import Progress
    from indexing.local import LocalCollection
    from indexing.types import Scores
    from service.analyses.finding import Opening
    from service.analyses.kept import Kept, Shelf
    from service.analyses.paging import Span
    from service.schemas.analysis import PageQuery
    from service.schemas.clusters import ClustersQuery

KIND = "clusters"
_EXAMPLES = 3


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """Who is in which cluster now.

    Attributes:
        ids: StringDType (n,), documents that are there.
        labels: int32 (n,), the cluster's id of each; -1: none.
        similarity: float32 (n,), to its middle.
        is_new: bool (n,), assigned since the clusters were found.
    """

    ids: npt.NDArray[np.str_]
    labels: Labels
    similarity: Scores
    is_new: npt.NDArray[np.bool_]

    def of(self, cluster: int) -> npt.NDArray[np.int64]:
        """Places of a cluster's documents, the most typical first."""
        places = np.flatnonzero(self.labels == cluster)
        return places[np.argsort(-self.similarity[places], kind="stable")]


def find(
    collection: str, request: Mapping[str, Any], opening: Opening, progress: Progress
) -> Found:
    """Clusters of the collection; see `service.analyses.finding.Finder`.

    Clusters that were there before keep their ids.
    """
    body = ClusterBody.model_validate(request)
    target = opening(collection)
    corpus = read_corpus(target, filter=body.parsed_filter)
    found = find_clusters(
        corpus, body.to_request(), previous=kept_before(target), progress=progress
    )
    return Found(KIND, target, made_from(corpus), found.to_result(), found.receipt.to_json())


def kept_before(collection: LocalCollection) -> Clusters | None:
    """The clusters found last, if they are of the same encoder; damaged ones are as none."""
    try:
        result = Results(collection.folder).load(KIND)
    except ResultNotFoundError:
        return None
    if result.header["made"]["encoder"] != collection.card.encoder.fingerprint:
        return None
    return Clusters.from_result(result)


def reassign(collection: LocalCollection, shelf: Shelf, *, progress: Progress = unwatched) -> None:
    """Give documents of no cluster to the nearest one, and keep the clusters so.

    Raises:
        ResultNotFoundError: there are no clusters.
        StorageFullError: the disk is full; the clusters stay as they were.
    """
    kept = take(collection, shelf)
    corpus = read_corpus(collection, filter=_filter_of(kept))
    changed = reassign_outliers(kept.value, corpus, progress=progress)
    result = marked(changed.to_result(), kept.made["request"], made_from(corpus))
    Results(collection.folder).save(KIND, result)


def take(collection: LocalCollection, shelf: Shelf) -> Kept[Clusters]:
    """The clusters that were found last.

    Raises:
        ResultNotFoundError: there are none.
    """
    return shelf.take(collection, KIND, Clusters.from_result)


def members_now(collection: LocalCollection, shelf: Shelf, kept: Kept[Clusters]) -> Members:
    """Who is in which cluster now; documents that came since go to the nearest, as assigned.

    Made anew after each write, and only when it is asked for: at a million documents that takes
    a few seconds.
    """
    clusters = kept.value
    if not kept.stale:
        fresh = np.zeros(len(clusters.ids), dtype=bool)
        return Members(clusters.ids, clusters.labels, clusters.similarity, fresh)
    version = collection.storage.documents.version()
    return shelf.derive(
        collection, "members", (kept.stamp, version), lambda: _assigned(collection, kept)
    )


def _assigned(collection: LocalCollection, kept: Kept[Clusters]) -> Members:
    clusters = kept.value
    corpus = read_corpus(collection, filter=_filter_of(kept), least=0)
    places = places_of(corpus.ids, clusters.ids)
    is_new = places < 0
    labels, similarity = clusters.labels[places], clusters.similarity[places]
    if is_new.any():
        labels[is_new], similarity[is_new] = assign(clusters, corpus.vectors[is_new])
    return Members(corpus.ids, labels, similarity, is_new)


def answer_of(collection: LocalCollection, shelf: Shelf, query: ClustersQuery) -> ClustersAnswer:
    """A page of the clusters."""
    kept = take(collection, shelf)
    clusters, now = kept.value, members_now(collection, shelf, kept)
    span = span_of(kept, query.cursor, query.limit, len(clusters.clusters))
    shown = clusters.clusters[span.places]
    texts = Texts(
        collection, (id for cluster in shown for id in cluster.representatives[:_EXAMPLES])
    )
    return ClustersAnswer(
        clusters=[_cluster_answer(cluster, now, texts, members=query.members) for cluster in shown],
        levels=[
            [
                GroupAnswer(
                    id=group.id,
                    label=group.label,
                    terms=list(group.terms),
                    size=group.size,
                    clusters=list(group.clusters),
                    parent=group.parent,
                )
                for group in level
            ]
            for level in clusters.levels
        ],
        events=[
            EventAnswer(
                kind=event.kind,
                before=list(event.before),
                after=list(event.after),
                documents=event.documents,
            )
            for event in clusters.events
        ],
        outliers=int((now.labels == OUTLIER).sum()),
        cursor=span.cursor,
        made=Made.of(kept),
        stale=kept.stale,
        receipt=clusters.receipt.to_json(),
    )


def _cluster_answer(
    cluster: Cluster, now: Members, texts: Texts, *, members: bool
) -> ClusterAnswer:
    places = now.of(cluster.id)
    there = [id for id in cluster.representatives[:_EXAMPLES] if id in texts]
    return ClusterAnswer(
        id=cluster.id,
        label=cluster.label,
        terms=list(cluster.terms),
        size=len(places),
        new=int(now.is_new[places].sum()),
        similarity=round(cluster.similarity, 6),
        representatives=list(cluster.representatives),
        examples=[Shown(**texts.of(id)) for id in there],
        members=now.ids[places].tolist() if members else None,
    )


def members_answer_of(
    collection: LocalCollection, shelf: Shelf, cluster: int, query: PageQuery
) -> MembersAnswer:
    """A page of a cluster's documents; -1: those of none.

    Raises:
        BadValueError: no such cluster.
    """
    kept = take(collection, shelf)
    known = [each.id for each in kept.value.clusters]
    if cluster != OUTLIER and cluster not in known:
        message = f"cluster {cluster} is none of the {len(known):,} there are"
        raise BadValueError(message, "cluster")
    now = members_now(collection, shelf, kept)
    places = now.of(cluster)
    span = span_of(kept, query.cursor, query.limit, len(places))
    return MembersAnswer(
        cluster=cluster, documents=_members(collection, now, places, span), cursor=span.cursor
    )


def _members(
    collection: LocalCollection, now: Members, places: npt.NDArray[np.int64], span: Span
) -> list[Member]:
    shown = places[span.places]
    ids = now.ids[shown].tolist()
    texts = Texts(collection, ids)
    return [
        Member(similarity=round(similarity, 6), **texts.of(id))
        for id, similarity in zip(ids, now.similarity[shown].tolist(), strict=True)
        if id in texts
    ]


def with_members(collection: LocalCollection, shelf: Shelf) -> Clusters:
    """The clusters with the documents that are in them now, to be exported."""
    kept = take(collection, shelf)
    now = members_now(collection, shelf, kept)
    return replace(kept.value, ids=now.ids, labels=now.labels, similarity=now.similarity)


def _filter_of(kept: Kept[Clusters]) -> Filter | None:
    """The filter that the clusters were found under."""
    filter = kept.made["request"].get("filter")
    return None if filter is None else Filter.parse(filter)
