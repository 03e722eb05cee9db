"""What a search sees: one moment of a collection, unchanged while writers go on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from indexing.index.exact import comparable, merge, nearest, nearest_among
from indexing.row_mask import RowMask

if TYPE_CHECKING:
    import numpy.typing as npt

    from embeddings.types import Vectors
    from indexing.sealed import SealedIndex
    from indexing.tuning import FilteredPoint, Point
    from indexing.types import Hits, Ids, Metric

_FEW_ROWS = 1_000
"""A filter that keeps no more rows than these is answered by comparing them, whatever the index."""


@dataclass(frozen=True, slots=True)
class Found:
    """Hits and how they were found.

    Attributes:
        hits: best first, equal scores by row.
        exact: True if every candidate was compared.
        index: `flat`, a kind of index, or both joined by `+`.
        recall: measured when the index was built; 1.0 if exact.
        visited: vectors whose true scores were taken, a query; None where nobody counts.
        allowed: rows that could be found.
    """

    hits: Hits
    exact: bool
    index: str
    recall: float
    visited: int | None
    allowed: int


@dataclass(frozen=True, eq=False)
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
        self,
        queries: Vectors,
        k: int,
        *,
        rows: Ids | RowMask | None = None,
        exact: bool = False,
        recall: float | None = None,
    ) -> Found:
        """The k best live rows of each query.

        Args:
            queries: float32 (n_queries, dim), of any length.
            k: hits wanted.
            rows: only these may be found (a filter's rows).
            exact: compare with every row whatever index there is.
            recall: to be reached, 0 to 1; None takes what the index was built for.
        """
        queries = np.ascontiguousarray(comparable(queries, self.metric))
        mask = None if rows is None else self._among(rows)
        if exact or self.sealed is None or recall == 1:
            return self._scan(queries, k, mask)
        return self._walk(self.sealed, queries, k, mask, recall)

    @cached_property
    def _live(self) -> RowMask:
        return RowMask(self.live)

    @cached_property
    def _dead_in_index(self) -> bool:
        """True if rows were deleted since the index was built."""
        sealed = self.sealed
        return sealed is not None and int(self.live[: sealed.rows].sum()) < sealed.card.held

    @cached_property
    def _live_head(self) -> RowMask:
        return self._live.head(0 if self.sealed is None else self.sealed.rows)

    @cached_property
    def _tail(self) -> Ids:
        """int64: live rows behind those of the index."""
        first = 0 if self.sealed is None else self.sealed.rows
        return np.flatnonzero(self.live[first:]) + first

    def _among(self, rows: Ids | RowMask) -> RowMask:
        if not isinstance(rows, RowMask):
            rows = RowMask.of_rows(rows, len(self.vectors))
        return rows if self.documents == len(self.live) else rows & self._live

    def _scan(self, queries: Vectors, k: int, mask: RowMask | None) -> Found:
        if mask is None and self.documents < len(self.live):
            mask = self._live
        count = len(self.vectors) if mask is None else mask.count
        vectors = self.vectors if mask is None else self.vectors[: len(mask)]
        allowed = None if mask is None else mask.allowed
        hits = nearest(vectors, queries, k, self.metric, allowed=allowed)
        return Found(hits, exact=True, index="flat", recall=1.0, visited=count, allowed=count)

    def _walk(
        self,
        sealed: SealedIndex,
        queries: Vectors,
        k: int,
        mask: RowMask | None,
        recall: float | None,
    ) -> Found:
        """The sealed index, and row by row what was written since."""
        tuning = sealed.card.tuning
        point: Point | FilteredPoint | None
        head = self._live_head if self._dead_in_index else None
        if mask is None:
            point = sealed.card.point if recall is None else tuning.at(recall)
        else:
            point = tuning.under(mask.count, mask.count / max(1, self.documents))
            if point is None or mask.count <= _FEW_ROWS:
                return self._scan(queries, k, mask)
            head = mask.head(sealed.rows)
        effort = None if point is None else point.effort
        hits = sealed.index.search(queries, k, allowed=head, effort=effort)
        visited = max(k, 0 if effort is None else effort.candidates or effort.reach)
        tail = self._tail if mask is None else self._tail[mask.allowed[self._tail]]
        kind = sealed.card.kind
        if len(tail):
            hits = merge([hits, nearest_among(self.vectors, queries, tail, k, self.metric)], k)
            kind = f"{kind}+flat"
        return Found(
            hits,
            exact=sealed.index.exact,
            index=kind,
            recall=1.0 if point is None else point.recall,
            visited=visited + len(tail),
            allowed=self.documents if mask is None else mask.count,
        )
