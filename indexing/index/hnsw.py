"""Approximate search in a hierarchical navigable small world graph.

Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using
Hierarchical Navigable Small World graphs", 2016, arXiv:1603.09320.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexing.index import IndexFileError
from indexing.index.exact import comparable, no_hits, settle
from indexing.index.faiss_file import faiss_metric, read_faiss, write_faiss

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    import faiss
    import numpy.typing as npt

    from embeddings.types import Vectors
    from indexing.types import Hits, Ids, Metric

DEFAULT_EFFORT = 64


class HnswIndex:
    """A graph of each vector's near neighbours, walked towards the query.

    `effort` is the paper's ef: how many candidates the walk keeps. Scores are exact; what may
    be missing is a neighbour.

    Args:
        index: a `faiss.IndexHNSWFlat` of `comparable` vectors.
        metric: how vectors are compared.
    """

    kind = "hnsw"
    exact = False

    def __init__(self, index: faiss.IndexHNSWFlat, metric: Metric) -> None:
        self._index = index
        self._metric = metric

    @classmethod
    def build(cls, vectors: Vectors, metric: Metric, **settings: int) -> Self:
        """A graph over the vectors.

        Args:
            vectors: float32 (n, dim).
            metric: how vectors are compared.
            settings: `links` (default 32; the paper's M) and `construction_effort` (default
                100; its efConstruction).
        """
        import faiss

        index = faiss.IndexHNSWFlat(
            vectors.shape[1], settings.get("links", 32), faiss_metric(metric)
        )
        index.hnsw.efConstruction = settings.get("construction_effort", 100)
        index.add(np.ascontiguousarray(comparable(vectors, metric)))
        return cls(index, metric)

    @classmethod
    def load(cls, path: Path, metric: Metric) -> Self:
        """The index saved at `path`, in memory."""
        import faiss

        index = read_faiss(path, metric)
        if not isinstance(index, faiss.IndexHNSWFlat):
            message = f"{path.name} holds {type(index).__name__}, not an HNSW index"
            raise IndexFileError(message)
        return cls(index, metric)

    def save(self, path: Path) -> None:
        """Write a `faiss.IndexHNSWFlat`."""
        write_faiss(self._index, path)

    @property
    def rows(self) -> int:
        """How many vectors it holds."""
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return int(self._index.d)

    def search(
        self,
        queries: Vectors,
        k: int,
        *,
        allowed: npt.NDArray[np.bool_] | None = None,
        effort: int | None = None,
    ) -> Hits:
        """The k best rows the walk meets; `effort` (default 64) is raised to k if below it."""
        import faiss

        queries = np.ascontiguousarray(comparable(queries, self._metric))
        most = self.rows if allowed is None else int(np.count_nonzero(allowed))
        if most == 0 or len(queries) == 0:
            return no_hits(len(queries), k)
        parameters = faiss.SearchParametersHNSW()
        bits = None if allowed is None else np.packbits(allowed, bitorder="little")
        if bits is not None:
            parameters.sel = faiss.IDSelectorBitmap(self.rows, faiss.swig_ptr(bits))

        def candidates(wanted: int, places: Ids) -> Ids:
            parameters.efSearch = max(effort or DEFAULT_EFFORT, wanted)
            found: Ids = self._index.search(queries[places], wanted, params=parameters)[1]
            return found

        return settle(candidates, self._stored(), queries, k, most, self._metric)

    def _stored(self) -> Vectors:
        """float32 (n, dim), a view into the index's own storage."""
        import faiss

        storage = faiss.downcast_index(self._index.storage)
        flat = faiss.rev_swig_ptr(storage.get_xb(), self.rows * self.dim)
        stored: Vectors = flat.reshape(self.rows, self.dim)
        return stored
