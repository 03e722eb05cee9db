"""What can go wrong with collections; each message names the value, the limit and the remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class IndexingError(Exception):
    """Base of this floor's errors."""


class CollectionNotFoundError(IndexingError):
    """No collection of that name stands in the data folder."""


class CollectionExistsError(IndexingError):
    """A collection of that name stands already."""


class BackupNotFoundError(IndexingError):
    """No backup of that id or collection stands in the folder, or the folder holds none at all."""


class InvalidNameError(IndexingError, ValueError):
    """A collection name that cannot be a folder name; `field` is where it stood, if not `name`."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class FolderLockedError(IndexingError):
    """Another process owns the folder; the message names its pid and, for a server, its URL."""


class EncoderMismatchError(IndexingError):
    """The encoder at hand is not the one whose vectors are stored; both fingerprints are named."""


class DimensionMismatchError(IndexingError, ValueError):
    """Vectors of another width than the collection's."""


class InvalidDocumentError(IndexingError, ValueError):
    """A document that cannot be stored; `document_id` says which, if it has an id."""

    def __init__(self, message: str, document_id: str | None = None) -> None:
        super().__init__(message)
        self.document_id = document_id


class UnreadableImagesError(InvalidDocumentError):
    """Documents whose pictures cannot be read; `reasons` has all of them by id."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        first, reason = next(iter(reasons.items()))
        super().__init__(f"document {first[:80]!r}: {reason}", first)
        self.reasons = reasons


class ModalityMismatchError(IndexingError):
    """A picture for an encoder of texts, or the reverse; `field` names what was sent."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class DocumentNotFoundError(IndexingError):
    """No document of that id."""


class InvalidFilterError(IndexingError, ValueError):
    """A filter with an unknown or impossible part; `path` says where (`must[0].range.gte`)."""

    def __init__(self, message: str, path: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path


class InvalidRequestError(IndexingError, ValueError):
    """A search, scan or other request with an impossible field; `field` names it."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


class StorageFullError(IndexingError):
    """The disk is full; nothing of the failed write is kept and all earlier writes are safe."""


class StorageFailedError(IndexingError):
    """The disk failed to write or read; everything acknowledged before stands."""


class DamagedError(IndexingError):
    """Files that contradict each other; the message says what is lost and how to repair."""


class CollectionClosedError(IndexingError):
    """A collection that was closed is used; opening it again is the remedy."""


class SourceError(IndexingError):
    """A source that cannot be read at all (missing, unknown format, not the format it says)."""


class LexicalIndexError(IndexingError):
    """A lexical index that is missing, damaged or of another analyzer; the remedy is to rebuild."""


def reason(error: Exception) -> str:
    """What another library's error says, without the bytes it could not read."""
    return f"{type(error).__name__}: {error}"
