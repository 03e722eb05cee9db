"""What an ingest would do and how long it would take, without writing anything."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexing.hashes import Hashes
from indexing.ingest.seen import Seen
from indexing.ingest.stream import DocumentStream, Piece
from indexing.ingest.types import IngestPlan, check_arguments
from indexing.readers.records import Reject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embeddings.types import Encoder
    from indexing.ingest.types import IngestOptions, IngestTarget
    from indexing.types import Document

_WINDOW = 512
_SAMPLE = 64
_SAMPLE_SECONDS = 10.0
_TIMED_AT_ONCE = 16


def plan(
    sources: Sequence[str], target: IngestTarget, encoder: Encoder, options: IngestOptions
) -> IngestPlan:
    """What `ingest` would do with the same arguments; nothing is written.

    Everything is read, cut and counted as `ingest` would; up to 64 of the documents to encode,
    drawn evenly with seed 0, are encoded for up to about ten seconds to tell the time.

    Raises:
        SourceError: a source is missing, not what it says, or breaks off.
        InvalidRequestError: impossible chunks.
        EncoderMismatchError: `encoder` is not the collection's.
    """
    check_arguments(sources, target, encoder)
    stream = DocumentStream(sources, encoder, options, rejects=options.rejects)
    with Seen() as seen:
        planning = _Planning(target, encoder, seen)
        for outcome in stream.read():
            if isinstance(outcome, Piece):
                planning.take(outcome)
            elif isinstance(outcome, Reject):
                planning.counts["rejected"] += 1
            else:
                planning.counts["duplicates"] += 1
        return planning.finish()


class _Planning:
    """Counts as they grow, and an even sample of the texts to encode."""

    def __init__(self, target: IngestTarget, encoder: Encoder, seen: Seen) -> None:
        self.counts: Counter[str] = Counter()
        self._target = target
        self._encoder = encoder
        self._seen = seen
        self._waiting: list[Piece] = []
        self._sample: list[str | Path] = []
        self._encoded = self._read_tokens = 0
        self._random = random.Random(0)  # noqa: S311

    def take(self, piece: Piece) -> None:
        self._waiting.append(piece)
        if len(self._waiting) == _WINDOW:
            self._count()

    def finish(self) -> IngestPlan:
        self._count()
        counts = self.counts
        return IngestPlan(
            new=counts["new"],
            changed=counts["changed"],
            relabelled=counts["relabelled"],
            unchanged=counts["unchanged"],
            duplicates=counts["duplicates"],
            too_long=counts["too_long"],
            rejected=counts["rejected"],
            chunks=counts["chunks"],
            tokens=counts["tokens"],
            minutes=self._estimate_minutes(),
        )

    def _count(self) -> None:
        documents = [piece.document for piece in self._waiting]
        ready = {piece.document.id for piece in self._waiting if piece.vector is not None}
        self._waiting = []
        states = self._target.states(documents)
        self.counts.update(states)
        self.counts["chunks"] += sum(document.parent is not None for document in documents)
        self.counts["duplicates"] += sum(
            self._seen.knows_text(Hashes.of(document).text) for document in documents
        )
        texts = [
            _input(document)
            for document, state in zip(documents, states, strict=True)
            if state in {"new", "changed"} and document.id not in ready
        ]
        if not texts:
            return
        before = self._encoded
        for number, text in enumerate(texts, start=before):
            self._draw(text, number)
        encoder: Any = self._encoder
        tokens = encoder.count_tokens(texts, role="document")
        most = self._encoder.max_tokens
        self.counts["tokens"] += int(tokens.sum())
        self.counts["too_long"] += int((tokens > most).sum())
        self._read_tokens += int(tokens.clip(max=most).sum())
        self._encoded += len(texts)

    def _draw(self, text: str | Path, number: int) -> None:
        """Keep an even sample of the texts numbered up to here (Vitter's algorithm R)."""
        if number < _SAMPLE:
            self._sample.append(text)
            return
        place = self._random.randrange(number + 1)
        if place < _SAMPLE:
            self._sample[place] = text

    def _estimate_minutes(self) -> float:
        """The time that the tokens read take, at the speed of the sample."""
        if not self._sample:
            return 0.0
        encoder: Any = self._encoder
        most = encoder.max_tokens
        encoder.encode(self._sample[:1], role="document")  # the first call sets up
        started, tokens, done = time.perf_counter(), 0, 0
        for start in range(0, len(self._sample), _TIMED_AT_ONCE):
            block = self._sample[start : start + _TIMED_AT_ONCE]
            encoding = encoder.encode(block, role="document")
            done += len(block)
            tokens += int(encoding.tokens.clip(max=most).sum())
            if time.perf_counter() - started > _SAMPLE_SECONDS:
                break
        seconds = time.perf_counter() - started
        if not self._read_tokens:  # pictures, which cost the same whatever they show
            return seconds / done * self._encoded / 60
        return seconds / max(tokens, 1) * self._read_tokens / 60


def _input(document: Document) -> str | Path:
    """What the encoder reads of a document."""
    return document.encoded_text if document.image is None else Path(document.image.source)
