"""Exact nearest neighbours by comparing every vector, and exact scores for candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexing.types import Hits, Metric

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from embeddings.types import Vectors
    from indexing.types import Ids, Scores

    Candidates = Callable[[int], Ids]
    """From k to the rows (n_queries, up to k) of the best candidates, padded with -1."""

_SLACK = 8
"""Candidates fetched beyond k, so that scores equal to the k-th are seen."""
_MOST_TIES = 16_384
"""Equal scores beyond this many are cut without regard to their order."""
_GATHER_SHARE = 0.25
"""Below this share of allowed rows, copying them is cheaper than skipping the others."""


def unit(vectors: Vectors) -> Vectors:
    """Rows scaled to length 1; a row of zeros stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return scaled


def comparable(vectors: Vectors, metric: Metric) -> Vectors:
    """Vectors as the metric compares them: of length 1 for cosine, unchanged otherwise."""
    return unit(vectors) if metric is Metric.COSINE else vectors


def score_rows(query: Vectors, rows: Vectors, metric: Metric) -> Scores:
    """float32 (n,): the metric's score of one query (dim,) against rows (n, dim).

    Each row's sum is taken by itself, so equal vectors get equal scores whatever stands
    beside them; matrix products do not promise that.
    """
    if metric is Metric.EUCLIDEAN:
        difference = rows - query
        scores: Scores = -np.sqrt(np.sum(difference * difference, axis=1, dtype=np.float32))
    else:
        scores = np.sum(rows * query, axis=1, dtype=np.float32)
    return scores


def nearest(
    vectors: Vectors,
    queries: Vectors,
    k: int,
    metric: Metric,
    *,
    allowed: npt.NDArray[np.bool_] | None = None,
) -> Hits:
    """The k best rows of each query by comparison with every allowed row.

    Args:
        vectors: float32 (n, dim), `comparable` under the metric already.
        queries: float32 (n_queries, dim), `comparable` already.
        k: at least 1.
        metric: how vectors are compared.
        allowed: bool (n,), rows that may be found; None allows all.

    Returns:
        Hits (n_queries, k), best first, equal scores by row.
    """
    rows = None if allowed is None else np.flatnonzero(allowed)
    most = len(vectors) if rows is None else len(rows)
    if most == 0 or len(queries) == 0:
        return no_hits(len(queries), k)
    if rows is not None and most < _GATHER_SHARE * len(vectors):
        gathered = np.ascontiguousarray(vectors[rows])

        def candidates(wanted: int) -> Ids:
            return _take(rows, _scan(gathered, queries, wanted, metric, None))
    else:

        def candidates(wanted: int) -> Ids:
            return _scan(vectors, queries, wanted, metric, allowed)

    return settle(candidates, vectors, queries, k, most, metric)


def settle(
    candidates: Candidates, vectors: Vectors, queries: Vectors, k: int, most: int, metric: Metric
) -> Hits:
    """Candidates scored exactly and ordered; more are fetched while the k-th score goes on.

    Args:
        candidates: gives the best rows for a number wanted.
        vectors: float32 (n, dim), where the rows lie.
        queries: float32 (n_queries, dim).
        k: hits wanted.
        most: how many rows there are to be found.
        metric: how vectors are compared; queries and vectors are `comparable` already.
    """
    wanted = min(k + _SLACK, most)
    while True:
        hits = _rescore(candidates(wanted), vectors, queries, metric)
        if wanted >= most or wanted >= k + _MOST_TIES or not _goes_on(hits, k):
            return _cut(hits, k)
        wanted = min(wanted * 4, most)


def no_hits(n_queries: int, k: int) -> Hits:
    """Nothing but padding."""
    return Hits(
        np.full((n_queries, k), -1, dtype=np.int64),
        np.full((n_queries, k), -np.inf, dtype=np.float32),
    )


def merge(parts: list[Hits], k: int) -> Hits:
    """The k best of several answers over different rows, equal scores by row."""
    ids = np.concatenate([part.ids for part in parts], axis=1)
    scores = np.concatenate([part.scores for part in parts], axis=1)
    return _cut(_ordered(ids, scores), k)


def _scan(
    vectors: Vectors,
    queries: Vectors,
    k: int,
    metric: Metric,
    allowed: npt.NDArray[np.bool_] | None,
) -> Ids:
    """int64 (n_queries, k) rows by FAISS's brute force, order among equals undefined."""
    import faiss

    pointer = faiss.swig_ptr
    n_queries, dim = queries.shape
    ids: Ids = np.empty((n_queries, k), dtype=np.int64)
    distances = np.empty((n_queries, k), dtype=np.float32)
    queries = np.ascontiguousarray(queries)
    arguments = [
        *(pointer(queries), pointer(vectors), dim, n_queries, len(vectors), k),
        *(pointer(distances), pointer(ids)),
    ]
    if metric is Metric.EUCLIDEAN:
        arguments.append(None)
    bits = None
    if allowed is not None:
        bits = np.packbits(allowed, bitorder="little")
        arguments.append(faiss.IDSelectorBitmap(len(allowed), pointer(bits)))
    if metric is Metric.EUCLIDEAN:
        faiss.knn_L2sqr(*arguments)
    else:
        faiss.knn_inner_product(*arguments)
    return ids


def _take(rows: Ids, positions: Ids) -> Ids:
    """`rows[positions]`, padding kept."""
    return np.where(positions < 0, -1, rows[positions])


def _rescore(ids: Ids, vectors: Vectors, queries: Vectors, metric: Metric) -> Hits:
    scores = np.full(ids.shape, -np.inf, dtype=np.float32)
    for position, query in enumerate(queries):
        found = ids[position] >= 0
        scores[position, found] = score_rows(query, vectors[ids[position, found]], metric)
    return _ordered(ids, scores)


def _ordered(ids: Ids, scores: Scores) -> Hits:
    """Best first, equal scores by row, padding last."""
    padded = ids < 0
    order = np.lexsort((np.where(padded, np.iinfo(np.int64).max, ids), -scores, padded), axis=1)
    return Hits(np.take_along_axis(ids, order, 1), np.take_along_axis(scores, order, 1))


def _goes_on(hits: Hits, k: int) -> bool:
    """True if the last candidate's score may equal the k-th: there may be more of them."""
    if hits.scores.shape[1] <= k:
        return True
    last, kth = hits.scores[:, -1], hits.scores[:, k - 1]
    tolerance = 1e-5 * np.maximum(1.0, np.abs(kth))
    with np.errstate(invalid="ignore"):  # padding: -inf - -inf
        return bool(np.any(kth - last <= tolerance))


def _cut(hits: Hits, k: int) -> Hits:
    n_queries, width = hits.ids.shape
    if width >= k:
        return Hits(np.ascontiguousarray(hits.ids[:, :k]), np.ascontiguousarray(hits.scores[:, :k]))
    padding = no_hits(n_queries, k - width)
    return Hits(
        np.concatenate([hits.ids, padding.ids], axis=1),
        np.concatenate([hits.scores, padding.scores], axis=1),
    )
