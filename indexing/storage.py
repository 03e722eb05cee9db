"""The files of a collection as one: documents, vectors and index, and the moment searches see."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from indexing.documents import DOCUMENTS_FILE, DocumentStore, Totals
from indexing.errors import DamagedError
from indexing.index.exact import comparable
from indexing.lexicon import Lexicon
from indexing.planner import choose_kind
from indexing.sealed import build_sealed, load_sealed, remove_sealed
from indexing.snapshot import Snapshot
from indexing.terms import NOTHING
from indexing.transaction import Append
from indexing.vectors import VECTORS_FILE, VectorFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from embeddings.types import Vectors
    from indexing.terms import Analysis
    from indexing.types import Document, Metric, StoredDocument

logger = logging.getLogger(__name__)


class Storage:
    """Reads and writes the folder of a collection; knows vectors, not encoders.

    A write appends vectors and waits for the disk, then commits the transaction that refers to
    them, then publishes a new snapshot; whatever fails before the commit leaves no trace. Rows
    that no transaction refers to are cut off when the folder is opened for writing.

    Attributes:
        documents: the documents by id and row; change them through `write` alone.
        vectors: the file of vectors; likewise.
        lexicon: lexical search over the documents; likewise.
        snapshot: what a search that starts now sees.
        problems: what was found wrong on opening, one sentence each.
        writing: held by whoever writes; others wait.
        publishing: held from a commit until searches see it, so that who holds it finds
            `documents` and `snapshot` agreeing.
        version: even while `documents` and `snapshot` agree, odd while one is ahead; another
            number after each write.

    Raises:
        DamagedError: the documents cannot be read.
    """

    def __init__(
        self, folder: Path, dim: int, metric: Metric, analyzer: str, *, writable: bool
    ) -> None:
        self.folder = folder
        self.writing = threading.RLock()
        self.publishing = threading.Lock()
        self.version = 0
        self._totals: tuple[int, Totals | None] = (0, None)
        self._resealing = threading.Lock()
        self.problems: tuple[str, ...] = ()
        self._metric = metric
        self._writable = writable
        if not writable and not (folder / VECTORS_FILE).is_file():
            message = f"{folder / VECTORS_FILE} is missing; `collections verify --repair` mends it"
            raise DamagedError(message)
        self.documents = DocumentStore(folder / DOCUMENTS_FILE, writable=writable)
        self.vectors = VectorFile(folder / VECTORS_FILE, dim, writable=writable)
        self.snapshot = self._recover()
        self.lexicon = Lexicon(folder, analyzer, self.documents, writable=writable)

    def close(self) -> None:
        """Give back the files; a second call does nothing."""
        with self.writing:
            self.lexicon.close()
            self.documents.close()
            self.vectors.close()

    def reload(self) -> None:
        """Read the files again, as on opening, and forget earlier problems."""
        with self.writing, self._disagreeing():
            self.snapshot = self._recover()

    def write(
        self,
        stored: Sequence[StoredDocument],
        vectors: Vectors,
        terms: Analysis = NOTHING,
        *,
        deleted: Sequence[int] = (),
        relabelled: Sequence[tuple[int, Document]] = (),
    ) -> None:
        """Change the collection, all or nothing; the caller holds `writing`.

        Args:
            stored: new documents, their rows counted from `next_row`.
            vectors: float32 (len(stored), dim), theirs.
            terms: theirs, for lexical search, kept with them.
            deleted: rows whose documents go.
            relabelled: rows and the documents that take their place, vectors unchanged.

        Raises:
            StorageFullError: the disk is full.
        """
        if not (stored or deleted or relabelled):
            return
        first = self.next_row
        if len(stored):
            crc32 = self.vectors.append(first, comparable(vectors, self._metric))
        with self.publishing, self._disagreeing():
            try:
                with self.documents.transaction() as change:
                    change.delete(deleted)
                    for row, document in relabelled:
                        change.relabel(row, document)
                    change.insert(stored)
                    change.keep_terms([item.row for item in stored], terms)
                    if len(stored):
                        change.record(Append(first, len(stored), crc32))
            except BaseException:
                self.vectors.cut(first)
                raise
            self._publish(deleted)
            self.lexicon.write([item.row for item in stored], terms, deleted)

    @contextmanager
    def _disagreeing(self) -> Iterator[None]:
        self.version += 1
        try:
            yield
        finally:
            self.version += 1

    @property
    def next_row(self) -> int:
        """The row the next new document takes."""
        return self.documents.committed_rows()

    def totals(self) -> Totals:
        """Counts over all documents; counted once a write, for that reads the whole table."""
        version = self.version
        counted, totals = self._totals
        if totals is None or version != counted:
            totals = self.documents.totals()
            self._totals = (version, totals)
        return totals

    def reseal(self) -> None:
        """Build the index that the planner chooses for today's vectors.

        Searches and writes go on; what is written meanwhile is compared row by row.
        """
        with self._resealing:
            built = self._resealed(self.snapshot)
            with self.writing:
                self.snapshot = replace(self.snapshot, sealed=built.sealed)

    def _publish(self, deleted: Sequence[int]) -> None:
        """Let searches see what was just committed."""
        before = self.snapshot
        rows = min(self.documents.committed_rows(), self.vectors.rows)
        live = np.ones(rows, dtype=bool)
        live[: len(before.live)] = before.live
        gone = np.asarray(deleted, dtype=np.int64)
        live[gone[(gone >= 0) & (gone < rows)]] = False
        self.snapshot = replace(
            before,
            vectors=self.vectors.read(rows) if rows != len(before.vectors) else before.vectors,
            live=live,
            documents=int(np.count_nonzero(live)),
        )

    def _recover(self) -> Snapshot:
        """What is on disk, half-written rows cut off, with anything lost noted."""
        committed, there = self.documents.committed_rows(), self.vectors.rows
        if self._writable:
            if there < committed:
                self._orphan(there)
            self.vectors.cut(committed)
        rows = min(there, committed)
        vectors = self.vectors.read(rows)
        stored = self.documents.rows()
        found = (stored >= 0) & (stored < rows)
        live = np.zeros(rows, dtype=bool)
        live[stored[found]] = True
        problems = []
        if lost := len(stored) - int(found.sum()):
            problems.append(
                f"{VECTORS_FILE} was cut: {lost} documents lost their vectors and cannot be found; "
                "`meari collections verify NAME --repair` encodes them again from their text"
            )
            logger.error("%s: %s", self.folder, problems[0])
        sealed, distrusted = load_sealed(self.folder, vectors, self._metric)
        snapshot = Snapshot(vectors, live, int(live.sum()), self._metric, sealed)
        if distrusted and self._writable:
            snapshot = self._resealed(snapshot)
            remedy = "it was rebuilt"
        else:
            remedy = "answers are exact until it is rebuilt"
        self.problems = (*problems, *(f"{problem}; {remedy}" for problem in distrusted))
        return snapshot

    def _orphan(self, there: int) -> None:
        """Mark the documents whose vectors lay behind the first `there` rows as having none."""
        kept = [append for append in self.documents.appends() if append.first < there]
        if kept and kept[-1].first + kept[-1].rows > there:
            first = kept[-1].first
            crc32 = self.vectors.checksum(first, there - first)
            kept[-1] = Append(first, there - first, crc32)
        with self.documents.transaction() as change:
            change.orphan(there)
            change.replace_records(kept)

    def _resealed(self, snapshot: Snapshot) -> Snapshot:
        rows, dim = snapshot.vectors.shape
        kind = choose_kind(rows, dim)
        if kind == "flat":
            remove_sealed(self.folder)
            return replace(snapshot, sealed=None)
        live = np.flatnonzero(snapshot.live)
        sealed = build_sealed(self.folder, kind, snapshot.vectors, live, self._metric)
        return replace(snapshot, sealed=sealed)
