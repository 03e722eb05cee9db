"""What an ingest is told, what it writes to, and what it reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from indexing.card import check_encoder
from indexing.readers.fields import FieldMapping

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from embeddings.types import Encoder, Vectors
    from indexing.hashes import State
    from indexing.types import Document, WriteReceipt

__all__ = [
    "FieldMapping",
    "IngestOptions",
    "IngestPlan",
    "IngestReport",
    "IngestTarget",
    "Progress",
]


class IngestTarget(Protocol):
    """What an ingest needs of a collection; one with a `folder` gets a journal there as well."""

    def add(self, documents: Sequence[Document], *, vectors: Vectors | None = None) -> WriteReceipt:
        """Insert or replace, all or nothing; on return it is durable.

        With `vectors`, float32 (len(documents), dim), nothing is encoded.
        """

    def states(self, documents: Sequence[Document]) -> list[State]:
        """What `add` would do with each document."""

    def trim_parents(self, chunks: Mapping[str, int]) -> int:
        """Delete what earlier versions of texts left, given how many chunks each has now."""


def check_arguments(sources: Sequence[str], target: IngestTarget, encoder: Encoder) -> None:
    """Refuse what would be taken for something else.

    Raises:
        TypeError: `sources` is one string, which is a sequence of letters.
        EncoderMismatchError: the target has a card that names another encoder.
    """
    if isinstance(sources, str):
        message = f"sources is the string {sources!r}; give a list of paths"
        raise TypeError(message)
    card = getattr(target, "card", None)
    if card is not None:
        check_encoder(card, encoder.card)


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How sources are read.

    Attributes:
        chunk: `auto` cuts files that are one document, `none` cuts nothing, a number cuts
            everything that is longer than so many tokens.
        overlap: tokens that neighbouring chunks share; None is an eighth of the chunk.
        fields: which columns are what.
        rejects: where refused records are listed; None is `rejects.jsonl` in the collection's
            folder.
        encoding: of text files.
        originals: keep the files of pictures in the collection, beside their thumbnails.
        vectors: `use` stores vectors that come along in an export, and refuses those of another
            encoder; `encode` leaves them out and makes new ones.
    """

    chunk: Literal["auto", "none"] | int = "auto"
    overlap: int | None = None
    fields: FieldMapping = field(default_factory=FieldMapping)
    rejects: Path | None = None
    encoding: str = "utf-8"
    originals: bool = False
    vectors: Literal["use", "encode"] = "use"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, `from_json`'s inverse."""
        return asdict(self) | {"rejects": None if self.rejects is None else str(self.rejects)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> IngestOptions:
        """The options written by `to_json`.

        Raises:
            TypeError, KeyError: they are from another version.
        """
        fields = dict(data["fields"])
        fields["text"] = tuple(fields["text"])
        if fields["metadata"] is not None:
            fields["metadata"] = tuple(fields["metadata"])
        rejects = data["rejects"]
        return cls(
            **{
                **data,
                "fields": FieldMapping(**fields),
                "rejects": None if rejects is None else Path(rejects),
            }
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an ingest has come; chunks count as documents.

    Attributes:
        read: documents taken from the sources, refused ones and duplicates with them.
        written: added, changed or relabelled.
        total: estimate of `read` at the end, from the bytes read so far; None for a pipe.
        rate: documents encoded per second in the last windows; 0.0 before the first.
        eta_s: seconds left at the speed of the last windows; None if nobody can tell.
        tokens: encoded up to now.
        lost: documents read that are not written and will not be; told once, on Ctrl-C.
    """

    read: int
    written: int
    unchanged: int
    rejected: int
    total: int | None
    rate: float
    eta_s: float | None
    tokens: int
    lost: int = 0


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did; chunks count as documents.

    Attributes:
        added: documents that are new.
        changed: documents whose text changed: encoded again.
        relabelled: documents of which only metadata changed: not encoded.
        unchanged: documents that stood there already.
        duplicates: records with the id and the content of an earlier one of this run: skipped.
        rejected: records and files passed over.
        korean: of the documents read, those in Korean (half of their letters).
        truncated: documents the encoder did not read to the end.
        tokens: tokens encoded.
        unknown: tokens the encoder does not know.
        seconds: from the first byte to the last acknowledgement.
        rejects: the list of refused records, if there is one.
    """

    added: int
    changed: int
    relabelled: int
    unchanged: int
    duplicates: int
    rejected: int
    korean: int
    truncated: int
    tokens: int
    unknown: int
    seconds: float
    rejects: Path | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self) | {"rejects": None if self.rejects is None else str(self.rejects)}


@dataclass(frozen=True, slots=True)
class IngestPlan:
    """What an ingest would do; nothing was written; chunks count as documents.

    Attributes:
        duplicates: documents whose encoded text is that of an earlier one of this run: under
            the same id they would be skipped, under another id indexed like any.
        too_long: of the documents to encode, those the encoder would cut.
        rejected: records and files that would be passed over.
        chunks: documents that are chunks of a longer text.
        tokens: that would be encoded.
        minutes: for encoding, from timing a sample of the documents.
    """

    new: int
    changed: int
    relabelled: int
    unchanged: int
    duplicates: int
    too_long: int
    rejected: int
    chunks: int
    tokens: int
    minutes: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)
