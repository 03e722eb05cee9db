"""Ids of documents by row, in memory, for answers that need nothing else of a document."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from indexing.documents import DocumentStore
    from indexing.types import Ids

_STRING = np.dtypes.StringDType()
_GROWTH = 1.25


class RowIds:
    """Ids by row, read from the documents when first needed; 16 bytes a row for ids up to 15.

    The id of a row never changes, so what was read once stays true, also for rows deleted since.

    Args:
        documents: whose ids.
    """

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents
        self._ids: npt.NDArray[np.str_] = np.empty(0, dtype=_STRING)
        self._known = 0
        self._reading = threading.Lock()

    def of(self, rows: Ids) -> npt.NDArray[np.str_]:
        """StringDType of the shape of `rows`; "" for -1 and for rows deleted before they were read.

        Args:
            rows: int64, of any shape, from -1.
        """
        most = int(rows.max(initial=-1)) + 1
        if most > self._known:
            self._read(most)
        ids = self._ids
        if most == 0:
            return np.full(rows.shape, "", dtype=_STRING)
        found = ids[np.maximum(rows, 0)]
        if rows.min() < 0:
            found[rows < 0] = ""
        return found

    def _read(self, least: int) -> None:
        with self._reading:
            known = self._known
            if least <= known:
                return
            found = self._documents.ids_from(known)
            rows = np.fromiter((row for row, _ in found), dtype=np.int64, count=len(found))
            length = max(least, int(rows.max(initial=-1)) + 1)
            ids = self._ids
            if length > len(ids):
                ids = np.full(max(length, int(_GROWTH * len(ids))), "", dtype=_STRING)
                ids[:known] = self._ids[:known]
            if len(found):
                ids[rows] = np.array([id_ for _, id_ in found], dtype=_STRING)
            self._ids, self._known = ids, length
