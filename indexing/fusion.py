"""One ranking out of several: by ranks, or by scores brought to one scale. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from indexing.index.exact import no_hits
from indexing.types import Hits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexing.types import Ids

RANK_CONSTANT = 60
"""What Cormack et al. add to every rank; larger values weigh first places less."""

_Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Leg:
    """One ranking to be fused.

    Attributes:
        hits: best first, padded with -1; the same number of queries in every leg.
        weight: above 0; only the ratio between the legs matters.
        floor: the least score there can be (0 for BM25, -1 for cosine), for `fuse_scores`: it
            becomes 0. None takes the least score of the query's hits instead.
    """

    hits: Hits
    weight: float = 1.0
    floor: float | None = None


def fuse_ranks(legs: Sequence[Leg], limit: int, *, constant: int = RANK_CONSTANT) -> Hits:
    """Reciprocal rank fusion: each leg gives `weight / (constant + rank)`.

    Ranks count from 1; equal scores of a leg share the best of their ranks. A row that a leg lacks
    gets nothing from it. The sum is divided by the largest possible, so that a row that is first
    in every leg scores 1 and every other less.

    Cormack, Clarke, Buettcher: Reciprocal rank fusion outperforms Condorcet and individual rank
    learning methods, SIGIR 2009, equation in section 2.

    Args:
        legs: at least one.
        limit: most rows of an answer.
        constant: the paper's k, 0 or more.

    Returns:
        (n, limit) hits with scores above 0 and up to 1, best first, equal scores by row.

    Raises:
        ValueError: no leg, a weight that is not above 0, legs for different numbers of queries, or
            a limit or constant below its least.
    """
    if constant < 0:
        message = f"constant is {constant}; it must be 0 or more"
        raise ValueError(message)
    parts = [
        [leg.weight * (constant + 1) / (constant + _ranks(scores)) for _, scores in queries]
        for leg, queries in _by_query(legs, limit)
    ]
    return _sum(legs, parts, limit)


def fuse_scores(legs: Sequence[Leg], limit: int) -> Hits:
    """Convex combination of scores, each leg's brought to 0 to 1 query by query.

    A leg's score s becomes `(s - floor) / (best - floor)`, where best is its highest score for the
    query and floor the least one of the query's hits, or the least that there can be
    (`Leg.floor`), which keeps an answer with only poor hits from looking like one with good ones.
    Where best equals floor all hits become 1. A row that a leg lacks gets 0 from it.

    Bruch, Gai, Ingber: An analysis of fusion functions for hybrid retrieval, ACM TOIS 2023,
    equations 2 (min-max) and 4 (theoretical minimum).

    Args:
        legs: at least one.
        limit: most rows of an answer.

    Returns:
        (n, limit) hits with scores from 0 to 1, best first, equal scores by row.

    Raises:
        ValueError: no leg, a weight that is not above 0, legs for different numbers of queries, or
            a limit below 1.
    """
    parts = [
        [leg.weight * _scaled(scores, leg.floor) for _, scores in queries]
        for leg, queries in _by_query(legs, limit)
    ]
    return _sum(legs, parts, limit)


def best_of(rows: Ids, scores: npt.NDArray[np.floating], limit: int) -> Hits:
    """(1, limit) hits: the rows with the highest of the scores, equal ones by row.

    Args:
        rows: int64 (n,), each once.
        scores: float (n,), compared as float32.
        limit: 1 or more.
    """
    final = scores.astype(np.float32)
    order = np.lexsort((rows, -final))[:limit]
    hits = no_hits(1, limit)
    hits.ids[0, : len(order)], hits.scores[0, : len(order)] = rows[order], final[order]
    return hits


def _by_query(legs: Sequence[Leg], limit: int) -> list[tuple[Leg, list[tuple[Ids, _Values]]]]:
    """Each leg with its rows and scores by query, without the padding."""
    if not legs or limit < 1:
        message = f"{len(legs)} legs and limit {limit}; there must be at least 1 of each"
        raise ValueError(message)
    counts = {len(leg.hits.ids) for leg in legs}
    if len(counts) > 1:
        message = f"legs answer {sorted(counts)} queries; they must answer the same ones"
        raise ValueError(message)
    for leg in legs:
        if not leg.weight > 0:
            message = f"weight {leg.weight} of a leg; it must be above 0 (leave the leg out)"
            raise ValueError(message)
    return [(leg, [_unpadded(leg.hits, query) for query in range(*counts)]) for leg in legs]


def _unpadded(hits: Hits, query: int) -> tuple[Ids, _Values]:
    there = hits.ids[query] >= 0
    return hits.ids[query][there], hits.scores[query][there].astype(np.float64)


def _ranks(scores: _Values) -> _Values:
    """Ranks from 1 of descending scores; equal ones share the best."""
    return 1.0 + np.searchsorted(-scores, -scores, side="left").astype(np.float64)


def _scaled(scores: _Values, floor: float | None) -> _Values:
    if not len(scores):
        return scores
    best = float(scores.max())
    least = float(scores.min()) if floor is None else floor
    if best <= least:
        return np.ones_like(scores)
    return np.clip((scores - least) / (best - least), 0.0, 1.0)


def _sum(legs: Sequence[Leg], parts: Sequence[Sequence[_Values]], limit: int) -> Hits:
    """Rows of all legs with what the legs give them, over the sum of the weights."""
    queries = len(legs[0].hits.ids)
    ids = np.full((queries, limit), -1, dtype=np.int64)
    scores = np.full((queries, limit), -np.inf, dtype=np.float32)
    total = sum(leg.weight for leg in legs)
    for query in range(queries):
        found = [_unpadded(leg.hits, query)[0] for leg in legs]
        rows, places = np.unique(np.concatenate(found), return_inverse=True)
        given = np.concatenate([part[query] for part in parts])
        sums = np.bincount(places, weights=given, minlength=len(rows)) / total
        final = np.minimum(sums, 1.0).astype(np.float32)
        order = np.lexsort((rows, -final))[:limit]
        ids[query, : len(order)] = rows[order]
        scores[query, : len(order)] = final[order]
    return Hits(ids, scores)
