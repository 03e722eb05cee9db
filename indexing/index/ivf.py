"""Approximate search in an inverted file of compressed vectors, with exact scores in the end.

Jégou, Douze, Schmid, "Product quantization for nearest neighbor search", IEEE TPAMI 2011; codes
of 4 bits are compared 32 at a time in registers: André, Kermarrec, Le Scouarnec, "Cache locality
is not enough: high-performance nearest neighbor search with product quantization fast scan", VLDB
2015.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexing.index import Effort, IndexFileError
from indexing.index.exact import best_of, nearest_among, no_hits, settle
from indexing.index.faiss_file import faiss_metric, read_faiss, write_faiss
from indexing.row_mask import RowMask
from indexing.types import Metric

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    import faiss

    from embeddings.types import Vectors
    from indexing.types import Hits, Ids

_PIECE_WIDTHS = (4, 5, 3, 6, 2, 7, 8, 1)
"""Numbers coded together in 4 bits, the first that divides the width of a vector."""
_LEAST_TRAINING = 640
"""Rows to train with; fewer are repeated, for 16 means need some to be means of."""
_TRAINING_PER_LIST = 128
_MOST_TRAINING = 131_072
_LISTS = 1.7
"""Times the square root of the number of rows."""
_SEED = 20_261
_REACHES = (4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
_CANDIDATES = (5, 7, 10, 14, 20, 40)
"""Times k."""


class IvfIndex:
    """Lists of rows around centres, each row coded in dim / 8 bytes; the best by code are scored.

    `Effort.reach` is the number of lists looked through, `Effort.candidates` the number of rows
    whose true scores are taken from the vectors, which stay where they are (a mapped file) and
    are not part of the index.

    Args:
        index: a `faiss.IndexIVFPQFastScan` whose ids are rows.
        vectors: float32 (n, dim), `comparable`; rows are read from here.
        metric: how vectors are compared.
        held: the rows in the index.
    """

    kind = "ivf-pq"
    exact = False

    def __init__(
        self, index: faiss.IndexIVFPQFastScan, vectors: Vectors, metric: Metric, held: RowMask
    ) -> None:
        self._index = index
        self._vectors = vectors
        self._metric = metric
        self._held = held

    @classmethod
    def build(
        cls, vectors: Vectors, metric: Metric, *, rows: Ids | None = None, **settings: int
    ) -> Self:
        """An index of the rows.

        Args:
            vectors: float32 (n, dim).
            metric: how vectors are compared.
            rows: int64, those to take in; None takes all.
            settings: `lists` (default 1.7 times the square root of the number of rows).
        """
        import faiss

        if rows is None:
            rows = np.arange(len(vectors), dtype=np.int64)
        dim = vectors.shape[1]
        lists = settings.get("lists", round(_LISTS * len(rows) ** 0.5))
        lists = max(1, min(lists, len(rows) // 40))
        number = _order(metric)
        quantizer = faiss.IndexFlat(dim, number)
        index = faiss.IndexIVFPQFastScan(quantizer, dim, lists, dim // _piece_width(dim), 4, number)
        index.own_fields = True
        quantizer.this.disown()
        index.cp.seed = index.pq.cp.seed = _SEED
        index.cp.min_points_per_centroid = index.pq.cp.min_points_per_centroid = 1
        index.cp.max_points_per_centroid = _TRAINING_PER_LIST
        built = cls(index, vectors, metric, RowMask(np.zeros(len(vectors), dtype=bool)))
        if len(rows):
            most = min(lists * _TRAINING_PER_LIST, _MOST_TRAINING)
            index.train(_training(vectors, rows, most))
            built.insert(vectors, rows)
        return built

    @classmethod
    def load(cls, path: Path, vectors: Vectors, metric: Metric) -> Self:
        """The index saved at `path`, in memory; the vectors stay where they are."""
        import faiss

        index = read_faiss(path, metric, number=_order(metric))
        if not isinstance(index, faiss.IndexIVFPQFastScan):
            message = f"{path.name} holds {type(index).__name__}, not an IVF fast-scan index"
            raise IndexFileError(message)
        return cls(index, vectors, metric, RowMask.of_rows(_rows_in(index), len(vectors)))

    @staticmethod
    def bytes_per_vector(dim: int) -> float:
        """Half a byte for each piece, 8 for the row, and the share of a centre."""
        return dim / _piece_width(dim) / 2 + 8 + 4 * dim / 300

    def save(self, path: Path) -> None:
        """Write a `faiss.IndexIVFPQFastScan`."""
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
        """Code the rows and put them into the lists of their centres, which stay."""
        block = 65_536
        for start in range(0, len(rows), block):
            some = np.ascontiguousarray(rows[start : start + block], dtype=np.int64)
            self._index.add_with_ids(np.ascontiguousarray(vectors[some]), some)
        held = np.zeros(len(vectors), dtype=bool)
        held[: len(self._held)] = self._held.allowed
        held[rows] = True
        self._vectors, self._held = vectors, RowMask(held)

    def copy(self) -> Self:
        """The lists again; the vectors are shared."""
        import faiss

        index = faiss.clone_index(self._index)
        return type(self)(index, self._vectors, self._metric, self._held)

    def efforts(self, k: int) -> tuple[Effort, ...]:
        """Every number of lists, each with every number of candidates."""
        reaches = [reach for reach in _REACHES if reach < self._index.nlist]
        return tuple(
            Effort(reach, times * k)
            for reach in (*reaches, int(self._index.nlist))
            for times in _CANDIDATES
        )

    def search(
        self,
        queries: Vectors,
        k: int,
        *,
        allowed: RowMask | None = None,
        effort: Effort | None = None,
    ) -> Hits:
        """The k best rows among the candidates of the lists looked through.

        A query that finds fewer candidates than asked for, though more rows are allowed, looks
        through four times as many lists, if need be through all.
        """
        among = self._held if allowed is None else self._held & allowed
        most = among.count
        if most == 0 or len(queries) == 0:
            return no_hits(len(queries), k)
        if 2 * k >= most:
            return nearest_among(self._vectors, queries, among.rows, k, self._metric)
        queries = np.ascontiguousarray(queries)
        effort = self.efforts(k)[-1] if effort is None else effort.for_more(k)

        def candidates(wanted: int, places: Ids) -> Ids:
            asked = queries if len(places) == len(queries) else queries[places]
            codes = self._by_code(
                asked, max(effort.candidates, wanted), effort.reach, allowed, most
            )
            return best_of(asked, self._vectors, codes, wanted, self._metric)

        return settle(candidates, self._vectors, queries, k, most, self._metric)

    def _by_code(
        self, queries: Vectors, wanted: int, reach: int, allowed: RowMask | None, most: int
    ) -> Ids:
        """int64 (n, wanted), the best by their codes, padded with -1 at the end."""
        reach = min(reach, self._index.nlist)
        found = self._probe(queries, wanted, reach, allowed)
        least = min(wanted, most)
        while reach < self._index.nlist:
            short = np.flatnonzero(found[:, least - 1] < 0)
            if not len(short):
                break
            reach = min(4 * reach, self._index.nlist)
            found[short] = self._probe(queries[short], wanted, reach, allowed)
        return found

    def _probe(self, queries: Vectors, wanted: int, reach: int, allowed: RowMask | None) -> Ids:
        import faiss

        parameters = faiss.SearchParametersIVF(nprobe=reach)
        if allowed is not None:
            bits = allowed.bits
            parameters.sel = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
        found: Ids = self._index.search(queries, wanted, params=parameters)[1]
        return found


def _order(metric: Metric) -> int:
    """FAISS's number of a metric of the same order.

    Unit vectors are in the same order by Euclidean distance, and FAISS's fast scan drops the
    rows of the least inner product there can be.
    """
    return faiss_metric(Metric.EUCLIDEAN if metric is Metric.COSINE else metric)


def _rows_in(index: faiss.IndexIVFPQFastScan) -> Ids:
    """int64: the ids that the lists hold."""
    import faiss

    lists = index.invlists
    sizes = [lists.list_size(number) for number in range(index.nlist)]
    parts = [
        faiss.rev_swig_ptr(lists.get_ids(number), size).copy()
        for number, size in enumerate(sizes)
        if size
    ]
    return np.concatenate([np.empty(0, dtype=np.int64), *parts])


def _piece_width(dim: int) -> int:
    return next(width for width in _PIECE_WIDTHS if dim % width == 0)


def _training(vectors: Vectors, rows: Ids, most: int) -> Vectors:
    """Some of the rows, at least 640: few rows are repeated."""
    most = max(most, _LEAST_TRAINING)
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(_SEED).choice(rows, most, replace=False))
    elif len(rows) < _LEAST_TRAINING:
        rows = np.resize(rows, _LEAST_TRAINING)
    return np.ascontiguousarray(vectors[rows])
