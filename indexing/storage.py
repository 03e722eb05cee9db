"""The files of a collection as one: documents, vectors and index, and the moment searches see."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from indexing.calibrator import Calibrator
from indexing.columns import MetadataColumns
from indexing.documents import DOCUMENTS_FILE, DocumentStore, Totals
from indexing.errors import DamagedError, IndexingError
from indexing.figures import Figures
from indexing.files import remove_temporary
from indexing.generation import Generation
from indexing.index.exact import settled
from indexing.lexicon import Lexicon
from indexing.recovery import recover_rows
from indexing.room import Room
from indexing.sampling import RecallSampler
from indexing.sealing import Sealer
from indexing.snapshot import Snapshot
from indexing.swap import finish_swap
from indexing.terms import NOTHING
from indexing.transaction import Append
from indexing.vectors import VECTORS_FILE, VectorFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from embeddings.types import Vectors
    from indexing.calibration import Calibration
    from indexing.images import KeptPicture
    from indexing.sealed import SealedIndex
    from indexing.terms import Analysis
    from indexing.types import Document, Ids, Metric, StoredDocument

logger = logging.getLogger(__name__)


class Storage:
    """Reads and writes the folder of a collection; knows vectors, not encoders.

    A write appends vectors and waits for the disk, then commits the transaction that refers to
    them, then publishes a new snapshot; whatever fails before the commit leaves no trace. Rows
    that no transaction refers to are cut off when the folder is opened for writing.

    Attributes:
        folder: the collection's.
        analyzer: the kind of its analyzer.
        generation: the files and what searches see of them. Whoever follows rows from one part
            to another takes it once and holds it: a compaction brings another.
        problems: what was found wrong on opening, one sentence each.
        writing: held by whoever writes; others wait.
        caring: held by whoever builds an index or compacts; taken before `writing` where both are.
        publishing: held from a commit until searches see it, so that who holds it finds
            documents and snapshot of the generation agreeing.
        version: even while documents and snapshot agree, odd while one is ahead; another number
            after each write.
        touched: rows deleted or relabelled while a compaction copies; None while none does.
        broken: why nothing can be written any more, one sentence; empty if it can.
        sampler: recall of live queries.
        room: on the disk, for documents.
        sealer: makes indexes, as they are wished to be.

    Raises:
        DamagedError: the documents cannot be read.
    """

    def __init__(
        self,
        folder: Path,
        dim: int,
        metric: Metric,
        analyzer: str,
        *,
        writable: bool,
        indexed: bool = True,
    ) -> None:
        self.folder = folder
        self.analyzer = analyzer
        self.writing = threading.RLock()
        self.caring = threading.RLock()
        self.publishing = threading.Lock()
        self.version = 0
        self.touched: set[int] | None = None
        self.broken = ""
        self.sampler = RecallSampler()
        self.room = Room(folder)
        self.sealer = Sealer(folder, metric, self.sampler)
        self.problems: tuple[str, ...] = ()
        self._totals: tuple[int, Totals | None] = (0, None)
        self._metric = metric
        self._writable = writable
        self._indexed = indexed
        if writable:
            remove_temporary(folder)
        finish_swap(folder, writable=writable)
        if not writable and not (folder / VECTORS_FILE).is_file():
            message = f"{folder / VECTORS_FILE} is missing; `collections verify --repair` mends it"
            raise DamagedError(message)
        documents = DocumentStore(folder / DOCUMENTS_FILE, writable=writable)
        vectors = VectorFile(folder / VECTORS_FILE, dim, writable=writable)
        snapshot = self._recover(documents, vectors)
        lexicon = Lexicon(folder, analyzer, documents, writable=writable, indexed=indexed)
        number = documents.generation()
        columns = MetadataColumns(documents)
        self._calibrator = Calibrator(folder, writable=writable)
        self.generation = Generation(number, documents, vectors, lexicon, snapshot, columns)

    @property
    def documents(self) -> DocumentStore:
        """The documents by id and row; change them through `write` alone."""
        return self.generation.documents

    @property
    def vectors(self) -> VectorFile:
        """The file of vectors; change it through `write` alone."""
        return self.generation.vectors

    @property
    def lexicon(self) -> Lexicon:
        """Lexical search over the documents; change it through `write` alone."""
        return self.generation.lexicon

    @property
    def snapshot(self) -> Snapshot:
        """What a search that starts now sees."""
        return self.generation.snapshot

    @property
    def columns(self) -> MetadataColumns:
        """Which rows of the snapshot satisfy a filter."""
        return self.generation.columns

    @property
    def calibration(self) -> Calibration | None:
        """What makes scores comparable; None for too few documents. Fitted here if it is due."""
        generation = self.generation
        return self._calibrator.current(generation.snapshot, generation.lexicon)

    def close(self) -> None:
        """Give back the files; a second call does nothing."""
        self.sampler.close()
        with self.writing:
            self.lexicon.close()
            self.documents.close()
            self.vectors.close()

    def reload(self) -> None:
        """Read the files again, as on opening, and forget earlier problems."""
        with self.caring, self.writing, self._disagreeing():
            self.touched = None
            self.generation.snapshot = self._recover(self.documents, self.vectors)
            self.columns.forget()

    def write(
        self,
        stored: Sequence[StoredDocument],
        vectors: Vectors,
        terms: Analysis = NOTHING,
        *,
        pictures: Sequence[KeptPicture | None] = (),
        deleted: Sequence[int] = (),
        relabelled: Sequence[tuple[int, Document]] = (),
    ) -> None:
        """Change the collection, all or nothing; the caller holds `writing`.

        Args:
            stored: new documents, their rows counted from `next_row`.
            vectors: float32 (len(stored), dim), theirs.
            terms: theirs, for lexical search, kept with them.
            pictures: what is kept of theirs; empty where there are none.
            deleted: rows whose documents go.
            relabelled: rows and the documents that take their place, vectors unchanged.

        Raises:
            StorageFullError: the disk is full; nothing is changed.
            StorageFailedError: the disk failed; nothing is changed for searches and later writes.
            DamagedError: the collection has to be opened again first.
        """
        if not (stored or deleted or relabelled):
            return
        if self.broken:
            message = f"{self.folder}: {self.broken}"
            raise DamagedError(message)
        touched = [*deleted, *(row for row, _ in relabelled)]
        self._touch(touched)
        self.documents.settle()
        first = self.next_row
        if len(stored):
            crc32 = self.vectors.append(first, settled(vectors, self._metric))
        with self.publishing, self._disagreeing():
            try:
                with self.documents.transaction() as change:
                    change.delete(deleted)
                    for row, document in relabelled:
                        change.relabel(row, document)
                    change.insert(stored)
                    change.keep_terms([item.row for item in stored], terms)
                    if any(picture is not None for picture in pictures):
                        change.keep_pictures([item.row for item in stored], pictures)
                    if len(stored):
                        change.record(Append(first, len(stored), crc32))
            except BaseException:
                self._give_up(first)
                raise
            self._touch(touched)
            self.columns.relabel(
                [row for row, _ in relabelled], [document.metadata for _, document in relabelled]
            )
            self.columns.append(first, [item.document.metadata for item in stored])
            self._publish(deleted)
            self.lexicon.write([item.row for item in stored], terms, deleted)

    def _give_up(self, first: int) -> None:
        """Drop the vectors of a write that failed, unless its documents may stand all the same."""
        with suppress(IndexingError):
            if not self.documents.is_unsettled and self.next_row == first:
                self.vectors.give_up(first)

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

    def reseal(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Build the index that the planner chooses for today's vectors.

        Searches and writes go on; what is written meanwhile is compared row by row.

        Args:
            stop: asked now and then; True gives up.

        Raises:
            InterruptedError: it was given up; the old index stands.
            InvalidRequestError: the memory allowed is too little; the old index stands.
            StorageFullError: the disk is full; the old index stands.
        """
        with self.caring:
            snapshot = self.snapshot
            sealed = self.sealer.build(snapshot.vectors, snapshot.live, stop=stop)
            self._replace_sealed(sealed)

    def extend(self) -> None:
        """Put the rows behind the index into a copy of it, which takes its place.

        Raises:
            StorageFullError: the disk is full; the old index stands.
        """
        with self.caring:
            self._replace_sealed(self.sealer.extend(self.snapshot))

    def figures(self) -> Figures:
        """What decides whether maintenance is due, from memory."""
        generation = self.generation
        snapshot = generation.snapshot
        rows, dim = snapshot.vectors.shape
        sealed = snapshot.sealed
        return Figures(
            rows=rows,
            tombstones=rows - snapshot.documents,
            indexed=0 if sealed is None else sealed.rows,
            dim=dim,
            kind="flat" if sealed is None else sealed.card.kind,
            planned=self.sealer.planned(snapshot),
            held=0 if sealed is None else sealed.card.held,
            trained=0 if sealed is None else sealed.card.trained,
            unread=generation.lexicon.is_behind,
            uncalibrated=self._calibrator.is_due(snapshot),
        )

    def build(
        self, folder: Path, rows: Ids, stop: Callable[[], bool] = lambda: False
    ) -> SealedIndex | None:
        """The index for a copy of some rows of today in another folder.

        Args:
            folder: where the copied vectors are and the index goes.
            rows: int64, ascending: those copied.
            stop: asked now and then; True gives up.

        Raises:
            InterruptedError: it was given up.
        """
        snapshot = self.snapshot
        vectors = VectorFile(folder / VECTORS_FILE, self.vectors.dim, writable=False)
        try:
            copied = vectors.read(len(rows))
            return self.sealer.build(copied, snapshot.live[rows], folder=folder, stop=stop)
        finally:
            vectors.close()

    def take_touched(self) -> set[int]:
        """Rows deleted or relabelled since this was last asked, and perhaps some more.

        Raises:
            InterruptedError: the files were read again meanwhile.
        """
        with self.writing:
            if self.touched is None:
                message = "the files were read again"
                raise InterruptedError(message)
            taken, self.touched = self.touched, set()
            return taken

    def succeed(
        self,
        documents: DocumentStore,
        vectors: VectorFile,
        lexicon: Lexicon,
        kept: Ids,
        sealed: SealedIndex | None,
    ) -> None:
        """Let searches see the next generation; the caller holds `writing`.

        Args:
            documents: its documents.
            vectors: its file of vectors.
            lexicon: its lexical search.
            kept: int64, ascending: the rows of today that its rows are.
            sealed: index over its first rows.
        """
        live = self.snapshot.live[kept]
        columns = self.columns.selected(documents, kept)
        with self.publishing, self._disagreeing():
            snapshot = replace(
                self.snapshot,
                vectors=vectors.read(len(live)),
                live=live,
                documents=int(np.count_nonzero(live)),
                sealed=sealed,
            )
            number = self.generation.number + 1
            self.generation = Generation(number, documents, vectors, lexicon, snapshot, columns)
        self.sampler.forget()

    def _touch(self, rows: Sequence[int]) -> None:
        if self.touched is not None:
            self.touched.update(rows)

    def _publish(self, deleted: Sequence[int]) -> None:
        """Let searches see what was just committed."""
        before = self.snapshot
        rows = min(self.documents.committed_rows(), self.vectors.rows)
        live = np.ones(rows, dtype=bool)
        live[: len(before.live)] = before.live
        gone = np.asarray(deleted, dtype=np.int64)
        live[gone[(gone >= 0) & (gone < rows)]] = False
        self.generation.snapshot = replace(
            before,
            vectors=self.vectors.read(rows) if rows != len(before.vectors) else before.vectors,
            live=live,
            documents=int(np.count_nonzero(live)),
        )

    def _replace_sealed(self, sealed: SealedIndex | None) -> None:
        with self.writing:
            self.generation.snapshot = replace(self.snapshot, sealed=sealed)
        self.sampler.forget()

    def calibrate(self) -> None:
        """Calibrate scores anew for today's documents."""
        generation = self.generation
        self._calibrator.renew(generation.snapshot, generation.lexicon)

    def _recover(self, documents: DocumentStore, file: VectorFile) -> Snapshot:
        """What is on disk, half-written rows cut off, with anything lost noted."""
        live, problems = recover_rows(documents, file, writable=self._writable)
        for problem in problems:
            logger.error("%s: %s", self.folder, problem)
        vectors = file.read(len(live))
        sealed, distrusted = (
            self.sealer.load(vectors, tidy=self._writable) if self._indexed else (None, [])
        )
        remedy = "answers are exact until it is rebuilt"
        if distrusted and self._writable:
            sealed = self.sealer.build(vectors, live)
            remedy = "it was rebuilt"
        self.problems = (*problems, *(f"{problem}; {remedy}" for problem in distrusted))
        return Snapshot(vectors, live, int(live.sum()), self._metric, sealed)
