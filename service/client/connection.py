"""Connections to a Meari server: what is sent, patience with a busy one, what is read."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx

from service.client.calls import Call
from service.client.errors import ClientError, UnreachableError, refusal
from service.client.patience import Attempts, Patience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

    from service.client.calls import AnyCall

T = TypeVar("T")


@dataclass(slots=True)
class Exchange:
    """What both kinds of connection know of a server and do with its answers.

    Attributes:
        url: where it is, without a slash at the end, a user or a password.
        patience: bounds of waiting.
        chance: gives random numbers from 0 to below 1.
        met: whether it has answered before.
    """

    url: str
    patience: Patience
    chance: Callable[[], float] = field(default_factory=lambda: random.SystemRandom().random)
    met: bool = False

    def attempts(self, call: AnyCall) -> Attempts:
        """The attempts at that call."""
        return Attempts(self.patience, call, met=self.met, chance=self.chance)

    def request(self, call: AnyCall) -> dict[str, Any]:
        """The call as httpx's `request` takes it."""
        given: dict[str, Any] = {"method": call.method, "url": call.path}
        if call.content is not None:
            given["content"] = call.content
            given["headers"] = {"Content-Type": "application/json"}
        elif call.body is not None:
            given["json"] = call.body
        return {**given, "timeout": self.patience.seconds(call)}

    def result(self, call: Call[T], outcome: httpx.Response | httpx.HTTPError) -> T:
        """What the call gives.

        Raises:
            UnreachableError: no answer came.
            ClientError: the server refused or failed.
        """
        if isinstance(outcome, httpx.HTTPError):
            raise self.unreachable(call, outcome) from outcome
        if outcome.is_error and not call.any_status:
            raise refusal(outcome, self.url)
        if call.is_file:
            return cast("T", outcome.content)
        answer = self._read(outcome)
        if call.read is None:
            return cast("T", answer)
        try:
            return call.read(answer)
        except (KeyError, TypeError, ValueError) as error:
            raise self._strange(outcome, "an object of another form") from error

    def _read(self, response: httpx.Response) -> dict[str, Any]:
        if not response.content:
            return {}
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._strange(response, "something that is not a JSON object")
        return answer

    def _strange(self, response: httpx.Response, what: str) -> ClientError:
        message = (
            f"{self.url} answered {response.status_code} with {what}; is this the address of a "
            "Meari server?"
        )
        return ClientError(message, status=response.status_code)

    def unreachable(self, call: AnyCall, error: httpx.HTTPError) -> UnreachableError:
        """Why no answer came."""
        if isinstance(error, httpx.ConnectError):
            return UnreachableError(
                f"no server answers at {self.url} ({error}); start one with `meari serve`, or "
                "leave --url out to open the data folder"
            )
        if isinstance(error, httpx.TimeoutException):
            seconds = self.patience.seconds(call)
            return UnreachableError(f"{self.url} did not answer within {seconds:g} seconds")
        return UnreachableError(
            f"the connection to {self.url} broke: {error or type(error).__name__}"
        )


class Connection:
    """Sends requests and waits for their answers.

    Args:
        url: where the server is (`http://127.0.0.1:8080`).
        patience: bounds of waiting.
        headers: sent along with every request.
        transport: what carries requests; None opens connections to `url`.
        sleep: what waits; for tests.

    Raises:
        ClientError: `url` is not of the form http://HOST:PORT.
    """

    def __init__(
        self,
        url: str,
        *,
        patience: Patience,
        headers: Mapping[str, str] | None,
        transport: httpx.BaseTransport | None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.exchange = Exchange(checked_url(url), patience)
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=url, headers=headers, transport=transport, trust_env=False
        )

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def ask(self, call: Call[T]) -> T:
        """What the call gives, after as many attempts as patience allows.

        Raises:
            ClientError: the server refused, failed or could not be reached.
        """
        attempts = self.exchange.attempts(call)
        while True:
            outcome = self._send(call)
            wait = None if call.any_status else attempts.wait_after(outcome)
            if wait is None:
                return self.exchange.result(call, outcome)
            self._sleep(wait)

    def lines(self, path: str) -> Iterator[str]:
        """The lines of an answer that goes on, as they come.

        Raises:
            ClientError: the server refused, failed or could not be reached.
        """
        call: AnyCall = Call("GET", path)
        try:
            with self._http.stream("GET", path, timeout=self.exchange.patience.timeout) as response:
                if response.is_error:
                    response.read()
                    raise refusal(response, self.exchange.url)
                yield from response.iter_lines()
        except httpx.HTTPError as error:
            raise self.exchange.unreachable(call, error) from error

    def _send(self, call: AnyCall) -> httpx.Response | httpx.HTTPError:
        try:
            response = self._http.request(**self.exchange.request(call))
        except httpx.HTTPError as error:
            return error
        self.exchange.met = True
        return response


class AsyncConnection:
    """`Connection` for code that runs in an event loop."""

    def __init__(
        self,
        url: str,
        *,
        patience: Patience,
        headers: Mapping[str, str] | None,
        transport: httpx.AsyncBaseTransport | None,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.exchange = Exchange(checked_url(url), patience)
        self._sleep = sleep
        self._http = httpx.AsyncClient(
            base_url=url, headers=headers, transport=transport, trust_env=False
        )

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def ask(self, call: Call[T]) -> T:
        """What the call gives; see `Connection.ask`."""
        attempts = self.exchange.attempts(call)
        while True:
            outcome = await self._send(call)
            wait = None if call.any_status else attempts.wait_after(outcome)
            if wait is None:
                return self.exchange.result(call, outcome)
            await self._sleep(wait)

    async def lines(self, path: str) -> AsyncIterator[str]:
        """The lines of an answer that goes on; see `Connection.lines`."""
        call: AnyCall = Call("GET", path)
        timeout = self.exchange.patience.timeout
        try:
            async with self._http.stream("GET", path, timeout=timeout) as response:
                if response.is_error:
                    await response.aread()
                    raise refusal(response, self.exchange.url)
                async for line in response.aiter_lines():
                    yield line
        except httpx.HTTPError as error:
            raise self.exchange.unreachable(call, error) from error

    async def _send(self, call: AnyCall) -> httpx.Response | httpx.HTTPError:
        try:
            response = await self._http.request(**self.exchange.request(call))
        except httpx.HTTPError as error:
            return error
        self.exchange.met = True
        return response


def checked_url(url: str) -> str:
    """The address without a slash at the end, a user or a password.

    Raises:
        ClientError: it is not of the form http://HOST:PORT.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        message = f"url {url!r} is not of the form http://HOST:PORT"
        raise ClientError(message, status=400)
    return str(parsed.copy_with(username=None, password=None)).rstrip("/")


def with_key(headers: Mapping[str, str] | None, api_key: str | None) -> dict[str, str]:
    """The headers, and the one that carries the API key.

    Raises:
        ClientError: the key holds what no header may; it is not quoted.
    """
    given = dict(headers or {})
    if api_key is None:
        return given
    if not api_key.isascii() or not api_key.isprintable() or not api_key.strip():
        message = "api_key is empty, or holds blanks, line ends or letters beyond ASCII"
        raise ClientError(message, status=400)
    return {**given, "Authorization": f"Bearer {api_key.strip()}"}
