"""Records to documents that a collection takes: checked, cut, without repetitions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from indexing.chunking import Chunker
from indexing.errors import InvalidDocumentError, InvalidRequestError
from indexing.hashes import Hashes
from indexing.images import read_by
from indexing.ingest.ready import VectorGate
from indexing.ingest.seen import Seen
from indexing.readers.records import Record, Reject, excerpt
from indexing.readers.sources import SourceReader
from indexing.validation import check_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from embeddings.types import Encoder
    from indexing.ingest.types import IngestOptions
    from indexing.readers.records import Origin
    from indexing.types import Document, Metric


@dataclass(frozen=True, slots=True)
class Piece:
    """A document ready to be added.

    Attributes:
        chunks: on the last document of a text, how many chunks the text has (0: it is one plain
            document); None on the others and on chunks that came as such.
        vector: float32 (dim,), that came along; None: it is to be made.
    """

    document: Document
    origin: Origin
    chunks: int | None
    vector: npt.NDArray[np.float32] | None = None

    @property
    def text_id(self) -> str:
        """The id of the whole text."""
        parent = self.document.parent
        return self.document.id if parent is None else parent.id


@dataclass(frozen=True, slots=True)
class Repetition:
    """A record with the id and the content of an earlier one."""

    origin: Origin


Outcome: TypeAlias = Piece | Repetition | Reject


class DocumentStream:
    """The documents of some sources in order, with what was refused and repeated in between.

    Args:
        sources: files, folders, or `-`.
        encoder: whose window chunks must fit.
        options: how to read and cut.
        rejects: the list of refused records, not to be read as a source.
        metric: the collection's, for vectors that come along; None where it is not known.

    Raises:
        SourceError: a source is missing or not what it says.
        InvalidRequestError: impossible chunks.
    """

    def __init__(
        self,
        sources: Sequence[str],
        encoder: Encoder,
        options: IngestOptions,
        *,
        rejects: Path | None = None,
        metric: Metric | None = None,
    ) -> None:
        mapping = options.fields
        if "image" in encoder.modalities and not mapping.image:
            mapping = replace(mapping, image=None)
        self.reader = SourceReader(
            sources, mapping=mapping, encoding=options.encoding, passed_over=rejects
        )
        self._chunks_rows = isinstance(options.chunk, int)
        self._reads = encoder.modalities
        self._keeps_originals = options.originals
        self._encoder = encoder.card.name
        self._vectors = VectorGate(encoder.card, metric) if options.vectors == "use" else None
        self._chunker = make_chunker(encoder, options)

    def read(self) -> Iterator[Outcome]:
        """Everything, in order; to be drawn from one thread.

        Raises:
            SourceError: a named source breaks off.
            EncoderMismatchError: vectors come along that another encoder made.
        """
        with Seen() as seen:
            for item in self.reader.read():
                if isinstance(item, Reject):
                    yield item
                else:
                    yield from self._take(item, seen)

    def _take(self, record: Record, seen: Seen) -> Iterator[Outcome]:
        document = record.document
        if (kind := _kind(document)) not in self._reads:
            what = "a text" if kind == "text" else "a picture"
            reason = f"it is {what}, and encoder {self._encoder!r} reads {read_by(self._reads)}"
            yield _refuse(record, document, reason)
            return
        if document.image is not None and self._keeps_originals:
            document = replace(document, image=replace(document.image, kept=True))
        cut = self._chunker is not None and document.parent is None
        cut = cut and document.image is None and (record.whole_file or self._chunks_rows)
        try:
            _check(document, any_length=cut)
            outcome = _meet(record, document, seen)
            if outcome is not None:
                yield outcome
                return
            vector = None if self._vectors is None else self._vectors.admit(record)
            documents = [document]
            if cut and self._chunker is not None:
                documents = self._chunker.split(document)
        except InvalidDocumentError as error:
            yield _refuse(record, document, str(error))
            return
        if len(documents) == 1:
            chunks = 0 if document.parent is None else None
            yield Piece(documents[0], record.origin, chunks, vector)
        else:
            yield from _take_chunks(record, documents, seen)


def make_chunker(encoder: Encoder, options: IngestOptions) -> Chunker | None:
    """What cuts texts as the options say; None where nothing is cut.

    Raises:
        InvalidRequestError: impossible chunks, or an overlap where nothing is cut.
    """
    chunk, overlap = options.chunk, options.overlap
    if "text" not in encoder.modalities:
        if chunk != "auto" or overlap is not None:
            message = f"encoder {encoder.card.name!r} reads no texts; there is nothing to cut"
            raise InvalidRequestError(message, "chunk")
        return None
    if chunk == "none":
        if overlap is not None:
            message = f"an overlap of {overlap} tokens without chunks is not possible; choose one"
            raise InvalidRequestError(message, "overlap")
        return None
    if chunk != "auto" and type(chunk) is not int:
        message = f"chunk is {chunk!r}; it is 'auto', 'none' or a number of tokens"
        raise InvalidRequestError(message, "chunk")
    return Chunker(encoder, tokens=None if chunk == "auto" else chunk, overlap=overlap)


def _kind(document: Document) -> str:
    return "text" if document.image is None else "image"


def _take_chunks(record: Record, chunks: Sequence[Document], seen: Seen) -> Iterator[Outcome]:
    """The chunks that can be stored; the last of them says how many there are."""
    good: list[Document] = []
    for chunk in chunks:
        try:
            check_document(chunk)
        except InvalidDocumentError as error:
            yield _refuse(record, chunk, str(error))
            continue
        outcome = _meet(record, chunk, seen)
        if outcome is None:
            good.append(chunk)
        else:
            yield outcome
    for chunk in good:
        yield Piece(chunk, record.origin, len(chunks) if chunk is good[-1] else None)


def _check(document: Document, *, any_length: bool) -> None:
    """Refuse what cannot be stored; with `any_length` the text may be as long as it likes.

    Raises:
        InvalidDocumentError: naming what is wrong.
    """
    for part, value in (("id", document.id), ("title", document.title), ("text", document.text)):
        if "\0" in value:
            message = f"{part} holds a NUL character at {value.index(chr(0)) + 1}; it is not text"
            raise InvalidDocumentError(message, document.id)
    if not any_length:
        check_document(document)
        return
    check_document(replace(document, text=document.text[:1000].strip() or "-"))
    try:
        document.text.encode()
    except UnicodeEncodeError as error:
        message = f"text holds half a surrogate pair at character {error.start}"
        raise InvalidDocumentError(message, document.id) from error


def _meet(record: Record, document: Document, seen: Seen) -> Outcome | None:
    """None for an id that is new in this run; else what to say instead of the document."""
    content = Hashes.of(document).content
    earlier = seen.earlier(document.id, content, str(record.origin))
    if earlier is None:
        return None
    if earlier[0] == content:
        return Repetition(record.origin)
    reason = f"id {document.id[:80]!r} has other content at {earlier[1]}; ids are unique"
    return _refuse(record, document, reason)


def _refuse(record: Record, document: Document, reason: str) -> Reject:
    return Reject(record.origin, reason, document.id, excerpt=excerpt(document.text))
