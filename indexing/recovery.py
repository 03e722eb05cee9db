"""Which rows are there when a collection is opened, whatever happened to its files before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexing.transaction import Append
from indexing.vectors import VECTORS_FILE

if TYPE_CHECKING:
    import numpy.typing as npt

    from indexing.documents import DocumentStore
    from indexing.vectors import VectorFile


def recover_rows(
    documents: DocumentStore, vectors: VectorFile, *, writable: bool
) -> tuple[npt.NDArray[np.bool_], list[str]]:
    """Cut off rows that no transaction refers to, and note documents whose vectors are lost.

    Args:
        documents: the truth.
        vectors: their vectors.
        writable: False changes neither.

    Returns:
        bool (rows,), True for rows that hold documents; and what is wrong, one sentence each.
    """
    committed, there = documents.committed_rows(), vectors.rows
    if writable:
        if there < committed:
            _orphan(documents, vectors, there)
        vectors.cut(committed)
    rows = min(there, committed)
    stored = documents.rows()
    found = (stored >= 0) & (stored < rows)
    live = np.zeros(rows, dtype=bool)
    live[stored[found]] = True
    lost = len(stored) - int(found.sum())
    if not lost:
        return live, []
    return live, [
        f"{VECTORS_FILE} was cut: {lost} documents lost their vectors and cannot be found; "
        "`meari collections verify NAME --repair` encodes them again from their text"
    ]


def _orphan(documents: DocumentStore, vectors: VectorFile, there: int) -> None:
    """Mark the documents whose vectors lay behind the first `there` rows as having none."""
    kept = [append for append in documents.appends() if append.first < there]
    if kept and kept[-1].first + kept[-1].rows > there:
        first = kept[-1].first
        crc32 = vectors.checksum(first, there - first)
        kept[-1] = Append(first, there - first, crc32)
    with documents.transaction() as change:
        change.orphan(there)
        change.replace_records(kept)
