"""What every collection can do, on one machine or beyond it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Collection as Container
    from collections.abc import Sequence
    from pathlib import Path

    from embeddings.types import Encoder
    from indexing.card import CollectionCard
    from indexing.filters import Filter
    from indexing.local import LocalCollection
    from indexing.types import (
        Document,
        Page,
        SearchRequest,
        SearchResult,
        StoredDocument,
        WriteReceipt,
    )


@runtime_checkable
class Collection(Protocol):
    """Documents, their vectors, one encoder and one metric."""

    @property
    def card(self) -> CollectionCard:
        """What this collection is: name, encoder, metric."""

    def add(self, documents: Sequence[Document]) -> WriteReceipt:
        """Insert or replace documents by id; unchanged ones are not encoded again.

        All or nothing; when it returns, the documents are on disk and in the next search.

        Raises:
            InvalidDocumentError: empty or too long text, an id twice in `documents`, ...
            EncoderMismatchError: the encoder at hand is not the collection's.
            StorageFullError: the disk is full; nothing of this call is kept.
        """

    def delete(self, ids: Container[str] | None = None, *, filter: Filter | None = None) -> int:
        """Delete by id (of documents, or of parents with all their chunks) or by filter.

        Returns:
            How many documents went; unknown ids count nothing.
        """

    def get(self, ids: Sequence[str]) -> list[StoredDocument | None]:
        """The documents of those ids, in that order; None where there is none."""

    def search(self, request: SearchRequest) -> SearchResult:
        """The best matches and how they were found."""

    def scan(
        self, *, filter: Filter | None = None, cursor: str | None = None, limit: int = 100
    ) -> Page:
        """Documents in the order they were written, a page at a time."""

    def count(self, filter: Filter | None = None) -> int:
        """How many documents there are, or satisfy the filter."""

    def close(self) -> None:
        """Give back files and locks; using the collection afterwards is an error."""


def open_collection(
    folder: str | Path,
    *,
    encoder: Encoder | None = None,
    mode: Literal["read", "write"] = "write",
    maintain: bool = True,
) -> LocalCollection:
    """The collection in `folder`.

    Args:
        folder: a collection's folder (inside a data folder, or anywhere).
        encoder: to use instead of loading the one the card names.
        mode: `read` shares the folder with other readers and changes nothing on disk;
            `write` owns it.
        maintain: let a thread compact and index in the background when it is due.

    Raises:
        CollectionNotFoundError: no collection there.
        FolderLockedError: another process owns it.
        EncoderMismatchError: `encoder` is not the one whose vectors are stored.
    """
    from pathlib import Path

    from indexing.local import LocalCollection

    return LocalCollection.open(Path(folder), encoder=encoder, mode=mode, maintain=maintain)
