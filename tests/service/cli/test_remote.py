"""A collection behind a server, as indexing sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from embeddings.hashing import HashEncoder
from indexing.card import CollectionCard
from indexing.errors import InvalidDocumentError
from indexing.types import Document, Metric
from service.cli.remote import RemoteCollection
from service.client import Client, ClientError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CARD = CollectionCard.new("notes", HashEncoder(8).card, Metric.COSINE, "auto")
DOCUMENTS = [Document(str(number), "text") for number in range(2500)]


class Asked:
    """Answers like a server that takes `most` documents a request, and keeps what it was asked."""

    def __init__(self, most: int, error: ClientError | None = None) -> None:
        self._most = most
        self._error = error
        self.sizes: list[int] = []
        self.trimmed: list[Mapping[str, int]] = []

    def _check(self, count: int) -> None:
        if self._error is not None:
            raise self._error
        if count > self._most:
            raise ClientError("too large", status=413, code="body_too_large")
        self.sizes.append(count)

    def states(self, name: str, documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        assert name == "notes"
        self._check(len(documents))
        return {"states": ["new" if int(each["id"]) % 2 else "changed" for each in documents]}

    def upsert(self, name: str, documents: Sequence[Any]) -> dict[str, Any]:
        self._check(len(documents))
        raise AssertionError(name)

    def trim(self, name: str, chunks: Mapping[str, int]) -> dict[str, int]:
        assert name == "notes"
        self.trimmed.append(chunks)
        return {"deleted": len(chunks)}


def remote(asked: Asked) -> RemoteCollection:
    return RemoteCollection(cast("Client", asked), CARD)


def test_states_are_asked_for_in_requests_that_the_server_takes() -> None:
    asked = Asked(most=400)
    states = remote(asked).states(DOCUMENTS)
    assert states == ["changed", "new"] * 1250
    assert sum(asked.sizes) == 2500
    assert max(asked.sizes) <= 400


def test_one_document_too_large_for_any_request_is_named() -> None:
    with pytest.raises(InvalidDocumentError, match="too large") as caught:
        remote(Asked(most=0)).states(DOCUMENTS[:4])
    assert caught.value.document_id == "0"


def test_many_texts_are_trimmed_in_several_requests() -> None:
    asked = Asked(most=0)
    assert remote(asked).trim_parents({str(number): 1 for number in range(2500)}) == 2500
    assert [len(chunks) for chunks in asked.trimmed] == [1000, 1000, 500]
    assert remote(asked).trim_parents({}) == 0


@pytest.mark.parametrize(
    ("code", "param", "document_id"),
    [
        ("invalid_document", "documents[3]", "3"),
        ("invalid_value", "documents[2].metadata", "2"),
        ("invalid_document", "documents", None),
        ("body_too_large", None, None),
        ("invalid_document", "documents[99]", None),
    ],
)
def test_the_document_at_fault_is_known_by_its_place(
    code: str, param: str | None, document_id: str | None
) -> None:
    asked = Asked(9999, ClientError("bad", status=422, code=code, param=param))
    with pytest.raises(InvalidDocumentError, match="bad") as caught:
        remote(asked).add(DOCUMENTS[:5])
    assert caught.value.document_id == document_id


def test_other_refusals_are_not_the_documents_fault() -> None:
    asked = Asked(9999, ClientError("gone", status=404, code="collection_not_found"))
    with pytest.raises(ClientError, match="gone"):
        remote(asked).add(DOCUMENTS[:5])
