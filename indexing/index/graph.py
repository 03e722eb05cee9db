"""The nearest other rows of every row: exact for some ten thousand rows, by cells for more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexing.index.exact import score_ids
from indexing.index.threads import sharing
from indexing.types import Metric

if TYPE_CHECKING:
    from collections.abc import Callable

    from embeddings.types import Vectors
    from indexing.types import Ids, Scores

    Told = Callable[[int, int], None]
    """Called with the rows done and the rows there are."""

MOST_EXACT = 20_000
"""Rows up to which each is compared with every other unless told otherwise."""
REACH = 8
"""Cells whose rows are compared with a row, unless told otherwise."""
_CELL = 400
"""Rows to a cell, about: enough for a matrix product, few enough to leave most of them out."""
_VOTES = 4
"""Nearest cells that each row of a cell names, the nearest with most weight."""
_BLOCK = 1_024
_TRAINED_ON = 64
"""Rows to a cell that the cells are found from."""
_ROUNDS = 8
_SAMPLE = 256
"""Rows whose neighbours are looked for exactly as well, to tell the recall."""


@dataclass(frozen=True, slots=True, eq=False)
class NeighbourGraph:
    """The k nearest other rows of every row.

    Attributes:
        ids: int64 (n, k), best first, equal scores by row; a row is never its own neighbour.
        scores: float32 (n, k), the metric's score: higher is nearer.
        exact: every row was compared with every other.
        recall: share of the true neighbours that were found, estimated on 256 rows; 1 if exact.
    """

    ids: Ids
    scores: Scores
    exact: bool
    recall: float


def neighbour_graph(
    vectors: Vectors,
    k: int,
    metric: Metric,
    *,
    exact: bool | None = None,
    reach: int = REACH,
    seed: int = 0,
    told: Told | None = None,
) -> NeighbourGraph:
    """The k nearest other rows of every row, never n x n in memory.

    Beyond 20,000 rows, cells of some 400 rows are made by k-means, and the rows of a cell are
    compared with those of the `reach` cells that are nearest to most of them: an inverted file
    (Jégou, Douze, Schmid 2011, section IV) asked cell by cell, so that comparing is a product of
    matrices.

    Args:
        vectors: float32 (n, dim), `comparable` under the metric already.
        k: 1 to n - 1.
        metric: how vectors are compared.
        exact: True compares every pair, False goes by cells; None decides by n.
        reach: cells looked through for a row, 1 or more.
        seed: of the cells and of the sample the recall is told from.
        told: hears how many rows are done; what it raises stops the work.

    Raises:
        ValueError: k or reach outside their ranges.
    """
    n = len(vectors)
    if not 1 <= k < n:
        message = f"k is {k}; 1 to {n - 1:,} is possible among {n:,} rows"
        raise ValueError(message)
    if reach < 1:
        message = f"reach is {reach}; 1 or more cells are looked through"
        raise ValueError(message)
    told = told or _unheard
    if exact is None:
        exact = n <= MOST_EXACT
    cells = max(1, n // _CELL)
    if exact or reach >= cells:
        return _exact_graph(vectors, k, metric, told)
    with sharing(n):
        ids = _search_cells(vectors, k, metric, cells, reach, seed, told)
    ids, scores = _sorted(vectors, vectors, ids, metric)
    recall = _recall(vectors, ids, metric, seed)
    return NeighbourGraph(ids, scores, exact=False, recall=recall)


def _exact_graph(vectors: Vectors, k: int, metric: Metric, told: Told) -> NeighbourGraph:
    n = len(vectors)
    ids = np.empty((n, k), dtype=np.int64)
    scores = np.empty((n, k), dtype=np.float32)
    with sharing(n):
        for first in range(0, n, _BLOCK):
            rows = np.arange(first, min(first + _BLOCK, n))
            found = _others(_nearest(vectors[rows], vectors, k + 1, metric)[1], rows)
            ids[rows], scores[rows] = _sorted(vectors[rows], vectors, found, metric)
            told(int(rows[-1]) + 1, n)
    return NeighbourGraph(ids, scores, exact=True, recall=1.0)


def _search_cells(
    vectors: Vectors, k: int, metric: Metric, cells: int, reach: int, seed: int, told: Told
) -> Ids:
    """int64 (n, k), in no order; rows whose cells hold too few others are compared with all."""
    middles = centres(vectors, cells, metric, seed)
    probes = np.concatenate(
        [
            _nearest(vectors[first : first + _BLOCK], middles, min(_VOTES, cells), metric)[1]
            for first in range(0, len(vectors), _BLOCK)
        ]
    )
    members = np.split(
        np.argsort(probes[:, 0], kind="stable"),
        np.cumsum(np.bincount(probes[:, 0], minlength=cells))[:-1],
    )
    found = np.full((len(vectors), k), -1, dtype=np.int64)
    done = 0
    weights = np.arange(probes.shape[1], 0, -1)
    for cell, rows in enumerate(members):
        if not len(rows):
            continue
        named = np.broadcast_to(weights, (len(rows), len(weights)))
        votes = np.bincount(probes[rows].ravel(), weights=named.ravel(), minlength=cells)
        votes[cell] = np.inf
        chosen = np.argsort(-votes, kind="stable")[:reach]
        among = np.sort(np.concatenate([members[place] for place in chosen]))
        if len(among) <= k:
            among = np.arange(len(vectors))
        near = vectors[among]
        for first in range(0, len(rows), _BLOCK):
            some = rows[first : first + _BLOCK]
            found[some] = _others(among[_nearest(vectors[some], near, k + 1, metric)[1]], some)
        done += len(rows)
        told(done, len(vectors))
    return found


def centres(
    vectors: Vectors, number: int, metric: Metric, seed: int, *, each: int = _TRAINED_ON
) -> Vectors:
    """float32 (number, dim): centroids by k-means on a sample; of length 1 for cosine.

    Args:
        vectors: float32 (n, dim), `comparable`.
        number: 1 to n.
        metric: how vectors are compared.
        seed: of the sample and of the first centroids.
        each: vectors in the sample to each centroid.
    """
    import faiss

    most = min(len(vectors), number * each)
    some = np.random.default_rng(seed).choice(len(vectors), most, replace=False)
    kmeans = faiss.Kmeans(
        vectors.shape[1],
        number,
        niter=_ROUNDS,
        max_points_per_centroid=each,
        seed=seed,
        spherical=metric is Metric.COSINE,
        min_points_per_centroid=1,
    )
    with sharing(len(vectors)):
        kmeans.train(np.ascontiguousarray(vectors[np.sort(some)]))
    found: Vectors = kmeans.centroids
    return found


def _nearest(queries: Vectors, vectors: Vectors, k: int, metric: Metric) -> tuple[Scores, Ids]:
    """Scores (higher is nearer) and places of the k nearest, order among equals undefined."""
    import faiss

    euclidean = metric is Metric.EUCLIDEAN
    values, places = faiss.knn(
        np.ascontiguousarray(queries),
        np.ascontiguousarray(vectors),
        k,
        metric=faiss.METRIC_L2 if euclidean else faiss.METRIC_INNER_PRODUCT,
    )
    return (-values if euclidean else values), places


def _others(ids: Ids, rows: Ids) -> Ids:
    """Without each row itself, or without the last where more than k equals hide it."""
    own = ids == rows[:, None]
    own[~own.any(axis=1), -1] = True
    others: Ids = ids[~own].reshape(len(ids), -1)
    return others


def _sorted(queries: Vectors, vectors: Vectors, ids: Ids, metric: Metric) -> tuple[Ids, Scores]:
    """Best first by scores taken pair by pair, equal ones by row."""
    scores = score_ids(queries, vectors, ids, metric)
    order = np.lexsort((ids, -scores), axis=1)
    return np.take_along_axis(ids, order, 1), np.take_along_axis(scores, order, 1)


def _recall(vectors: Vectors, ids: Ids, metric: Metric, seed: int) -> float:
    """Share of the true neighbours' scores that were reached, on a sample."""
    n, k = ids.shape
    rows = np.sort(np.random.default_rng(seed).choice(n, min(_SAMPLE, n), replace=False))
    true = _exactly(vectors, rows, k, metric)
    found = score_ids(vectors[rows], vectors, ids[rows], metric)
    reached = found >= true[:, -1:]
    return float(reached.mean())


def _exactly(vectors: Vectors, rows: Ids, k: int, metric: Metric) -> Scores:
    with sharing(len(rows)):
        others = _others(_nearest(vectors[rows], vectors, k + 1, metric)[1], rows)
    return _sorted(vectors[rows], vectors, others, metric)[1]


def _unheard(done: int, total: int) -> None:
    del done, total
