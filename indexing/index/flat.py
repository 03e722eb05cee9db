"""Exact search: every vector is compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexing.index import IndexFileError
from indexing.index.exact import comparable, nearest
from indexing.index.faiss_file import faiss_metric, read_faiss, write_faiss

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    import numpy.typing as npt

    from embeddings.types import Vectors
    from indexing.types import Hits, Metric


class FlatIndex:
    """Compares a query with every vector: exact, n * dim multiplications a query.

    Args:
        vectors: float32 (n, dim), `comparable` under the metric already; kept, not copied.
        metric: how vectors are compared.
    """

    kind = "flat"
    exact = True

    def __init__(self, vectors: Vectors, metric: Metric) -> None:
        self._vectors = vectors
        self._metric = metric

    @classmethod
    def build(cls, vectors: Vectors, metric: Metric, **settings: int) -> Self:
        """An index of the vectors; there is nothing to set."""
        del settings
        return cls(comparable(vectors, metric), metric)

    @classmethod
    def load(cls, path: Path, metric: Metric) -> Self:
        """The index saved at `path`, in memory."""
        import faiss

        index = read_faiss(path, metric)
        if not isinstance(index, faiss.IndexFlat):
            message = f"{path.name} holds {type(index).__name__}, not a flat index"
            raise IndexFileError(message)
        return cls(index.reconstruct_n(0, index.ntotal), metric)

    def save(self, path: Path) -> None:
        """Write a `faiss.IndexFlat`."""
        import faiss

        index = faiss.IndexFlat(self.dim, faiss_metric(self._metric))
        index.add(np.ascontiguousarray(self._vectors))
        write_faiss(index, path)

    @property
    def rows(self) -> int:
        """How many vectors it holds."""
        return len(self._vectors)

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return int(self._vectors.shape[1])

    def search(
        self,
        queries: Vectors,
        k: int,
        *,
        allowed: npt.NDArray[np.bool_] | None = None,
        effort: int | None = None,
    ) -> Hits:
        """The k best rows, truly; `effort` changes nothing."""
        del effort
        queries = comparable(queries, self._metric)
        return nearest(self._vectors, queries, k, self._metric, allowed=allowed)
