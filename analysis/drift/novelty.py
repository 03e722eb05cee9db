"""Documents that are unlike anything that was there before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexing.index.exact import nearest

if TYPE_CHECKING:
    from embeddings.types import Vectors
    from indexing.types import Ids, Metric, Scores

_USUAL = 0.01
_BLOCK = 1_024


@dataclass(frozen=True, slots=True, eq=False)
class Novelty:
    """How near the later documents are to the earlier.

    Attributes:
        scores: float32 (m,), the metric's score of each later document's nearest earlier one.
        nearest: int64 (m,), which that is.
        line: the score that 99 % of earlier documents reach among each other.
    """

    scores: Scores
    nearest: Ids
    line: float

    @property
    def new(self) -> Ids:
        """int64: later documents below the line, the least similar first."""
        below = np.flatnonzero(self.scores < self.line)
        return below[np.argsort(self.scores[below], kind="stable")]


def novelty(before: Vectors, after: Vectors, metric: Metric) -> Novelty:
    """Each later document's nearest earlier one, and what is usual among the earlier.

    Args:
        before: float32 (n, dim), `comparable`, n of at least 2.
        after: float32 (m, dim), `comparable`.
        metric: COSINE or EUCLIDEAN.
    """
    ids = np.empty(len(after), dtype=np.int64)
    scores = np.empty(len(after), dtype=np.float32)
    for first in range(0, len(after), _BLOCK):
        hits = nearest(before, np.ascontiguousarray(after[first : first + _BLOCK]), 1, metric)
        ids[first : first + _BLOCK] = hits.ids[:, 0]
        scores[first : first + _BLOCK] = hits.scores[:, 0]
    own = np.empty(len(before), dtype=np.float32)
    for first in range(0, len(before), _BLOCK):
        block = np.ascontiguousarray(before[first : first + _BLOCK])
        hits = nearest(before, block, 2, metric)
        rows = np.arange(first, first + len(block))
        own[rows] = np.where(hits.ids[:, 0] == rows, hits.scores[:, 1], hits.scores[:, 0])
    return Novelty(scores, ids, float(np.quantile(own, _USUAL)))
