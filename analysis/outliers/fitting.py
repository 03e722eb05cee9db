"""Detectors learned from a corpus, in blocks, and their scores put on one scale."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from analysis.errors import InvalidAnalysisError, UnsuitableCorpusError
from analysis.outliers.detectors import (
    CentroidDistance,
    ClusterDistance,
    LocalDensity,
    NeighbourDistance,
)
from analysis.outliers.forest import Forest
from analysis.outliers.model import BLOCK, Model, Scored
from analysis.outliers.nearness import Nearness, distances_of, searched_by
from analysis.outliers.request import COMBINED, DEFAULT_K, LEAST
from analysis.progress import unwatched

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.outliers.calibration import Raw
    from analysis.outliers.detectors import Detector
    from analysis.outliers.request import OutlierRequest
    from analysis.progress import Progress
    from embeddings.types import Vectors
    from indexing.types import Metric

_CLUSTERS = 8
_ROWS_TO_A_CLUSTER = 4_096


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A model and what it says of the vectors it was learned from.

    Attributes:
        model: for new vectors.
        scored: of the corpus.
        near: its nearest documents.
        exact: every pair was compared.
        recall: share of the true neighbours that were found, estimated; 1 if exact.
        warnings: what was done otherwise than one might think.
        milliseconds: by stage.
    """

    model: Model
    scored: Scored
    near: Nearness
    exact: bool
    recall: float
    warnings: tuple[str, ...]
    milliseconds: Mapping[str, float]


def fit_outliers(
    vectors: Vectors,
    metric: Metric,
    request: OutlierRequest,
    *,
    centroids: Vectors | None = None,
    progress: Progress = unwatched,
) -> Fitted:
    """Learn what is usual among vectors, and score each of them.

    Args:
        vectors: float32 (n, dim), `comparable` under the metric, finite.
        metric: how they are compared; the inner product, no distance, gives way to Euclidean.
        request: what is asked for.
        centroids: float32 (clusters, dim) of clusters that are known; None: they are found.
        progress: told of the stages `neighbours`, `detectors` and `scores`.

    Raises:
        UnsuitableCorpusError: fewer than 3 vectors, or all of them equal.
        InvalidAnalysisError: k is not below the number of vectors.
        CancelledError: by `progress`.
    """
    from indexing.index.graph import neighbour_graph

    k, warnings = _checked(vectors, request)
    times = [time.perf_counter()]
    graph = neighbour_graph(
        vectors,
        k,
        searched_by(metric),
        seed=request.seed,
        told=lambda done, total: progress("neighbours", done, total),
    )
    near = Nearness(graph.ids, distances_of(graph.scores, metric))
    times.append(time.perf_counter())
    weights = COMBINED if request.method == "combined" else {request.method: 1}
    detectors: dict[str, Detector] = {}
    for done, name in enumerate(weights):
        progress("detectors", done, len(weights))
        detectors[name] = _learned(name, vectors, metric, near, request.seed, centroids)
    times.append(time.perf_counter())
    raw = _raw_scores(detectors, vectors, near, progress)
    model = Model.of(k, detectors, weights, raw)
    scored = model.calibrated(raw)
    times.append(time.perf_counter())
    spent = [round(1e3 * (after - before), 1) for before, after in pairwise(times)]
    return Fitted(
        model,
        scored,
        near,
        graph.exact,
        graph.recall,
        (*warnings, *_alike(model)),
        dict(zip(("neighbours", "detectors", "scores"), spent, strict=True)),
    )


def _checked(vectors: Vectors, request: OutlierRequest) -> tuple[int, tuple[str, ...]]:
    """How many neighbours are looked at, and what is to be said of that number."""
    n = len(vectors)
    if n < LEAST:
        message = f"{n} documents are too few to tell outliers; at least {LEAST} are needed"
        raise UnsuitableCorpusError(message)
    if all(
        bool((vectors[first : first + BLOCK] == vectors[0]).all()) for first in range(0, n, BLOCK)
    ):
        message = (
            f"all {n:,} vectors are equal: none of them is an outlier, and no line can be drawn"
        )
        raise UnsuitableCorpusError(message)
    if request.k is None:
        k = min(DEFAULT_K, n - 1)
        fewer = f"each document is compared with all {k} others; {DEFAULT_K} are usual"
        return k, (fewer,) if k < DEFAULT_K else ()
    if request.k >= n:
        message = f"k is {request.k}; below the number of documents, {n:,}, is possible"
        raise InvalidAnalysisError(message, "k")
    return request.k, ()


def _learned(
    name: str,
    vectors: Vectors,
    metric: Metric,
    near: Nearness,
    seed: int,
    centroids: Vectors | None,
) -> Detector:
    if name == "knn":
        return NeighbourDistance()
    if name == "lof":
        return LocalDensity.fit(near)
    if name == "forest":
        return Forest.fit(vectors, seed)
    if name == "centroid":
        return CentroidDistance.fit(vectors)
    if centroids is None:
        from indexing.index.cells import centres

        number = min(_CLUSTERS, len(vectors))
        centroids = centres(vectors, number, searched_by(metric), seed, each=_ROWS_TO_A_CLUSTER)
    return ClusterDistance.fit(vectors, centroids)


def _raw_scores(
    detectors: Mapping[str, Detector], vectors: Vectors, near: Nearness, progress: Progress
) -> dict[str, Raw]:
    n = len(vectors)
    raw = {name: np.empty(n, dtype=np.float64) for name in detectors}
    for first in range(0, n, BLOCK):
        rows = slice(first, min(first + BLOCK, n))
        seen = Nearness(near.positions[rows], near.distances[rows])
        for name, detector in detectors.items():
            raw[name][rows] = detector.score(vectors[rows], seen)
        progress("scores", rows.stop, n)
    return raw


def _alike(model: Model) -> tuple[str, ...]:
    return tuple(
        f"{name} gives every document the same score"
        for name, scale in model.scales.items()
        if scale.spread == 0
    )
