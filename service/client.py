"""Our own HTTP API from Python: a small synchronous client."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Self, TypeAlias
from urllib.parse import quote

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

JsonObject: TypeAlias = dict[str, Any]

_BUSY = frozenset({429, 503})
_MISUSE = frozenset({400, 413, 422})
_OF_OTHERS = frozenset({404, 405, 501})
"""Statuses that a Meari server answers with words of its own."""


class ClientError(Exception):
    """The server refused, failed or could not be reached.

    Attributes:
        status: the HTTP status of the answer; None if there was none.
        code: the server's word for the fault (`collection_not_found`); None if it said none.
        param: where in the request the fault is (`documents[3]`); None if it said nowhere.
        retry_after: seconds the server asks to wait; None if it does not ask.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.retry_after = retry_after

    @property
    def is_misuse(self) -> bool:
        """True if the same request can never succeed: what was asked is impossible."""
        return self.status in _MISUSE


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a busy server is waited for.

    Attributes:
        attempts: requests sent at most, 1 or more; the last answer counts.
        longest_wait: seconds waited before one more attempt at most; a server that asks for
            more (`Retry-After`) is not asked again.
        timeout: seconds one request may take.
        work_timeout: seconds a request may take that encodes documents, builds an index, or
            reads a whole collection.
    """

    attempts: int = 5
    longest_wait: float = 30.0
    timeout: float = 120.0
    work_timeout: float = 3600.0


class Client:
    """Speaks to a Meari server; a context manager that gives its connections back.

    Every method returns the JSON object the server answered. Answers 429 and 503 are tried
    again within the bounds of `patience`, after the time the server asks for or 0.5, 1, 2, ...
    seconds. Writes are upserts, so a repeated one changes nothing. Proxy variables of the
    environment are not read.

    Args:
        url: where the server is (`http://127.0.0.1:8080`).
        patience: bounds of waiting.
        sleep: what waits; for tests.

    Raises:
        ClientError: `url` is not of the form http://HOST:PORT.
    """

    def __init__(
        self,
        url: str,
        *,
        patience: Patience = Patience(),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._patience = patience
        self._sleep = sleep
        self._url = _checked_url(url)
        self._http = httpx.Client(base_url=url, timeout=patience.timeout, trust_env=False)

    @property
    def url(self) -> str:
        """Where the server is, without a slash at the end, a user or a password."""
        return self._url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def health(self) -> JsonObject:
        """What the server says of itself; an unready server answers too."""
        return self._answer(self._send("GET", "/health", timeout=self._patience.timeout))

    def collections(self) -> JsonObject:
        """The collections there are: `{"collections": [...]}`."""
        return self._ask("GET", "/v1/collections")

    def collection(self, name: str) -> JsonObject:
        """Card and status of one collection."""
        return self._ask("GET", _path(name))

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
        return self._ask("POST", "/v1/collections", body, works=True)

    def drop(self, name: str) -> JsonObject:
        """Remove a collection and everything in it."""
        return self._ask("DELETE", _path(name))

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
            receipt = self._ask("POST", _path(name, "documents"), body, works=True)
            total = _added(total, receipt) if total else receipt
        return total

    def states(self, name: str, documents: Sequence[Mapping[str, Any]]) -> JsonObject:
        """What an upsert would do with each document, in one request; nothing is written."""
        body = {"documents": list(documents)}
        return self._ask("POST", _path(name, "documents", "states"), body)

    def trim(self, name: str, chunks: Mapping[str, int]) -> JsonObject:
        """Delete what longer versions of texts left, told how many chunks each has now."""
        return self._ask("POST", _path(name, "documents", "trim"), {"chunks": dict(chunks)})

    def delete(
        self, name: str, ids: Sequence[str] | None = None, *, filter: JsonObject | None = None
    ) -> JsonObject:
        """Delete documents by id or by filter."""
        body = _given(ids=None if ids is None else list(ids), filter=filter)
        return self._ask("POST", _path(name, "documents", "delete"), body)

    def document(self, name: str, document_id: str) -> JsonObject:
        """One document."""
        return self._ask("GET", _path(name, "documents", document_id))

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
        return self._ask("GET", f"{_path(name, 'documents')}?{httpx.QueryParams(query)}")

    def count(self, name: str, *, filter: JsonObject | None = None) -> JsonObject:
        """How many documents there are, or satisfy the filter."""
        return self._ask("POST", _path(name, "documents", "count"), _given(filter=filter))

    def search(self, name: str, body: Mapping[str, Any]) -> JsonObject:
        """The best matches and the receipt; `body` is what the API's search takes."""
        return self._ask("POST", _path(name, "search"), body)

    def optimize(self, name: str) -> JsonObject:
        """Build the search index the collection wants now; its status afterwards."""
        return self._ask("POST", _path(name, "optimize"), works=True)

    def verify(self, name: str, *, repair: bool = False) -> JsonObject:
        """Whether the collection's files agree with each other."""
        return self._ask("POST", _path(name, "verify"), {"repair": repair}, works=True)

    def similarity(
        self, source: str, texts: Sequence[str], *, model: str | None = None
    ) -> JsonObject:
        """Cosines of `source` with each text; `model` None takes the server's encoder."""
        body = {"source": source, "texts": list(texts), "model": model}
        return self._ask("POST", "/v1/similarity", body)

    def encoders(self) -> JsonObject:
        """The encoders the server knows and uses: `{"encoders": [...]}`."""
        return self._ask("GET", "/v1/encoders")

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        works: bool = False,
    ) -> JsonObject:
        """The answer's object, after as many attempts as patience allows."""
        timeout = self._patience.work_timeout if works else self._patience.timeout
        for attempt in range(1, self._patience.attempts + 1):
            response = self._send(method, path, body, timeout=timeout)
            if response.status_code not in _BUSY or attempt == self._patience.attempts:
                break
            wait = _retry_after(response)
            wait = 0.5 * 2 ** (attempt - 1) if wait is None else wait
            if wait > self._patience.longest_wait:
                break
            self._sleep(wait)
        if response.is_error:
            raise _refusal(response, self._url)
        return self._answer(response)

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        timeout: float,
    ) -> httpx.Response:
        try:
            return self._http.request(method, path, json=body, timeout=timeout)
        except httpx.ConnectError as error:
            message = (
                f"no server answers at {self._url} ({error}); "
                "start one with `meari serve`, or leave --url out to open the data folder"
            )
            raise ClientError(message) from error
        except httpx.TimeoutException as error:
            message = f"{self._url} did not answer within {timeout:g} seconds"
            raise ClientError(message) from error
        except httpx.HTTPError as error:
            message = f"the connection to {self._url} broke: {error or type(error).__name__}"
            raise ClientError(message) from error

    def _answer(self, response: httpx.Response) -> JsonObject:
        if not response.content:
            return {}
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            message = (
                f"{self._url} answered {response.status_code} with something that is not a JSON "
                "object; is this the address of a Meari server?"
            )
            raise ClientError(message, status=response.status_code)
        return answer


def _checked_url(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        message = f"url {url!r} is not of the form http://HOST:PORT"
        raise ClientError(message, status=400)
    return str(parsed.copy_with(username=None, password=None)).rstrip("/")


def _path(name: str, *parts: str) -> str:
    """`/v1/collections/NAME/...` with every part escaped."""
    return "/".join(["/v1/collections", *(quote(part, safe="") for part in (name, *parts))])


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


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds the server asks to wait; None if it names none, or a date."""
    value = response.headers.get("retry-after", "").strip()
    return float(value) if value.isdecimal() else None


def _refusal(response: httpx.Response, url: str) -> ClientError:
    """The server's own message, or what its status says."""
    try:
        error = response.json()["error"]
        message, code, param = str(error["message"]), error.get("code"), error.get("param")
    except (ValueError, KeyError, TypeError, AttributeError):
        message = f"{url} answered {response.status_code} {response.reason_phrase}"
        if response.status_code in _OF_OTHERS:
            message += "; is this the address of a Meari server?"
        code = param = None
    return ClientError(
        message,
        status=response.status_code,
        code=code,
        param=param,
        retry_after=_retry_after(response),
    )
