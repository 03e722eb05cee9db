"""Documents in no cluster, put into the nearest one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from analysis.clusters.description import describe
from analysis.clusters.places import places_of
from analysis.origin import made_from
from analysis.progress import unwatched
from indexing.index.centroids import assign, means, similarity_to

if TYPE_CHECKING:
    from analysis.clusters.result import Clusters
    from analysis.corpus import Corpus
    from analysis.progress import Progress
    from embeddings.text.analyzer import Analyzer


def reassign_outliers(
    clusters: Clusters,
    corpus: Corpus,
    *,
    analyzer: Analyzer | None = None,
    progress: Progress = unwatched,
) -> Clusters:
    """The same clusters with every document in one: outliers go to the nearest centroid.

    Centroids, names, representatives and levels are those of the clusters as they are then, so
    that nothing tells of a state that is gone; ids stay. Documents that came since the clusters
    were found are put into the nearest as well, those that went are left out.

    Args:
        clusters: found before in the same collection.
        corpus: its documents now.
        analyzer: as of `find_clusters`.
        progress: told how far it is.

    Raises:
        AnalyzerError: Kiwi cannot be loaded.
        CancelledError: `progress` stopped it.
    """
    from embeddings.text.analyzer import load_analyzer

    metric, k = clusters.metric, len(clusters.clusters)
    ids = [cluster.id for cluster in clusters.clusters]
    row_of = np.full(max(ids) + 2, -1, dtype=np.int32)
    row_of[ids] = np.arange(k, dtype=np.int32)
    place = places_of(corpus.ids, clusters.ids)
    rows = np.where(place >= 0, row_of[clusters.labels[place]], -1).astype(np.int32)
    homeless = np.flatnonzero(rows < 0)
    rows[homeless], _ = assign(corpus.vectors[homeless], clusters.centroids, metric)
    centroids = means(corpus.vectors, rows, k, metric)
    there = np.flatnonzero(np.bincount(rows, minlength=k))
    renumbered = np.full(k, -1, dtype=np.int32)
    renumbered[there] = np.arange(len(there), dtype=np.int32)
    rows, centroids = renumbered[rows], centroids[there]
    similarity = similarity_to(corpus.vectors, centroids, rows, metric)
    described = describe(
        corpus,
        rows,
        similarity,
        centroids,
        [ids[row] for row in there],
        clusters.request,
        analyzer or load_analyzer(corpus.card.analyzer),
        least=None,
        progress=progress,
    )
    order = sorted(
        range(len(there)),
        key=lambda row: (-described.clusters[row].size, described.clusters[row].id),
    )
    receipt = replace(
        clusters.receipt,
        k=len(there),
        documents=len(corpus),
        outliers=0,
        described_with=described.counted,
        made_from=made_from(corpus),
        reassigned=clusters.receipt.reassigned + len(homeless),
    )
    return replace(
        clusters,
        ids=corpus.ids,
        labels=np.array(ids, dtype=np.int32)[there][rows],
        similarity=similarity,
        clusters=tuple(described.clusters[row] for row in order),
        centroids=centroids[order],
        levels=described.levels,
        receipt=receipt,
    )
