"""Queries encoded with those of other requests, before their collection is asked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from embeddings.errors import EmbeddingError
from indexing.errors import InvalidRequestError
from indexing.questions import asks_by_meaning
from indexing.requests import check_request
from indexing.types import EncodedQuery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embeddings.types import Encoding
    from indexing.card import CollectionCard
    from indexing.types import SearchRequest
    from service.engine import Engine


async def encode_queries(
    engine: Engine, collection: str, requests: Sequence[SearchRequest]
) -> list[EncodedQuery | None]:
    """For each request its query, encoded; None where none is needed.

    Nothing is encoded for requests that the collection will refuse, nor where the encoder itself
    fails: the collection meets the same error and can tell whose it is.

    Raises:
        CollectionNotFoundError: there is none of that name.
        DamagedError: it cannot be read.
        BusyError: too many requests wait already.
    """
    encoded: list[EncodedQuery | None] = [None] * len(requests)
    if all(request.query is None for request in requests):
        return encoded
    card = await engine.card(collection)
    places = _places(card, requests)
    if not places:
        return encoded
    texts = [requests[place].query or "" for place in places]
    started = time.perf_counter()
    try:
        encoding = await engine.encode_queries(card.encoder, texts)
    except EmbeddingError:
        return encoded
    share = 1e3 * (time.perf_counter() - started) / len(places)
    for row, place in enumerate(places):
        encoded[place] = _query(card, encoding, row, share)
    return encoded


def _places(card: CollectionCard, requests: Sequence[SearchRequest]) -> list[int]:
    """Which requests are to be encoded: none if one of them cannot be answered anyway."""
    try:
        for request in requests:
            check_request(request, card.metric)
    except InvalidRequestError:
        return []
    return [
        place for place, request in enumerate(requests) if asks_by_meaning(request, card.encoder)
    ]


def _query(card: CollectionCard, encoding: Encoding, row: int, milliseconds: float) -> EncodedQuery:
    return EncodedQuery(
        fingerprint=card.encoder.fingerprint,
        vector=encoding.vectors[row : row + 1],
        tokens=int(encoding.tokens[row]),
        truncated=bool(encoding.truncated[row]),
        unknown=int(encoding.unknown[row]),
        milliseconds=milliseconds,
    )
