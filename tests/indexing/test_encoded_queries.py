"""Queries that were encoded before their collection is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.hashing import HashEncoder
from indexing.questions import asks_by_meaning
from indexing.types import EncodedQuery, SearchRequest

if TYPE_CHECKING:
    from indexing.local import LocalCollection
    from indexing.types import Mode, SearchResult

ENCODER = HashEncoder(32)


def encoded(text: str, fingerprint: str = ENCODER.card.fingerprint) -> EncodedQuery:
    encoding = ENCODER.encode([text], role="query")
    return EncodedQuery(
        fingerprint=fingerprint,
        vector=encoding.vectors,
        tokens=int(encoding.tokens[0]),
        truncated=bool(encoding.truncated[0]),
        unknown=int(encoding.unknown[0]),
        milliseconds=12.5,
    )


def told(result: SearchResult) -> list[tuple[str, float]]:
    return [(match.document.id, match.score) for match in result.matches]


def of_its_own(collection: LocalCollection, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts that the collection encodes itself from now on."""
    texts: list[str] = []
    encode = HashEncoder.encode

    def listen(self: HashEncoder, inputs: list[str], **given: str) -> object:
        texts.extend(inputs)
        return encode(self, inputs, **given)

    monkeypatch.setattr(HashEncoder, "encode", listen)
    assert collection.encoder is not None
    return texts


@pytest.mark.parametrize("mode", ["dense", "hybrid"])
@pytest.mark.parametrize("query", ["free returns", "소포는 언제", "returns " * 300])
def test_the_vector_handed_over_is_used(
    collection: LocalCollection, monkeypatch: pytest.MonkeyPatch, mode: Mode, query: str
):
    request = SearchRequest(query=query, mode=mode)
    alone = collection.search(request)
    handed = encoded(query)
    texts = of_its_own(collection, monkeypatch)
    result = collection.search(request, encoded=handed)
    assert texts == []
    assert told(result) == told(alone)
    receipt = result.receipt
    assert receipt.milliseconds["encode"] == 12.5
    assert receipt.milliseconds["total"] > 12.5
    assert replace(receipt, milliseconds={}) == replace(alone.receipt, milliseconds={})


def test_that_of_another_encoder_is_not(
    collection: LocalCollection, monkeypatch: pytest.MonkeyPatch
):
    other = encoded("free returns", fingerprint="0" * 64)
    other = replace(other, vector=np.eye(1, 8, dtype=np.float32))
    texts = of_its_own(collection, monkeypatch)
    result = collection.search(SearchRequest(query="free returns"), encoded=other)
    assert texts == ["free returns"]
    assert result.matches[0].document.id == "a"


def test_what_is_answered_by_words_uses_none(collection: LocalCollection):
    request = SearchRequest(query="free returns", mode="lexical")
    result = collection.search(request, encoded=encoded("gift cards"))
    assert told(result) == told(collection.search(request))
    assert result.receipt.query_tokens is None
    assert "encode" not in result.receipt.milliseconds


def test_some_of_many_may_be_handed_over(
    collection: LocalCollection, monkeypatch: pytest.MonkeyPatch
):
    requests = [SearchRequest(query=text) for text in ("gift cards", "same day", "free returns")]
    alone = [told(collection.search(request)) for request in requests]
    handed = [None, encoded("same day"), None]
    texts = of_its_own(collection, monkeypatch)
    results = collection.search_many(requests, encoded=handed)
    assert [told(result) for result in results] == alone
    assert texts == ["gift cards", "free returns"]


@pytest.mark.parametrize(
    ("languages", "request_", "asks"),
    [
        ((), SearchRequest(query="소포", mode="hybrid"), True),
        (("en",), SearchRequest(query="소포", mode="hybrid"), False),
        (("en",), SearchRequest(query="소포", mode="dense"), True),
        (("en",), SearchRequest(query="parcel", mode="hybrid"), True),
        (("en", "ko"), SearchRequest(query="소포", mode="hybrid"), True),
        (("ko",), SearchRequest(query="parcel", mode="lexical"), False),
        ((), SearchRequest(document_id="a"), False),
    ],
)
def test_which_requests_ask_by_meaning(
    languages: tuple[str, ...], request_: SearchRequest, asks: bool
):
    card = replace(ENCODER.card, languages=languages)
    assert asks_by_meaning(request_, card) is asks
