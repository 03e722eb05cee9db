"""The nearest other rows of every row: exact for some ten thousand rows, by cells for more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexing.index.cells import BLOCK, CELL, nearest_rows, search_cells, without_own
from indexing.index.exact import score_ids
from indexing.index.threads import sharing

if TYPE_CHECKING:
    from embeddings.types import Vectors
    from indexing.index.cells import Told
    from indexing.types import Ids, Metric, Scores


MOST_EXACT = 20_000
"""Rows up to which each is compared with every other unless told otherwise."""
REACH = 8
"""Cells whose rows are compared with a row, unless told otherwise."""
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
    cells = max(1, n // CELL)
    if exact or reach >= cells:
        return _exact_graph(vectors, k, metric, told)
    everything = np.arange(n)
    with sharing(n):
        ids = search_cells(vectors, everything, everything, k, metric, cells, reach, seed, told)
    ids, scores = _sorted(vectors, vectors, ids, metric)
    recall = _recall(vectors, ids, metric, seed)
    return NeighbourGraph(ids, scores, exact=False, recall=recall)


def nearest_among(
    vectors: Vectors,
    rows: Ids,
    others: Ids,
    k: int,
    metric: Metric,
    *,
    seed: int = 0,
    told: Told | None = None,
) -> tuple[Ids, Scores]:
    """Of each of some rows the k nearest among other rows: int64 and float32, both (len(rows), k).

    Best first, equal scores by row. Every pair is compared up to 20,000 x 20,000 of them; beyond
    that it goes by cells of the others, as `neighbour_graph` does.

    Args:
        vectors: float32 (n, dim), `comparable` under the metric already.
        rows: int64, ascending, into `vectors`.
        others: int64, ascending, into `vectors`; none of them among `rows`.
        k: 1 to len(others).
        metric: how vectors are compared.
        seed: of the cells.
        told: hears how many rows are done; what it raises stops the work.

    Raises:
        ValueError: k outside its range.
    """
    if not 1 <= k <= len(others):
        message = f"k is {k}; 1 to {len(others):,} is possible among {len(others):,} rows"
        raise ValueError(message)
    told = told or _unheard
    cells = len(others) // CELL
    few = len(rows) * len(others) <= MOST_EXACT**2 or cells <= REACH
    with sharing(len(rows)):
        if few:
            ids = _compared(vectors, rows, others, k, metric, told)
        else:
            ids = search_cells(vectors, rows, others, k, metric, cells, REACH, seed, told)
    scores = np.empty((len(rows), k), dtype=np.float32)
    for first in range(0, len(rows), BLOCK):
        block = slice(first, first + BLOCK)
        ids[block], scores[block] = _sorted(vectors[rows[block]], vectors, ids[block], metric)
    return ids, scores


def _compared(vectors: Vectors, rows: Ids, others: Ids, k: int, metric: Metric, told: Told) -> Ids:
    """int64 (len(rows), k), in no order; each row is compared with all others."""
    ids = np.empty((len(rows), k), dtype=np.int64)
    near = vectors[others]
    for first in range(0, len(rows), BLOCK):
        block = rows[first : first + BLOCK]
        ids[first : first + BLOCK] = others[nearest_rows(vectors[block], near, k, metric)[1]]
        told(first + len(block), len(rows))
    return ids


def _exact_graph(vectors: Vectors, k: int, metric: Metric, told: Told) -> NeighbourGraph:
    n = len(vectors)
    ids = np.empty((n, k), dtype=np.int64)
    scores = np.empty((n, k), dtype=np.float32)
    with sharing(n):
        for first in range(0, n, BLOCK):
            rows = np.arange(first, min(first + BLOCK, n))
            found = without_own(nearest_rows(vectors[rows], vectors, k + 1, metric)[1], rows)
            ids[rows], scores[rows] = _sorted(vectors[rows], vectors, found, metric)
            told(int(rows[-1]) + 1, n)
    return NeighbourGraph(ids, scores, exact=True, recall=1.0)


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
        others = without_own(nearest_rows(vectors[rows], vectors, k + 1, metric)[1], rows)
    return _sorted(vectors[rows], vectors, others, metric)[1]


def _unheard(done: int, total: int) -> None:
    del done, total
