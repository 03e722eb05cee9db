"""Kinds of vector index: one file each, one line in the table below.

Importing this package loads no index library; `kind_of` does, for the kind asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from indexing.errors import IndexingError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    import numpy as np
    import numpy.typing as npt

    from embeddings.types import Vectors
    from indexing.types import Hits, Metric

KINDS = {
    "flat": "indexing.index.flat:FlatIndex",
    "hnsw": "indexing.index.hnsw:HnswIndex",
}


class IndexFileError(IndexingError):
    """An index file that is missing, cut, changed, or of another kind; the message names it."""


@runtime_checkable
class VectorIndex(Protocol):
    """Nearest-neighbour search over rows 0 to n-1 of vectors.

    Attributes:
        kind: its name in `KINDS`.
        exact: True if `search` finds the true neighbours.
    """

    kind: str
    exact: bool

    @classmethod
    def build(cls, vectors: Vectors, metric: Metric, **settings: int) -> Self:
        """An index of float32 (n, dim) `vectors`; for cosine they need not have length 1."""

    @classmethod
    def load(cls, path: Path, metric: Metric) -> Self:
        """The index saved at `path`.

        Raises:
            IndexFileError: the file is not one of this kind, or is cut.
        """

    def save(self, path: Path) -> None:
        """Write a file that `faiss.read_index` opens too."""

    @property
    def rows(self) -> int:
        """How many vectors it holds."""

    @property
    def dim(self) -> int:
        """Width of a vector."""

    def search(
        self,
        queries: Vectors,
        k: int,
        *,
        allowed: npt.NDArray[np.bool_] | None = None,
        effort: int | None = None,
    ) -> Hits:
        """The k best rows of each query, best first, equal scores by row.

        Args:
            queries: float32 (n_queries, dim), of any length.
            k: at least 1; rows beyond those there are stay padded.
            allowed: bool (rows,), rows that may be found; None allows all.
            effort: how hard an approximate index looks; None takes its own default.
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
