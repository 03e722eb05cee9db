"""A collection behind a server, for the one who writes batches into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from indexing.errors import InvalidDocumentError
from indexing.types import WriteReceipt
from service.cli.errors import FailedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from indexing.card import CollectionCard
    from indexing.hashes import State
    from indexing.types import Document
    from service.client import Client

_DOCUMENTS_AT_FAULT = frozenset({"invalid_document", "invalid_text", "body_too_large"})
_IDS = 500
"""Ids asked about in one request."""


class RemoteCollection:
    """As much of `Collection` as indexing needs, over HTTP.

    Args:
        client: of the server.
        card: the collection's.
    """

    def __init__(self, client: Client, card: CollectionCard) -> None:
        self._client = client
        self.card = card

    def add(self, documents: Sequence[Document]) -> WriteReceipt:
        """Insert or replace documents by id, in one request; see `Collection.add`.

        Raises:
            InvalidDocumentError: the server refused one of them, or all at once are too large;
                it does not say which.
            ClientError: the server failed, or cannot be reached.
        """
        from service.client import ClientError

        bodies = [_body(document) for document in documents]
        try:
            receipt = self._client.upsert(self.card.name, bodies, batch_size=len(bodies) or 1)
        except ClientError as error:
            if error.code in _DOCUMENTS_AT_FAULT:
                raise InvalidDocumentError(str(error)) from error
            raise
        return WriteReceipt(**{**receipt, "truncated": tuple(receipt["truncated"])})

    def states(self, documents: Sequence[Document]) -> list[State]:
        """Not told by a server.

        Raises:
            FailedError: always.
        """
        message = f"a server does not tell which of {len(documents)} documents it has"
        raise FailedError(message)

    def trim_parents(self, chunks: Mapping[str, int]) -> int:
        """Delete what is left of longer earlier versions of chunked texts.

        A chunk is known by its id `parent#number` and by its parent, so that a document somebody
        named that way stays. Costs one request for each 500 parents where nothing is left over.

        Args:
            chunks: by parent id, how many chunks it has now.
        """
        numbers = dict(chunks)
        deleted = 0
        while numbers:
            over = self._there({f"{parent}#{number}": parent for parent, number in numbers.items()})
            if over:
                deleted += int(self._client.delete(self.card.name, list(over))["deleted"])
            numbers = {parent: numbers[parent] + 1 for parent in over.values()}
        return deleted

    def _there(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """Which of these chunks there are; parent ids by chunk id."""
        found: dict[str, str] = {}
        ids = list(wanted)
        for start in range(0, len(ids), _IDS):
            some = ids[start : start + _IDS]
            if not self._client.count(self.card.name, filter=_has_id(some))["count"]:
                continue
            for chunk in some:
                if self._parent(chunk) == wanted[chunk]:
                    found[chunk] = wanted[chunk]
        return found

    def _parent(self, document_id: str) -> str | None:
        """Id of the text a chunk was cut from; None for whole documents and those not there."""
        from service.client import ClientError

        try:
            parent = self._client.document(self.card.name, document_id)["parent"]
        except ClientError as error:
            if error.code == "document_not_found":
                return None
            raise
        return None if parent is None else str(parent["id"])


def _has_id(ids: Sequence[str]) -> dict[str, Any]:
    return {"must": [{"has_id": list(ids)}]}


def _body(document: Document) -> dict[str, Any]:
    parent = document.parent
    return {
        "id": document.id,
        "text": document.text,
        "title": document.title,
        "metadata": dict(document.metadata),
        "parent": parent
        and {"id": parent.id, "chunk": parent.chunk, "start": parent.start, "end": parent.end},
    }
