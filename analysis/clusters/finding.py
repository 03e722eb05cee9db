"""What a corpus is about: its documents in groups that have names."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from analysis.clusters.density import reached
from analysis.clusters.description import describe
from analysis.clusters.grouping import group
from analysis.clusters.matching import Matching, match
from analysis.clusters.request import ClusterRequest
from analysis.clusters.result import Cluster, ClusterReceipt, Clusters
from analysis.origin import made_from
from analysis.progress import unwatched

if TYPE_CHECKING:
    from analysis.clusters.partition import Partition
    from analysis.corpus import Corpus
    from analysis.progress import Progress
    from embeddings.text.analyzer import Analyzer
    from indexing.types import Scores

__all__ = ["Cluster", "ClusterReceipt", "ClusterRequest", "Clusters", "find_clusters"]


def find_clusters(
    corpus: Corpus,
    request: ClusterRequest,
    *,
    previous: Clusters | None = None,
    analyzer: Analyzer | None = None,
    progress: Progress = unwatched,
) -> Clusters:
    """Groups of the documents, with names, representatives and levels to zoom through.

    Args:
        corpus: the documents, 2 or more.
        request: how they are to be grouped.
        previous: the last result: clusters that are in it still keep their ids, and what became
            of the others is told in `events`.
        analyzer: finds the terms that clusters are named by; None takes the collection's kind.
        progress: told how far it is.

    Raises:
        UnsuitableCorpusError: one document, or vectors that are all alike, or nothing dense.
        InvalidAnalysisError: more clusters than (different) documents, or larger ones than there
            can be.
        AnalyzerError: Kiwi cannot be loaded.
        CancelledError: `progress` stopped it.
    """
    from embeddings.text.analyzer import load_analyzer

    started = time.perf_counter()
    metric = corpus.card.metric
    found = _largest_first(group(corpus.vectors, metric, request, progress=progress))
    grouped = time.perf_counter()
    k = len(found.centroids)
    if previous is None:
        matching = Matching(tuple(range(k)), (), k, 0)
    else:
        matching = match(corpus.ids, found.labels, k, previous)
    matched = time.perf_counter()
    described = describe(
        corpus,
        found.labels,
        found.similarity,
        found.centroids,
        matching.ids,
        request,
        analyzer or load_analyzer(corpus.card.analyzer),
        least=_least(found) if request.method == "hdbscan" else None,
        progress=progress,
    )
    ended = time.perf_counter()
    of_row = np.array([*matching.ids, -1], dtype=np.int32)
    receipt = _receipt(corpus, request, found, described.counted)
    return Clusters(
        ids=corpus.ids,
        labels=of_row[found.labels],
        similarity=found.similarity,
        clusters=described.clusters,
        centroids=found.centroids,
        levels=described.levels,
        events=matching.events,
        next_id=matching.next_id,
        request=request,
        receipt=replace(
            receipt,
            matched=None if previous is None else matching.kept,
            milliseconds={
                "clusters": round(1e3 * (grouped - started), 3),
                "matching": round(1e3 * (matched - grouped), 3),
                "labels": round(1e3 * (ended - matched), 3),
                "total": round(1e3 * (ended - started), 3),
            },
        ),
    )


def _receipt(
    corpus: Corpus, request: ClusterRequest, found: Partition, counted: int
) -> ClusterReceipt:
    inside = int((found.labels >= 0).sum())
    warnings = found.warnings
    if counted < inside:
        warnings += (f"labels are made of the words of {counted:,} of {inside:,} documents",)
    return ClusterReceipt(
        method=request.method,
        k=len(found.centroids),
        chosen=request.k is None,
        tried=found.tried,
        min_size=found.min_size,
        seed=request.seed,
        metric=str(corpus.card.metric),
        documents=len(corpus),
        outliers=len(corpus) - inside,
        found_with=found.found_with,
        exact=found.found_with == len(corpus),
        iterations=found.iterations,
        silhouette=None if found.silhouette is None else round(found.silhouette, 6),
        described_with=counted,
        matched=None,
        made_from=made_from(corpus),
        warnings=warnings,
    )


def _largest_first(found: Partition) -> Partition:
    """The same groups, the largest first; equal ones by their first document."""
    k = len(found.centroids)
    inside = np.flatnonzero(found.labels >= 0)
    sizes = np.bincount(found.labels[inside], minlength=k)
    first = np.full(k, len(found.labels), dtype=np.int64)
    np.minimum.at(first, found.labels[inside], inside)
    order = np.lexsort((first, -sizes))
    place = np.empty(k + 1, dtype=np.int32)
    place[order], place[k] = np.arange(k, dtype=np.int32), -1
    return replace(found, labels=place[found.labels], centroids=found.centroids[order])


def _least(found: Partition) -> Scores:
    inside = found.labels >= 0
    return reached(found.similarity[inside], found.labels[inside], len(found.centroids))
