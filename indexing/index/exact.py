"""Exact nearest neighbours by comparing every vector, and exact scores for candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexing.index.threads import sharing
from indexing.types import Hits, Metric

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from embeddings.types import Vectors
    from indexing.types import Ids, Scores

    Candidates = Callable[[int, Ids], Ids]
    """From k and the queries' positions (m,) to the best rows (m, up to k), padded with -1."""

_SLACK = 8
"""Candidates fetched beyond k, so that scores equal to the k-th are seen."""
_MOST_TIES = 16_384
"""Equal scores beyond this many are cut without regard to their order."""
_GATHER_SHARE = 0.25
"""Below this share of allowed rows, copying them is cheaper than skipping the others."""
_FEW_QUERIES = 8
"""Up to so many queries are compared with rows where they lie; for more a copy is made."""
_LAST = np.iinfo(np.int64).max
_ROUNDING = 1e-6
"""A vector of length 1 that was computed in float32 is no further from it."""


def unit(vectors: Vectors) -> Vectors:
    """Rows scaled to length 1; a row of zeros stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return scaled


def comparable(vectors: Vectors, metric: Metric) -> Vectors:
    """Vectors as the metric compares them: of length 1 for cosine, unchanged otherwise."""
    return unit(vectors) if metric is Metric.COSINE else vectors


def settled(vectors: Vectors, metric: Metric) -> Vectors:
    """As `comparable`; rows that are so already, but for rounding, stay to the last bit."""
    if metric is not Metric.COSINE:
        return vectors
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(np.abs(lengths - 1) <= _ROUNDING, vectors, unit(vectors))


def score_ids(queries: Vectors, vectors: Vectors, ids: Ids, metric: Metric) -> Scores:
    """The metric's score of each query against rows of its own.

    Each pair's sum is taken by itself, so equal vectors get equal scores whatever stands
    beside them; matrix products do not promise that.

    Args:
        queries: float32 (n, dim), `comparable`.
        vectors: float32 (rows, dim), `comparable`.
        ids: int64 (n, m), padded with -1.
        metric: how vectors are compared.

    Returns:
        float32 (n, m), -inf where padded.

    Raises:
        IndexError: a row that is not there; FAISS would read whatever lies behind the vectors.
    """
    import faiss

    pointer = faiss.swig_ptr
    queries, ids = np.ascontiguousarray(queries), np.ascontiguousarray(ids)
    scores: Scores = np.full(ids.shape, -np.inf, dtype=np.float32)
    if not ids.size or not len(vectors):
        return scores
    if (last := int(ids.max())) >= len(vectors):
        message = f"row {last:,} of {len(vectors):,}"
        raise IndexError(message)
    arguments = (
        *(pointer(scores), pointer(queries), pointer(vectors), pointer(ids)),
        *(queries.shape[1], len(queries), ids.shape[1]),
    )
    if metric is Metric.EUCLIDEAN:
        faiss.fvec_L2sqr_by_idx(*arguments)
        np.sqrt(scores, out=scores, where=ids >= 0)
        np.negative(scores, out=scores)
    else:
        faiss.fvec_inner_products_by_idx(*arguments)
    scores[ids < 0] = -np.inf
    return scores


def best_of(queries: Vectors, vectors: Vectors, ids: Ids, k: int, metric: Metric) -> Ids:
    """The k best of each query's own rows, best first, order among equals undefined.

    Args:
        queries: float32 (n, dim), C-contiguous, `comparable`.
        vectors: float32 (rows, dim), `comparable`.
        ids: int64 (n, m), C-contiguous, padded with -1 at the end; or (1, m) for all queries.
        k: at most m.
        metric: how vectors are compared.

    Returns:
        int64 (n, k), padded with -1.
    """
    import faiss

    pointer = faiss.swig_ptr
    best: Ids = np.empty((len(queries), k), dtype=np.int64)
    values = np.empty((len(queries), k), dtype=np.float32)
    search = faiss.knn_inner_products_by_idx
    if metric is Metric.EUCLIDEAN:
        search = faiss.knn_L2sqr_by_idx
    search(
        *(pointer(queries), pointer(vectors), pointer(ids)),
        *(queries.shape[1], len(queries), len(vectors), ids.shape[1], k),
        *(pointer(values), pointer(best)),
        ids.shape[1] if len(ids) > 1 else 0,  # FAISS 1.15 finds nothing with its own default
    )
    return best


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
    if rows is not None and len(rows) < _GATHER_SHARE * len(vectors):
        return nearest_among(vectors, queries, rows, k, metric)
    most = len(vectors) if rows is None else len(rows)
    queries = np.ascontiguousarray(queries)

    def candidates(wanted: int, places: Ids) -> Ids:
        return _scan(vectors, queries[places], wanted, metric, allowed)

    return settle(candidates, vectors, queries, k, most, metric)


def nearest_among(vectors: Vectors, queries: Vectors, rows: Ids, k: int, metric: Metric) -> Hits:
    """The k best of a few rows for each query; see `nearest`.

    Args:
        vectors: float32 (n, dim), `comparable`.
        queries: float32 (n_queries, dim), `comparable`.
        rows: int64 (m,), each once, in any order.
        k: at least 1.
        metric: how vectors are compared.
    """
    queries = np.ascontiguousarray(queries)
    if len(queries) <= _FEW_QUERIES:
        listed = np.ascontiguousarray(rows, dtype=np.int64)[None]

        def candidates(wanted: int, places: Ids) -> Ids:
            return best_of(queries[places], vectors, listed, wanted, metric)
    else:
        gathered = np.ascontiguousarray(vectors[rows])

        def candidates(wanted: int, places: Ids) -> Ids:
            found = _scan(gathered, queries[places], wanted, metric, None)
            return np.where(found < 0, -1, rows[found])

    return settle(candidates, vectors, queries, k, len(rows), metric)


def settle(
    candidates: Candidates, vectors: Vectors, queries: Vectors, k: int, most: int, metric: Metric
) -> Hits:
    """Candidates scored exactly and ordered; more are fetched while the k-th score goes on.

    Args:
        candidates: gives the best rows for a number wanted and some of the queries.
        vectors: float32 (n, dim), where the rows lie.
        queries: float32 (n_queries, dim).
        k: hits wanted.
        most: how many rows there are to be found.
        metric: how vectors are compared; queries and vectors are `comparable` already.
    """
    if most == 0 or len(queries) == 0:
        return no_hits(len(queries), k)
    with sharing(len(queries)):
        return _settled(candidates, vectors, queries, k, most, metric)


def _settled(
    candidates: Candidates, vectors: Vectors, queries: Vectors, k: int, most: int, metric: Metric
) -> Hits:
    wanted = min(k + _SLACK, most)
    places = np.arange(len(queries))
    hits = _ordered(queries, vectors, candidates(wanted, places), metric)
    final = _cut(hits, k)
    while wanted < most and wanted < k + _MOST_TIES:
        unsettled = _goes_on(hits, k)
        if not unsettled.any():
            break
        places = places[unsettled]
        wanted = min(wanted * 4, most)
        hits = _ordered(queries[places], vectors, candidates(wanted, places), metric)
        again = _cut(hits, k)
        final.ids[places], final.scores[places] = again.ids, again.scores
    return final


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
    return _cut(_sorted(ids, scores), k)


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
        arguments.append(faiss.IDSelectorBitmap(len(bits), pointer(bits)))
    if metric is Metric.EUCLIDEAN:
        faiss.knn_L2sqr(*arguments)
    else:
        faiss.knn_inner_product(*arguments)
    return ids


def _ordered(queries: Vectors, vectors: Vectors, ids: Ids, metric: Metric) -> Hits:
    return _sorted(ids, score_ids(queries, vectors, ids, metric))


def _sorted(ids: Ids, scores: Scores) -> Hits:
    """Best first, equal scores by row, padding last; what is in order already is not touched."""
    if ids.shape[1] < 2 or bool(np.all(scores[:, :-1] > scores[:, 1:])):
        return Hits(ids, scores)
    padded = ids < 0
    order = np.lexsort((np.where(padded, _LAST, ids), -scores, padded), axis=1)
    return Hits(np.take_along_axis(ids, order, 1), np.take_along_axis(scores, order, 1))


def _goes_on(hits: Hits, k: int) -> npt.NDArray[np.bool_]:
    """Bool (n,): the last candidate's score may equal the k-th, so there may be more of them."""
    if hits.scores.shape[1] <= k:
        return np.ones(len(hits.scores), dtype=bool)
    last, kth = hits.scores[:, -1], hits.scores[:, k - 1]
    tolerance = 1e-5 * np.maximum(1.0, np.abs(kth))
    with np.errstate(invalid="ignore"):  # padding: -inf - -inf
        near: npt.NDArray[np.bool_] = kth - last <= tolerance
    return near


def _cut(hits: Hits, k: int) -> Hits:
    n_queries, width = hits.ids.shape
    if width >= k:
        return Hits(np.ascontiguousarray(hits.ids[:, :k]), np.ascontiguousarray(hits.scores[:, :k]))
    padding = no_hits(n_queries, k - width)
    return Hits(
        np.concatenate([hits.ids, padding.ids], axis=1),
        np.concatenate([hits.scores, padding.scores], axis=1),
    )
