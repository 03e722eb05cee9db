"""A connection to a Meari server: patience with a busy one, its refusals as exceptions."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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


class Connection:
    """Sends requests and reads JSON objects; answers 429 and 503 are tried again.

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

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def look(self, path: str) -> JsonObject:
        """What stands at that path, asked for once, whatever its status."""
        return self._read(self._send("GET", path, timeout=self._patience.timeout))

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        works: bool = False,
    ) -> JsonObject:
        """The answer's object, after as many attempts as patience allows.

        Args:
            method: of HTTP.
            path: escaped, with its query.
            body: sent as JSON; None sends none.
            works: whether it may take as long as work does.

        Raises:
            ClientError: the server refused, failed or could not be reached.
        """
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
        return self._read(response)

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

    def _read(self, response: httpx.Response) -> JsonObject:
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
