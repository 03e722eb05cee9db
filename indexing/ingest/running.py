"""The ingest itself: windows of documents added until the sources end."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexing.errors import (
    InvalidDocumentError,
    InvalidRequestError,
    SourceError,
    UnreadableImagesError,
)
from indexing.ingest.ahead import MOST_CHARACTERS, ReadAhead, weight
from indexing.ingest.journal import REJECTS_FILE, Journal, RejectLog, Run
from indexing.ingest.pace import Pace
from indexing.ingest.stream import DocumentStream, Piece
from indexing.ingest.types import IngestReport, Progress, check_arguments
from indexing.readers.files import STDIN
from indexing.readers.hangul import is_korean
from indexing.readers.records import Reject, excerpt
from indexing.readers.sources import absolute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from embeddings.types import Encoder
    from indexing.ingest.ahead import Block
    from indexing.ingest.types import IngestOptions, IngestTarget
    from indexing.types import WriteReceipt

logger = logging.getLogger(__name__)


def ingest(
    sources: Sequence[str],
    target: IngestTarget,
    encoder: Encoder,
    options: IngestOptions,
    *,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> IngestReport:
    """Read the sources into the collection.

    What was added before an error or an interruption stays added. Documents that stand in the
    collection unchanged are not encoded again, so running it again goes on where it stopped. What
    a pipe gave is added after two seconds in which it gives nothing more.

    Args:
        sources: files, folders or `-`; empty only with `resume`.
        target: the collection.
        encoder: the collection's, to fit chunks into its window.
        options: how to read and cut.
        resume: take up the run that was interrupted in this collection: with empty `sources`
            its sources and options, and in any case its list of refused records. If none was
            interrupted, `sources` are read as usual.
        progress: called after every window that was added, and on Ctrl-C.

    Raises:
        SourceError: a source is missing, not what it says, or breaks off; or `resume` without
            sources where nothing was interrupted.
        InvalidRequestError: impossible chunks, or a list of rejects that cannot be written.
        EncoderMismatchError: `encoder` is not the collection's.
        StorageFullError: the disk is full; what was added before is safe.
    """
    folder: Path | None = getattr(target, "folder", None)
    check_arguments(sources, target, encoder)
    journal = Journal(folder)
    interrupted = _interrupted(journal, sources) if resume else None
    run, resumed = _choose(sources, options, interrupted, resume)
    if run.rejects is None and folder is not None:
        run = Run.begin(run.sources, run.options, folder / REJECTS_FILE)
    _check_rejects(run)
    card = getattr(target, "card", None)
    stream = DocumentStream(
        run.sources,
        encoder,
        run.options,
        rejects=run.rejects,
        metric=None if card is None else card.metric,
    )
    journal.begin(run)
    rejects = RejectLog(run.rejects, resumed=resumed)
    ingesting = _Ingesting(target, stream, journal, rejects, progress)
    try:
        return ingesting.run()
    finally:
        rejects.close()


def _interrupted(journal: Journal, sources: Sequence[str]) -> Run | None:
    """The run to take up; a journal that cannot be read matters only where it names the sources."""
    try:
        return journal.interrupted()
    except SourceError as error:
        if not sources:
            raise
        logger.warning("%s", error)
        return None


def _choose(
    sources: Sequence[str], options: IngestOptions, interrupted: Run | None, resume: bool
) -> tuple[Run, bool]:
    """The run to do, and whether it goes on where an interrupted one stopped."""
    given = tuple(absolute(source) for source in sources)
    path = options.rejects
    fresh = Run.begin(given, options, None if path is None else path.absolute())
    if not resume:
        return fresh, False
    if interrupted is None:
        if not given:
            message = "no run was interrupted in this collection; name the sources to read"
            raise SourceError(message)
        return fresh, False
    if given and given != interrupted.sources:
        logger.info("the interrupted run read other sources; this is a new one")
        return fresh, False
    if not given and STDIN in interrupted.sources:
        message = (
            "the interrupted run read standard input, which is gone; pipe it again with `-` as "
            "the source: what is there already is not encoded again"
        )
        raise SourceError(message)
    if not given:
        return interrupted, True
    return fresh, True


def _check_rejects(run: Run) -> None:
    """Refuse a list of rejects that would overwrite a source, or cannot be written."""
    path = run.rejects
    if path is None:
        return
    if path.resolve() in {Path(source).resolve() for source in run.sources}:
        message = f"{path} is a source and cannot take the rejects; name another file"
        raise InvalidRequestError(message, "rejects")
    if path.is_dir() or not path.parent.is_dir():
        message = f"{path} cannot take the rejects; name a file in a folder that is there"
        raise InvalidRequestError(message, "rejects")


@dataclass(slots=True)
class _Counts:
    """The report as it grows."""

    added: int = 0
    changed: int = 0
    relabelled: int = 0
    unchanged: int = 0
    duplicates: int = 0
    rejected: int = 0
    korean: int = 0
    truncated: int = 0
    tokens: int = 0
    unknown: int = 0

    def include(self, receipt: WriteReceipt) -> None:
        self.added += receipt.added
        self.changed += receipt.changed
        self.relabelled += receipt.relabelled
        self.unchanged += receipt.unchanged
        self.truncated += len(receipt.truncated)
        self.tokens += receipt.tokens
        self.unknown += receipt.unknown


class _Ingesting:
    """One run and its state."""

    def __init__(
        self,
        target: IngestTarget,
        stream: DocumentStream,
        journal: Journal,
        rejects: RejectLog,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self._target = target
        self._stream = stream
        self._journal = journal
        self._rejects = rejects
        self._progress = progress
        self._counts = _Counts()
        self._pace = Pace(stream.reader.count_bytes())
        self._read = 0
        self._bytes_read: int | None = 0
        self._waiting: list[Piece] = []
        self._characters = 0

    def run(self) -> IngestReport:
        started = time.perf_counter()
        with ReadAhead(self._stream) as blocks:
            try:
                for block in blocks:
                    self._take(block)
            except SourceError:
                self._flush()  # what was read before the source broke off is good
                raise
            except KeyboardInterrupt:
                self._tell(lost=len(self._waiting) + blocks.waiting)
                raise
            self._bytes_read = None
            self._flush()
        self._rejects.close()
        self._journal.note(asdict(self._counts), done=True)
        return IngestReport(
            **asdict(self._counts),
            seconds=time.perf_counter() - started,
            rejects=self._rejects.path,
        )

    def _take(self, block: Block) -> None:
        """Add the windows that a block fills, and what waits if nothing more comes for now."""
        self._bytes_read = block.bytes_read
        pieces = list(self._sort(block))
        self._waiting += pieces
        self._characters += sum(weight(piece.document) for piece in pieces)
        while len(self._waiting) >= self._pace.window:
            self._flush(self._pace.window)
        if self._characters > MOST_CHARACTERS or (block.idle and self._waiting):
            self._flush()
        elif block.idle:
            self._rejects.sync()

    def _sort(self, block: Block) -> Iterable[Piece]:
        """The documents of a block; what is none is counted and listed."""
        for outcome in block.outcomes:
            self._read += 1
            if isinstance(outcome, Piece):
                self._counts.korean += is_korean(outcome.document.text)
                yield outcome
            elif isinstance(outcome, Reject):
                self._refuse(outcome)
            else:
                self._counts.duplicates += 1

    def _refuse(self, reject: Reject) -> None:
        self._counts.rejected += 1
        self._rejects.add(reject)

    def _flush(self, most: int | None = None) -> None:
        """Add what waits (or its first `most`), tidy up behind chunked texts, and tell."""
        started = time.perf_counter()
        before = self._counts.added + self._counts.changed
        window = self._waiting[:most]
        plain = [piece for piece in window if piece.vector is None]
        ready = [piece for piece in window if piece.vector is not None]
        refused = [*self._add_valid(plain), *self._add_valid(ready)]
        chunks = {
            piece.text_id: piece.chunks
            for piece in window
            # Of a text refused as a whole the earlier version stays.
            if piece.chunks is not None and not (piece.chunks == 0 and piece in refused)
        }
        if chunks:
            self._target.trim_parents(chunks)
        self._waiting = self._waiting[len(window) :]
        self._characters = sum(weight(piece.document) for piece in self._waiting)
        encoded = self._counts.added + self._counts.changed - before
        self._pace.learn(len(window), encoded, time.perf_counter() - started)
        self._rejects.sync()
        self._journal.note(asdict(self._counts))
        self._tell()

    def _add_valid(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Add the documents; those that the collection refuses are listed and come back."""
        refused: list[Piece] = []
        while pieces:
            try:
                receipt = self._add(pieces)
            except UnreadableImagesError as error:
                bad = [piece for piece in pieces if piece.document.id in error.reasons]
                for piece in bad:
                    reason = error.reasons[piece.document.id]
                    self._refuse(Reject(piece.origin, reason, piece.document.id))
                refused += bad
                pieces = [piece for piece in pieces if piece not in bad]
            except InvalidDocumentError as error:
                bad = [piece for piece in pieces if piece.document.id == error.document_id]
                if not bad and len(pieces) > 1:
                    # It does not say which: halve until it must be the one.
                    middle = len(pieces) // 2
                    refused += self._add_valid(pieces[:middle])
                    pieces = pieces[middle:]
                    continue
                bad = bad or list(pieces)
                for piece in bad:
                    text = excerpt(piece.document.text)
                    self._refuse(Reject(piece.origin, str(error), piece.document.id, excerpt=text))
                refused += bad
                pieces = [piece for piece in pieces if piece not in bad]
            else:
                self._counts.include(receipt)
                break
        return refused

    def _add(self, pieces: Sequence[Piece]) -> WriteReceipt:
        """Add documents, of which all or none bring their vectors."""
        documents = [piece.document for piece in pieces]
        vectors = [piece.vector for piece in pieces if piece.vector is not None]
        if not vectors:
            return self._target.add(documents)
        return self._target.add(documents, vectors=np.stack(vectors))

    def _tell(self, *, lost: int = 0) -> None:
        if self._progress is None:
            return
        counts = self._counts
        total = self._pace.estimate_total(self._read, self._bytes_read)
        self._progress(
            Progress(
                read=self._read,
                written=counts.added + counts.changed + counts.relabelled,
                unchanged=counts.unchanged,
                rejected=counts.rejected,
                total=total,
                rate=self._pace.rate,
                eta_s=self._pace.estimate_seconds(self._read, total),
                tokens=counts.tokens,
                lost=lost,
            )
        )
