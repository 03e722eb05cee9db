"""A collection behind a server, for the one who writes batches into it."""

from __future__ import annotations

import base64
import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from indexing.errors import InvalidDocumentError, InvalidRequestError
from indexing.types import WriteReceipt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from embeddings.types import Vectors
    from indexing.card import CollectionCard
    from indexing.hashes import State
    from indexing.types import Document
    from service.client import Client, ClientError
    from service.client.questions import DocumentInput

_DOCUMENTS_AT_FAULT = frozenset({"invalid_document", "invalid_text", "body_too_large"})
_AT_ONCE = 1_000
"""Documents or texts one request names where it carries little else."""
_PLACE = re.compile(r"documents\[(\d+)\]")


class RemoteCollection:
    """As much of `Collection` as indexing needs, over HTTP.

    Args:
        client: of the server.
        card: the collection's.
    """

    def __init__(self, client: Client, card: CollectionCard) -> None:
        self._client = client
        self.card = card

    def add(self, documents: Sequence[Document], *, vectors: Vectors | None = None) -> WriteReceipt:
        """Insert or replace documents by id, in one request; see `Collection.add`.

        Raises:
            InvalidRequestError: there are vectors.
            InvalidDocumentError: the server refused one of them, or all at once are too large
                and it does not say which.
            ClientError: the server failed, or cannot be reached.
        """
        from service.client import ClientError

        if vectors is not None:
            message = (
                "vectors cannot be sent to a server, which makes its own; index into the data "
                "folder, or leave them out with --encode-again"
            )
            raise InvalidRequestError(message, "vectors")
        bodies = [_body(document) for document in documents]
        try:
            receipt = self._client.upsert(self.card.name, bodies)
        except ClientError as error:
            at_fault = _id_at(error, documents)
            if at_fault is None and error.code not in _DOCUMENTS_AT_FAULT:
                raise
            raise InvalidDocumentError(str(error), at_fault) from error
        facts = cast("dict[str, Any]", receipt)
        return WriteReceipt(**{**facts, "truncated": tuple(receipt["truncated"])})

    def states(self, documents: Sequence[Document]) -> list[State]:
        """What `add` would do with each document.

        Raises:
            InvalidDocumentError: one document is more than a request may carry.
            ClientError: the server failed, or cannot be reached.
        """
        from service.client import ClientError

        if len(documents) > _AT_ONCE:
            return self._states_by_halves(documents)
        try:
            answer = self._client.states(self.card.name, [_body(item) for item in documents])
        except ClientError as error:
            if error.code != "body_too_large":
                raise
            if len(documents) == 1:
                raise InvalidDocumentError(str(error), documents[0].id) from error
            return self._states_by_halves(documents)
        return list(answer["states"])

    def _states_by_halves(self, documents: Sequence[Document]) -> list[State]:
        middle = len(documents) // 2
        return [*self.states(documents[:middle]), *self.states(documents[middle:])]

    def trim_parents(self, chunks: Mapping[str, int]) -> int:
        """Delete what is left of longer earlier versions of texts; see `LocalCollection`.

        Args:
            chunks: by text id, how many chunks it has now.
        """
        counts, deleted = iter(chunks.items()), 0
        while some := dict(islice(counts, _AT_ONCE)):
            deleted += int(self._client.trim(self.card.name, some)["deleted"])
        return deleted


def _id_at(error: ClientError, documents: Sequence[Document]) -> str | None:
    """The id of the document the server names by its place; None if it names none."""
    place = _PLACE.match(error.param or "")
    position = int(place[1]) if place else len(documents)
    return documents[position].id if position < len(documents) else None


def _body(document: Document) -> DocumentInput:
    parent = document.parent
    body: dict[str, Any] = {
        "id": document.id,
        "text": document.text,
        "title": document.title,
        "metadata": dict(document.metadata),
        **_image(document),
        "parent": None
        if parent is None
        else {"id": parent.id, "chunk": parent.chunk, "start": parent.start, "end": parent.end},
    }
    return cast("DocumentInput", body)


def _image(document: Document) -> dict[str, Any]:
    """The fields of a document's picture; its file is read here and sent.

    Raises:
        InvalidDocumentError: the file cannot be read.
    """
    image = document.image
    if image is None:
        return {}
    try:
        data = Path(image.source).read_bytes() if image.data is None else image.data
    except OSError as error:
        message = f"{image.source} cannot be read: {error.strerror or error}"
        raise InvalidDocumentError(message, document.id) from error
    return {
        "image": base64.b64encode(data).decode(),
        "image_source": image.source,
        "keep_image": image.kept,
    }
