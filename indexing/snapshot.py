"""What a search sees: one moment of a collection, unchanged while writers go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexing.index.exact import comparable, merge, nearest

if TYPE_CHECKING:
    import numpy.typing as npt

    from embeddings.types import Vectors
    from indexing.sealed import SealedIndex
    from indexing.types import Hits, Ids, Metric


@dataclass(frozen=True, slots=True)
class Found:
    """Hits and how they were found.

    Attributes:
        hits: best first, equal scores by row.
        exact: True if every candidate was compared.
        index: `flat`, `hnsw` or `hnsw+flat`.
        recall: measured when the index was built; 1.0 if exact.
    """

    hits: Hits
    exact: bool
    index: str
    recall: float


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Rows 0 to n-1, which of them are live, and the index over the first of them.

    Attributes:
        vectors: float32 (n, dim), `comparable` under the metric.
        live: bool (n,), False for tombstones.
        documents: how many are live.
        metric: how vectors are compared.
        sealed: index over rows 0 to `sealed.rows`-1; None: everything is compared.
    """

    vectors: Vectors
    live: npt.NDArray[np.bool_]
    documents: int
    metric: Metric
    sealed: SealedIndex | None

    def find(
        self, queries: Vectors, k: int, *, rows: Ids | None = None, exact: bool = False
    ) -> Found:
        """The k best live rows of each query.

        Args:
            queries: float32 (n_queries, dim), of any length.
            k: hits wanted.
            rows: int64, only these may be found (a filter's rows); answered exactly.
            exact: compare with every row whatever index there is.
        """
        queries = comparable(queries, self.metric)
        if rows is not None:
            return self._scan(queries, k, self._among(rows))
        if exact or self.sealed is None:
            everything = self.documents == len(self.vectors)
            return self._scan(queries, k, None if everything else self.live)
        return self._walk(self.sealed, queries, k)

    def _among(self, rows: Ids) -> npt.NDArray[np.bool_]:
        allowed = np.zeros(len(self.vectors), dtype=bool)
        allowed[rows[(rows >= 0) & (rows < len(allowed))]] = True
        return allowed & self.live

    def _scan(self, queries: Vectors, k: int, allowed: npt.NDArray[np.bool_] | None) -> Found:
        hits = nearest(self.vectors, queries, k, self.metric, allowed=allowed)
        return Found(hits, exact=True, index="flat", recall=1.0)

    def _walk(self, sealed: SealedIndex, queries: Vectors, k: int) -> Found:
        """The sealed index, and row by row what was written since."""
        head = self.live[: sealed.rows]
        allowed = None if head.all() else head
        effort = max(sealed.card.effort, k)
        hits = sealed.index.search(queries, k, allowed=allowed, effort=effort)
        kind = sealed.card.kind
        tail = self.live[sealed.rows :]
        if tail.any():
            first = sealed.rows
            fresh = nearest(self.vectors[first:], queries, k, self.metric, allowed=tail)
            shifted = np.where(fresh.ids < 0, -1, fresh.ids + first)
            hits = merge([hits, type(fresh)(shifted, fresh.scores)], k)
            kind = f"{kind}+flat"
        return Found(hits, exact=sealed.index.exact, index=kind, recall=sealed.card.recall)
