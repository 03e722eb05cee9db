"""Our own HTTP API from Python: a small synchronous client."""

from __future__ import annotations

import json
import time
from itertools import islice
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import httpx

from service.connection import ClientError, Connection, JsonObject, Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

__all__ = ["Client", "ClientError", "JsonObject", "Patience"]


class Client:
    """Speaks to a Meari server; a context manager that gives its connections back.

    Every method returns the JSON object the server answered. Answers 429 and 503 are tried
    again within the bounds of `patience`, after the time the server asks for or 0.5, 1, 2, ...
    seconds. Writes are upserts, so a repeated one changes nothing. Proxy variables of the
    environment are not read.

    Args:
        url: where the server is (`http://127.0.0.1:8080`).
        patience: bounds of waiting; None takes the usual ones.
        sleep: what waits; for tests.

    Raises:
        ClientError: `url` is not of the form http://HOST:PORT.
    """

    def __init__(
        self,
        url: str,
        *,
        patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection = Connection(url, patience=patience or Patience(), sleep=sleep)

    @property
    def url(self) -> str:
        """Where the server is, without a slash at the end, a user or a password."""
        return self._connection.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._connection.close()

    def health(self) -> JsonObject:
        """What the server says of itself; an unready server answers too."""
        return self._connection.look("/health")

    def collections(self) -> JsonObject:
        """The collections there are: `{"collections": [...]}`."""
        return self._connection.ask("GET", "/v1/collections")

    def collection(self, name: str) -> JsonObject:
        """Card and status of one collection."""
        return self._connection.ask("GET", _path(name))

    def create(
        self,
        name: str,
        *,
        encoder: str | None = None,
        metric: str = "cosine",
        analyzer: str = "auto",
    ) -> JsonObject:
        """A new collection; `encoder` None takes the server's."""
        body = {"name": name, "encoder": encoder, "metric": metric, "analyzer": analyzer}
        return self._connection.ask("POST", "/v1/collections", body, works=True)

    def drop(self, name: str) -> JsonObject:
        """Remove a collection and everything in it."""
        return self._connection.ask("DELETE", _path(name))

    def upsert(
        self, name: str, documents: Iterable[Mapping[str, Any]], *, batch_size: int = 128
    ) -> JsonObject:
        """Insert or replace documents by id, `batch_size` a request.

        Args:
            name: the collection.
            documents: objects with `id`, `text` and perhaps `title`, `metadata` and `parent`;
                read lazily.
            batch_size: documents a request, 1 or more. Each request is all or nothing; after a
                failure the batches before it stand.

        Returns:
            The receipts added up: numbers summed, lists joined. `{}` for no documents.
        """
        total: JsonObject = {}
        for batch in _batches(documents, batch_size):
            body = {"documents": batch}
            receipt = self._connection.ask("POST", _path(name, "documents"), body, works=True)
            total = _added(total, receipt) if total else receipt
        return total

    def states(self, name: str, documents: Sequence[Mapping[str, Any]]) -> JsonObject:
        """What an upsert would do with each document, in one request; nothing is written."""
        body = {"documents": list(documents)}
        return self._connection.ask("POST", _path(name, "documents", "states"), body)

    def trim(self, name: str, chunks: Mapping[str, int]) -> JsonObject:
        """Delete what longer versions of texts left, told how many chunks each has now."""
        return self._connection.ask(
            "POST", _path(name, "documents", "trim"), {"chunks": dict(chunks)}
        )

    def delete(
        self, name: str, ids: Sequence[str] | None = None, *, filter: JsonObject | None = None
    ) -> JsonObject:
        """Delete documents by id or by filter."""
        body = _given(ids=None if ids is None else list(ids), filter=filter)
        return self._connection.ask("POST", _path(name, "documents", "delete"), body)

    def document(self, name: str, document_id: str) -> JsonObject:
        """One document."""
        return self._connection.ask("GET", _path(name, "documents", document_id))

    def documents(
        self,
        name: str,
        *,
        filter: JsonObject | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> JsonObject:
        """A page of documents in the order they were written, and the next page's cursor."""
        query = _given(cursor=cursor, limit=str(limit))
        if filter is not None:
            query["filter"] = json.dumps(filter, ensure_ascii=False)
        return self._connection.ask("GET", f"{_path(name, 'documents')}?{httpx.QueryParams(query)}")

    def count(self, name: str, *, filter: JsonObject | None = None) -> JsonObject:
        """How many documents there are, or satisfy the filter."""
        return self._connection.ask(
            "POST", _path(name, "documents", "count"), _given(filter=filter)
        )

    def search(self, name: str, body: Mapping[str, Any]) -> JsonObject:
        """The best matches and the receipt; `body` is what the API's search takes."""
        return self._connection.ask("POST", _path(name, "search"), body)

    def search_batch(self, name: str, searches: Sequence[Mapping[str, Any]]) -> JsonObject:
        """Answers to up to 100 searches, in their order: `{"results": [...]}`."""
        body = {"searches": [dict(search) for search in searches]}
        return self._connection.ask("POST", _path(name, "search", "batch"), body)

    def recommend(self, name: str, body: Mapping[str, Any]) -> JsonObject:
        """What is like the documents of `positive` and unlike those of `negative`."""
        return self._connection.ask("POST", _path(name, "recommend"), body)

    def search_pages(self, name: str, body: Mapping[str, Any]) -> Iterator[JsonObject]:
        """The answer to a search page by page, `limit` matches each, to its end.

        Each page goes on behind the one before it (`cursor`), asked for when it is wanted.
        """
        while True:
            page = self.search(name, body)
            yield page
            if page["cursor"] is None:
                return
            body = {key: value for key, value in body.items() if key != "offset"}
            body["cursor"] = page["cursor"]

    def optimize(self, name: str, body: Mapping[str, Any] | None = None) -> JsonObject:
        """Build the index `body` asks for (`recall`, `memory_bytes`, `kind`), or as before."""
        return self._connection.ask("POST", _path(name, "optimize"), body, works=True)

    def verify(self, name: str, *, repair: bool = False) -> JsonObject:
        """Whether the collection's files agree with each other."""
        return self._connection.ask("POST", _path(name, "verify"), {"repair": repair}, works=True)

    def similarity(
        self, source: str, texts: Sequence[str], *, model: str | None = None
    ) -> JsonObject:
        """Cosines of `source` with each text; `model` None takes the server's encoder."""
        body = {"source": source, "texts": list(texts), "model": model}
        return self._connection.ask("POST", "/v1/similarity", body)

    def neighbours(self, model: str, word: str, *, limit: int = 10) -> JsonObject:
        """Words near a word, by word vectors in the server's data folder."""
        query = httpx.QueryParams({"word": word, "limit": str(limit)})
        return self._connection.ask("GET", f"{_words(model, 'neighbours')}?{query}")

    def analogy(
        self, model: str, a: str, b: str, c: str, *, limit: int = 10, rule: str = "3cosadd"
    ) -> JsonObject:
        """What is to `c` as `b` is to `a`."""
        body = {"a": a, "b": b, "c": c, "limit": limit, "rule": rule}
        return self._connection.ask("POST", _words(model, "analogy"), body)

    def word_similarity(self, model: str, a: str, b: str) -> JsonObject:
        """The cosine of two words."""
        query = httpx.QueryParams({"a": a, "b": b})
        return self._connection.ask("GET", f"{_words(model, 'similarity')}?{query}")

    def classify(self, model: str, texts: Sequence[str], *, top: int = 1) -> JsonObject:
        """Which class each text belongs to, by a classifier in the server's data folder."""
        path = f"/v1/classify/{quote(model, safe='')}"
        return self._connection.ask("POST", path, {"texts": list(texts), "top": top})

    def encoders(self) -> JsonObject:
        """The encoders the server knows and uses: `{"encoders": [...]}`."""
        return self._connection.ask("GET", "/v1/encoders")


def _path(name: str, *parts: str) -> str:
    """`/v1/collections/NAME/...` with every part escaped."""
    return "/".join(["/v1/collections", *(quote(part, safe="") for part in (name, *parts))])


def _words(model: str, question: str) -> str:
    return f"/v1/words/{quote(model, safe='')}/{question}"


def _given(**values: Any) -> JsonObject:  # noqa: ANN401 - JSON values
    return {name: value for name, value in values.items() if value is not None}


def _batches(
    documents: Iterable[Mapping[str, Any]], size: int
) -> Iterator[list[Mapping[str, Any]]]:
    if size < 1:
        message = f"batch_size is {size}; 1 or more documents a request are possible"
        raise ValueError(message)
    iterator = iter(documents)
    while batch := list(islice(iterator, size)):
        yield batch


def _added(total: JsonObject, receipt: JsonObject) -> JsonObject:
    """Two receipts as one: numbers summed, lists joined, objects added member by member."""
    merged = dict(total)
    for name, value in receipt.items():
        before = merged.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            merged[name] = _added(before, value)
        elif isinstance(value, bool) or before is None or not isinstance(value, int | float | list):
            merged[name] = value
        else:
            merged[name] = before + value
    return merged
