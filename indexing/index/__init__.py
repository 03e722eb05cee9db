"""Kinds of vector index: one file each, one line in the table below.

Importing this package loads no index library; `kind_of` does, for the kind asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from indexing.errors import IndexingError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from embeddings.types import Vectors
    from indexing.row_mask import RowMask
    from indexing.types import Hits, Ids, Metric

KINDS = {
    "flat": "indexing.index.flat:FlatIndex",
    "hnsw": "indexing.index.hnsw:HnswIndex",
    "hnsw-sq8": "indexing.index.hnsw:CompressedHnswIndex",
    "ivf-pq": "indexing.index.ivf:IvfIndex",
}


_MEASURED = 20


class IndexFileError(IndexingError):
    """An index file that is missing, cut, changed, or of another kind; the message names it."""


@dataclass(frozen=True, slots=True, order=True)
class Effort:
    """How hard an approximate index looks.

    Attributes:
        reach: what it walks through: candidates that a graph's walk keeps (efSearch), or lists
            of an inverted file (nprobe).
        candidates: rows whose true scores are taken, where the index holds compressed vectors;
            never below what is asked for.
    """

    reach: int
    candidates: int = 0

    def for_more(self, k: int) -> Effort:
        """What an effort measured at 10 hits comes to for k: more candidates, and a wider reach.

        Up to 20 hits (10 and those looked at behind them, for ties) it is the effort itself.
        """
        if k <= _MEASURED:
            return self
        return Effort(self.reach + k, -(-self.candidates * k // _MEASURED))


@runtime_checkable
class VectorIndex(Protocol):
    """Nearest-neighbour search over some rows of vectors.

    Scores are exact in every kind; what an approximate one may miss is a neighbour.

    Attributes:
        kind: its name in `KINDS`.
        exact: True if `search` finds the true neighbours.
    """

    kind: str
    exact: bool

    @classmethod
    def build(
        cls, vectors: Vectors, metric: Metric, *, rows: Ids | None = None, **settings: int
    ) -> Self:
        """An index of float32 (n, dim) `vectors`, which it may keep, `comparable` already.

        Args:
            vectors: all of them; kinds may read them again when searched.
            metric: how vectors are compared.
            rows: int64, those to take in; None takes all.
            settings: of the kind.
        """

    @classmethod
    def load(cls, path: Path, vectors: Vectors, metric: Metric) -> Self:
        """The index saved at `path`, of these vectors.

        Raises:
            IndexFileError: the file is not one of this kind, or is cut.
        """

    @staticmethod
    def bytes_per_vector(dim: int) -> float:
        """Memory one vector takes in an index of this kind, about."""

    def save(self, path: Path) -> None:
        """Write a file that `faiss.read_index` opens too."""

    @property
    def rows(self) -> int:
        """How many vectors it holds."""

    @property
    def dim(self) -> int:
        """Width of a vector."""

    def insert(self, vectors: Vectors, rows: Ids) -> None:
        """Take in more rows; nobody may be searching it.

        Args:
            vectors: float32 (n, dim), all of them, those held already unchanged.
            rows: int64, new to the index.
        """

    def copy(self) -> Self:
        """The same index again, to be changed while this one is searched."""

    def efforts(self, k: int) -> tuple[Effort, ...]:
        """Efforts worth trying, from little to much; empty if there is nothing to try."""

    def search(
        self,
        queries: Vectors,
        k: int,
        *,
        allowed: RowMask | None = None,
        effort: Effort | None = None,
    ) -> Hits:
        """The k best rows of each query, best first, equal scores by row.

        Args:
            queries: float32 (n_queries, dim), `comparable` already.
            k: at least 1; rows beyond those there are stay padded.
            allowed: rows that may be found; None allows all.
            effort: how hard to look; None takes the hardest.
        """


def kind_of(name: str) -> type[VectorIndex]:
    """The class of an index kind.

    Raises:
        IndexFileError: no such kind in this version.
    """
    if name not in KINDS:
        message = f"index kind {name!r} is unknown; this version has {', '.join(KINDS)}"
        raise IndexFileError(message)
    module, _, attribute = KINDS[name].partition(":")
    kind: type[VectorIndex] = getattr(import_module(module), attribute)
    return kind
