"""Approximate search in a hierarchical navigable small world graph.

Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using
Hierarchical Navigable Small World graphs", 2016, arXiv:1603.09320.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from indexing.index import Effort, IndexFileError
from indexing.index.exact import best_of, no_hits, settle
from indexing.index.faiss_file import faiss_metric, read_faiss, write_faiss

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    import faiss

    from embeddings.types import Vectors
    from indexing.row_mask import RowMask
    from indexing.types import Hits, Ids, Metric

LINKS = 32
"""The paper's M."""
_CONSTRUCTION = 100
"""The paper's efConstruction."""
_REACHES = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
_BLOCK = 65_536


class HnswIndex:
    """A graph of each vector's near neighbours, walked towards the query.

    `Effort.reach` is the paper's ef: how many candidates the walk keeps. `Effort.candidates`
    are of those scored by the vectors themselves, which matters where the graph compares
    compressed ones.

    Args:
        index: a `faiss.IndexIDMap` of an HNSW index, its ids rows.
        vectors: float32 (n, dim), `comparable`; rows are read from here.
        metric: how vectors are compared.
    """

    kind = "hnsw"
    exact = False
    _stored: ClassVar[str] = "IndexHNSWFlat"

    def __init__(self, index: faiss.IndexIDMap, vectors: Vectors, metric: Metric) -> None:
        import faiss

        self._index = index
        self._graph = faiss.downcast_index(index.index)
        self._vectors = vectors
        self._metric = metric

    @classmethod
    def build(
        cls, vectors: Vectors, metric: Metric, *, rows: Ids | None = None, **settings: int
    ) -> Self:
        """A graph over the rows.

        Args:
            vectors: float32 (n, dim).
            metric: how vectors are compared.
            rows: int64, those to take in; None takes all.
            settings: `links` (default 32; the paper's M) and `construction_effort` (default
                100; its efConstruction).
        """
        import faiss

        if rows is None:
            rows = np.arange(len(vectors), dtype=np.int64)
        graph = cls._graph_for(vectors, rows, faiss_metric(metric), settings.get("links", LINKS))
        graph.hnsw.efConstruction = settings.get("construction_effort", _CONSTRUCTION)
        index = faiss.IndexIDMap(graph)
        index.own_fields = True
        graph.this.disown()
        built = cls(index, vectors, metric)
        built.insert(vectors, rows)
        return built

    @classmethod
    def _graph_for(cls, vectors: Vectors, rows: Ids, number: int, links: int) -> faiss.IndexHNSW:
        """An empty graph that is ready for the rows."""
        import faiss

        del rows
        return faiss.IndexHNSWFlat(vectors.shape[1], links, number)

    @classmethod
    def load(cls, path: Path, vectors: Vectors, metric: Metric) -> Self:
        """The index saved at `path`, in memory."""
        import faiss

        index = read_faiss(path, metric)
        held = faiss.downcast_index(index.index) if isinstance(index, faiss.IndexIDMap) else index
        if type(held).__name__ != cls._stored or not isinstance(index, faiss.IndexIDMap):
            message = f"{path.name} holds {type(held).__name__}, not an index of kind {cls.kind}"
            raise IndexFileError(message)
        return cls(index, vectors, metric)

    @staticmethod
    def bytes_per_vector(dim: int) -> float:
        """The vector, its links and its row."""
        return 4 * dim + 8 * LINKS + 24

    def save(self, path: Path) -> None:
        """Write a `faiss.IndexIDMap` of the graph."""
        write_faiss(self._index, path)

    @property
    def rows(self) -> int:
        """How many vectors it holds."""
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return int(self._index.d)

    def insert(self, vectors: Vectors, rows: Ids) -> None:
        """Link the rows into the graph."""
        for start in range(0, len(rows), _BLOCK):
            some = np.ascontiguousarray(rows[start : start + _BLOCK], dtype=np.int64)
            self._index.add_with_ids(np.ascontiguousarray(vectors[some]), some)
        self._vectors = vectors

    def copy(self) -> Self:
        """Graph and stored vectors again."""
        import faiss

        return type(self)(faiss.clone_index(self._index), self._vectors, self._metric)

    def efforts(self, k: int) -> tuple[Effort, ...]:
        """Walks that keep more and more candidates."""
        return tuple(Effort(max(reach, k)) for reach in _REACHES if reach >= k) or (Effort(2 * k),)

    def search(
        self,
        queries: Vectors,
        k: int,
        *,
        allowed: RowMask | None = None,
        effort: Effort | None = None,
    ) -> Hits:
        """The k best rows the walk meets."""
        most = self.rows if allowed is None else min(self.rows, allowed.count)
        if most == 0 or len(queries) == 0:
            return no_hits(len(queries), k)
        queries = np.ascontiguousarray(queries)
        effort = self.efforts(k)[-1] if effort is None else effort.for_more(k)

        def candidates(wanted: int, places: Ids) -> Ids:
            asked = queries if len(places) == len(queries) else queries[places]
            met = self._walk(asked, max(effort.candidates, wanted), effort.reach, allowed)
            if met.shape[1] == wanted:
                return met
            return best_of(asked, self._vectors, met, wanted, self._metric)

        return settle(candidates, self._vectors, queries, k, most, self._metric)

    def _walk(self, queries: Vectors, wanted: int, reach: int, allowed: RowMask | None) -> Ids:
        """int64 (n, wanted), padded with -1 at the end."""
        import faiss

        parameters = faiss.SearchParametersHNSW(efSearch=max(reach, wanted))
        if allowed is not None:
            bits = allowed.bits
            parameters.sel = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
        found: Ids = self._index.search(queries, wanted, params=parameters)[1]
        return found


class CompressedHnswIndex(HnswIndex):
    """The same graph over vectors of one byte a number; the best it meets are scored exactly."""

    kind = "hnsw-sq8"
    _stored: ClassVar[str] = "IndexHNSWSQ"

    @classmethod
    def _graph_for(cls, vectors: Vectors, rows: Ids, number: int, links: int) -> faiss.IndexHNSW:
        import faiss

        kind = faiss.ScalarQuantizer.QT_8bit
        graph = faiss.IndexHNSWSQ(vectors.shape[1], kind, links, number)
        if len(rows):
            sample = rows[np.linspace(0, len(rows) - 1, min(len(rows), _BLOCK), dtype=np.int64)]
            graph.train(np.ascontiguousarray(vectors[sample]))
        return graph

    @staticmethod
    def bytes_per_vector(dim: int) -> float:
        """A byte a number, its links and its row."""
        return dim + 8 * LINKS + 24

    def efforts(self, k: int) -> tuple[Effort, ...]:
        """Walks that keep more and more candidates, three times k of them scored exactly."""
        return tuple(Effort(effort.reach, 3 * k) for effort in super().efforts(k))
