"""Exact search: every vector is compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexing.index import IndexFileError
from indexing.index.exact import nearest
from indexing.index.faiss_file import faiss_metric, read_faiss, write_faiss
from indexing.row_mask import RowMask

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from embeddings.types import Vectors
    from indexing.index import Effort
    from indexing.types import Hits, Ids, Metric


class FlatIndex:
    """Compares a query with every vector: exact, n * dim multiplications a query.

    Args:
        vectors: float32 (n, dim), `comparable` under the metric already; kept, not copied.
        metric: how vectors are compared.
        rows: int64, the rows that may be found; None: all.
    """

    kind = "flat"
    exact = True

    def __init__(self, vectors: Vectors, metric: Metric, rows: Ids | None = None) -> None:
        self._vectors = vectors
        self._metric = metric
        self._held = None if rows is None else RowMask.of_rows(rows, len(vectors))

    @classmethod
    def build(
        cls, vectors: Vectors, metric: Metric, *, rows: Ids | None = None, **settings: int
    ) -> Self:
        """An index of the vectors, which are not copied; there is nothing to set."""
        del settings
        return cls(vectors, metric, rows)

    @classmethod
    def load(cls, path: Path, vectors: Vectors, metric: Metric) -> Self:
        """The index saved at `path`; the vectors are those of the file."""
        import faiss

        del vectors
        index = read_faiss(path, metric)
        if not isinstance(index, faiss.IndexFlat):
            message = f"{path.name} holds {type(index).__name__}, not a flat index"
            raise IndexFileError(message)
        return cls(index.reconstruct_n(0, index.ntotal), metric)

    @staticmethod
    def bytes_per_vector(dim: int) -> float:
        """The vector itself."""
        return 4 * dim

    def save(self, path: Path) -> None:
        """Write a `faiss.IndexFlat`."""
        import faiss

        index = faiss.IndexFlat(self.dim, faiss_metric(self._metric))
        index.add(np.ascontiguousarray(self._vectors))
        write_faiss(index, path)

    @property
    def rows(self) -> int:
        """How many vectors it holds."""
        return len(self._vectors) if self._held is None else self._held.count

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return int(self._vectors.shape[1])

    def insert(self, vectors: Vectors, rows: Ids) -> None:
        """Find these rows as well."""
        held = np.ones(len(self._vectors), bool) if self._held is None else self._held.allowed
        allowed = np.zeros(len(vectors), dtype=bool)
        allowed[: len(held)] = held
        allowed[rows] = True
        self._vectors, self._held = vectors, RowMask(allowed)

    def copy(self) -> Self:
        """The same rows; vectors are shared."""
        return type(self)(
            self._vectors, self._metric, None if self._held is None else self._held.rows
        )

    def efforts(self, k: int) -> tuple[Effort, ...]:
        """Nothing to try."""
        del k
        return ()

    def search(
        self,
        queries: Vectors,
        k: int,
        *,
        allowed: RowMask | None = None,
        effort: Effort | None = None,
    ) -> Hits:
        """The k best rows, truly; `effort` changes nothing."""
        del effort
        if self._held is not None:
            allowed = self._held if allowed is None else self._held & allowed
        mask = None if allowed is None else allowed.allowed
        return nearest(self._vectors, queries, k, self._metric, allowed=mask)
