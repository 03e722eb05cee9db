"""From vectors to groups of them, by the method asked for; no documents are needed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from analysis.clusters.partition import Partition
from analysis.clusters.silhouette import measure_silhouette
from analysis.errors import InvalidAnalysisError, UnsuitableCorpusError
from analysis.progress import unwatched
from indexing.index.centroids import assign, means
from indexing.index.kmeans import TooFewVectorsError, fit_kmeans

if TYPE_CHECKING:
    from analysis.clusters.request import ClusterRequest
    from analysis.progress import Progress
    from embeddings.types import Vectors
    from indexing.types import Metric

_LEAST = 2
_RESTARTS_UP_TO = 4_000
_RESTARTS = 3
_BLOCK = 4_096


def group(
    vectors: Vectors, metric: Metric, request: ClusterRequest, *, progress: Progress = unwatched
) -> Partition:
    """Groups of the vectors, in no particular order.

    Args:
        vectors: float32 (n, dim), `comparable`; n is 2 or more.
        metric: how they are compared; cosine and dot group by direction.
        request: how they are to be grouped.
        progress: told how far it is.

    Raises:
        UnsuitableCorpusError: one vector, or all of them alike.
        InvalidAnalysisError: more groups than (different) vectors, or another impossible wish.
        CancelledError: `progress` stopped it.
    """
    if len(vectors) < _LEAST:
        message = f"{len(vectors)} document to group; at least {_LEAST} are needed"
        raise UnsuitableCorpusError(message)
    request.check_against(len(vectors))
    _check_varied(vectors)
    found = _METHODS[request.method](vectors, metric, request, progress)
    if request.method != "hdbscan" and found.min_size > 1:
        found = _dissolved(vectors, metric, found)
    return replace(found, silhouette=measure_silhouette(vectors, found.centroids, metric))


def _by_kmeans(
    vectors: Vectors, metric: Metric, request: ClusterRequest, progress: Progress
) -> Partition:
    from analysis.clusters.number import choose_k

    tried: tuple[tuple[int, float], ...] = ()
    k = request.k
    if k is None:
        k, tried = choose_k(vectors, metric, request, progress)

    def told(done: int, total: int) -> None:
        progress("clusters", done, total)

    restarts = _RESTARTS if len(vectors) <= _RESTARTS_UP_TO else 1
    try:
        found = fit_kmeans(vectors, k, metric, seed=request.seed, restarts=restarts, told=told)
    except TooFewVectorsError as error:
        message = (
            f"k is {k:,}, and of {len(vectors):,} documents only {error.different:,} have "
            "different vectors; ask for fewer clusters"
        )
        raise InvalidAnalysisError(message, "k") from error
    warnings: tuple[str, ...] = ()
    if len(found.centroids) < k:
        warnings = (f"{k:,} clusters were asked for; {len(found.centroids):,} have members",)
    return Partition(
        found.labels,
        found.similarity,
        found.centroids,
        found.trained,
        request.min_size or 1,
        tried,
        found.iterations,
        warnings=warnings,
    )


def _by_density(
    vectors: Vectors, metric: Metric, request: ClusterRequest, progress: Progress
) -> Partition:
    from analysis.clusters.density import find_dense

    return find_dense(vectors, metric, request, progress)


def _by_joining(
    vectors: Vectors, metric: Metric, request: ClusterRequest, progress: Progress
) -> Partition:
    from analysis.clusters.joining import join

    return join(vectors, metric, request, progress)


_METHODS = {"kmeans": _by_kmeans, "hdbscan": _by_density, "agglomerative": _by_joining}


def _dissolved(vectors: Vectors, metric: Metric, found: Partition) -> Partition:
    """The members of groups that are too small in the nearest others, until none is too small."""
    labels, similarity, centroids = found.labels, found.similarity, found.centroids
    before = len(centroids)
    while True:
        sizes = np.bincount(labels, minlength=len(centroids))
        small = sizes < found.min_size
        if not small.any():
            break
        kept = np.flatnonzero(~small)
        if not len(kept):
            most = max(1, len(vectors) // found.min_size)
            kept = np.sort(np.argsort(-sizes, kind="stable")[:most])
        labels, similarity = assign(vectors, centroids[kept], metric)
        centroids = means(vectors, labels, len(kept), metric)
        labels, similarity = assign(vectors, centroids, metric)
    gone = before - len(centroids)
    warnings = found.warnings
    if gone:
        warnings += (f"{gone:,} clusters of fewer than {found.min_size:,} documents dissolved",)
    return replace(
        found, labels=labels, similarity=similarity, centroids=centroids, warnings=warnings
    )


def _check_varied(vectors: Vectors) -> None:
    """Refuse vectors that are all alike.

    Raises:
        UnsuitableCorpusError: no two differ.
    """
    first = vectors[:1]
    scale = float(np.abs(first).max(initial=0.0)) or 1.0
    for start in range(0, len(vectors), _BLOCK):
        if bool((np.abs(vectors[start : start + _BLOCK] - first) > 1e-6 * scale).any()):
            return
    message = (
        f"all {len(vectors):,} documents have the same vector; there is nothing to tell them "
        "apart by: look at their texts, or at the encoder"
    )
    raise UnsuitableCorpusError(message)
