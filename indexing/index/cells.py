"""The rows nearest to rows by cells: an inverted file asked cell by cell.

Cells of some 400 rows are made by k-means, and the rows of a cell are compared with those of the
cells that are nearest to most of them (Jégou, Douze, Schmid 2011, section IV), so that comparing is
a product of matrices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexing.index.threads import sharing
from indexing.types import Metric

if TYPE_CHECKING:
    from collections.abc import Callable

    from embeddings.types import Vectors
    from indexing.types import Ids, Scores

    Told = Callable[[int, int], None]
    """Called with the rows done and the rows there are."""

CELL = 400
"""Rows to a cell, about: enough for a matrix product, few enough to leave most of them out."""
_VOTES = 4
"""Nearest cells that each row of a cell names, the nearest with most weight."""
BLOCK = 1_024
_TRAINED_ON = 64
"""Rows to a cell that the cells are found from."""
_ROUNDS = 8


def search_cells(
    vectors: Vectors,
    rows: Ids,
    others: Ids,
    k: int,
    metric: Metric,
    cells: int,
    reach: int,
    seed: int,
    told: Told,
) -> Ids:
    """int64 (len(rows), k), in no order; where cells hold too few, all others are compared.

    Where `rows` is `others`, a row is never its own neighbour.
    """
    own = rows is others
    middles = centres(vectors, cells, metric, seed, among=others)
    probes = _nearest_cells(vectors, rows, middles, metric, min(_VOTES, cells))
    asked = _by_cell(probes[:, 0], cells)
    homes = asked if own else _by_cell(_nearest_cells(vectors, others, middles, metric, 1), cells)
    members = [others[places] for places in homes]
    found = np.full((len(rows), k), -1, dtype=np.int64)
    done = 0
    weights = np.arange(probes.shape[1], 0, -1)
    for cell, places in enumerate(asked):
        if not len(places):
            continue
        named = np.broadcast_to(weights, (len(places), len(weights)))
        votes = np.bincount(probes[places].ravel(), weights=named.ravel(), minlength=cells)
        votes[cell] = np.inf
        chosen = np.argsort(-votes, kind="stable")[:reach]
        among = np.sort(np.concatenate([members[place] for place in chosen]))
        if len(among) < k + own:
            among = others
        near = vectors[among]
        for first in range(0, len(places), BLOCK):
            some = places[first : first + BLOCK]
            nearest = among[nearest_rows(vectors[rows[some]], near, k + own, metric)[1]]
            found[some] = without_own(nearest, rows[some]) if own else nearest
        done += len(places)
        told(done, len(rows))
    return found


def centres(
    vectors: Vectors,
    number: int,
    metric: Metric,
    seed: int,
    *,
    each: int = _TRAINED_ON,
    among: Ids | None = None,
) -> Vectors:
    """float32 (number, dim): centroids by k-means on a sample; of length 1 for cosine.

    Args:
        vectors: float32 (n, dim), `comparable`.
        number: 1 to n.
        metric: how vectors are compared.
        seed: of the sample and of the first centroids.
        each: vectors in the sample to each centroid.
        among: int64, the rows they are of; None: all.
    """
    import faiss

    n = len(vectors) if among is None else len(among)
    some = np.random.default_rng(seed).choice(n, min(n, number * each), replace=False)
    if among is not None:
        some = among[some]
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


def nearest_rows(queries: Vectors, vectors: Vectors, k: int, metric: Metric) -> tuple[Scores, Ids]:
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


def without_own(ids: Ids, rows: Ids) -> Ids:
    """Without each row itself, or without the last where more than k equals hide it."""
    own = ids == rows[:, None]
    own[~own.any(axis=1), -1] = True
    others: Ids = ids[~own].reshape(len(ids), -1)
    return others


def _nearest_cells(
    vectors: Vectors, rows: Ids, middles: Vectors, metric: Metric, number: int
) -> Ids:
    """int64 (len(rows), number), nearest first."""
    return np.concatenate(
        [
            nearest_rows(vectors[rows[first : first + BLOCK]], middles, number, metric)[1]
            for first in range(0, len(rows), BLOCK)
        ]
    )


def _by_cell(homes: Ids, cells: int) -> list[Ids]:
    """Places of each cell's rows, ascending."""
    homes = homes.ravel()
    order = np.argsort(homes, kind="stable")
    return np.split(order, np.cumsum(np.bincount(homes, minlength=cells))[:-1])
