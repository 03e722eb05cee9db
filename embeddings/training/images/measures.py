"""How well pictures of a class find each other, and what share of classes is told right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from embeddings.types import Vectors

    Labels = npt.NDArray[np.int64]

DEPTH = 10
"""Pictures looked at by precision@10 and by the vote of neighbours."""
_BLOCK = 512
"""Queries ranked at once."""


def search_measures(vectors: Vectors, labels: Labels) -> dict[str, float]:
    """Every picture as a query among all the others of its split; see `rank_measures`."""
    return rank_measures(vectors, labels, vectors, labels, itself=True)


def rank_measures(
    queries: Vectors,
    asked: Labels,
    vectors: Vectors,
    labels: Labels,
    *,
    itself: bool = False,
) -> dict[str, float]:
    """`precision@10`, `map` and `neighbour_accuracy`, 0 to 1, means over queries.

    A picture of the query's class is right. Average precision is the mean of the precision at the
    rank of each right picture, over the whole ranking; a query without any is left out. The
    neighbours' vote is the class that most of the first ten have, the nearest of equal ones.

    Args:
        queries: float32 (n, dim); compared by cosine.
        asked: int64 (n,), classes of the queries.
        vectors: float32 (m, dim), what is searched.
        labels: int64 (m,).
        itself: True if queries are the vectors searched: each is left out of its own answer.
    """
    units, searched = _units(queries), _units(vectors)
    precise, average, voted = [], [], []
    for start in range(0, len(units), _BLOCK):
        block = units[start : start + _BLOCK]
        scores = block @ searched.T
        if itself:
            rows = np.arange(len(block))
            scores[rows, rows + start] = -np.inf
        order = np.argsort(-scores, axis=1, kind="stable")
        order = order[:, : -1 if itself else None]
        found = labels[order]
        right = found == asked[start : start + len(block), None]
        there = right.sum(axis=1)
        depth = min(DEPTH, right.shape[1])
        precise += right[:, :depth].mean(axis=1).tolist()
        ranks = np.arange(1, right.shape[1] + 1)
        sums = (np.cumsum(right, axis=1) / ranks * right).sum(axis=1)
        average += (sums[there > 0] / there[there > 0]).tolist()
        votes = [_vote(row) for row in found[:, :depth]]
        voted += (np.array(votes) == asked[start : start + len(block)]).tolist()
    return {
        "precision@10": _mean(precise),
        "map": _mean(average),
        "neighbour_accuracy": _mean(voted),
    }


def _vote(labels: Labels) -> int:
    values, first, counts = np.unique(labels, return_index=True, return_counts=True)
    return int(values[np.lexsort((first, -counts))[0]]) if len(values) else -1


def _units(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: Vectors = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return units


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else 0.0
