"""Choosing an index, measuring what it finds, and setting how hard it looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexing.index.exact import nearest

if TYPE_CHECKING:
    from embeddings.types import Vectors
    from indexing.index import VectorIndex
    from indexing.types import Ids, Metric

TARGET_RECALL = 0.98
MEASURED_AT = 10
"""Recall is measured at this k."""

_FLAT_NUMBERS = 20_000_000
"""Up to this many numbers (rows * dim), comparing all of them takes a few milliseconds."""
_SAMPLE = 256
_EFFORTS = (16, 32, 48, 64, 96, 128, 192, 256, 384, 512)
_SEED = 20_261
_TIE = 1e-6


@dataclass(frozen=True, slots=True)
class Tuning:
    """How hard an index looks, and what that finds.

    Attributes:
        effort: the least tried at which the target is reached, else the greatest.
        recall: share of the true 10 nearest found at that effort, 0 to 1.
        curve: (effort, recall) for every effort tried.
    """

    effort: int
    recall: float
    curve: tuple[tuple[int, float], ...]


def choose_kind(rows: int, dim: int) -> str:
    """`flat` while comparing everything is quick, else `hnsw`."""
    return "flat" if rows * dim <= _FLAT_NUMBERS else "hnsw"


def tune(
    index: VectorIndex,
    vectors: Vectors,
    live: Ids,
    metric: Metric,
    *,
    target: float = TARGET_RECALL,
) -> Tuning:
    """Measure recall@10 on sampled rows and find the least effort that reaches the target.

    A sampled row asks for its neighbours, itself left out, among the live rows.

    Args:
        index: built over `vectors`.
        vectors: float32 (n, dim), `comparable` under the metric.
        live: int64, ascending, the rows that are not deleted.
        metric: how vectors are compared.
        target: recall wanted, 0 to 1.
    """
    if len(live) <= MEASURED_AT:
        return Tuning(_EFFORTS[0], 1.0, ())
    generator = np.random.default_rng(_SEED)
    sample = np.sort(generator.choice(live, size=min(_SAMPLE, len(live)), replace=False))
    queries = np.ascontiguousarray(vectors[sample])
    allowed = None
    if len(live) < len(vectors):
        allowed = np.zeros(len(vectors), dtype=bool)
        allowed[live] = True
    k = min(MEASURED_AT + 1, len(live))
    truth = nearest(vectors, queries, k, metric, allowed=allowed)
    curve: list[tuple[int, float]] = []
    for effort in _EFFORTS:
        found = index.search(queries, k, allowed=allowed, effort=effort)
        wanted = _without_self(truth.ids, truth.scores, sample)
        got = _without_self(found.ids, found.scores, sample)
        least = wanted[:, -1:]
        recall = float(np.mean(got >= least - _TIE * np.maximum(1, np.abs(least))))
        curve.append((effort, round(recall, 4)))
        if recall >= target:
            break
    return Tuning(*curve[-1], tuple(curve))


def _without_self(ids: Ids, scores: Vectors, sample: Ids) -> Vectors:
    """Scores (n, k-1), best first, of the hits that are not the sampled row itself."""
    itself = ids == sample[:, None]
    itself[~itself.any(axis=1), -1] = True
    others: Vectors = scores[~itself].reshape(len(ids), -1)
    return others
