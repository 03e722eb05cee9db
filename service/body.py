"""How request bodies are read: bounded before they are held, and JSON to the letter."""

from __future__ import annotations

import asyncio
import json
import math
import re
from email.message import Message
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.routing import APIRoute

from service.errors import (
    BadJsonError,
    BadTextError,
    BodyTooLargeError,
    MediaTypeError,
    find_problem,
)
from service.validation import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send
    from starlette.types import Message as AsgiMessage

    from service.settings import Settings

_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_SEARCHED_AT_ONCE = 1 << 20
"""Characters; a regular expression keeps every other thread from running meanwhile."""
_LARGE_BYTES = 1 << 20
_TEXT_PATHS = frozenset({"/v1/embeddings", "/v1/similarity"})
_TEXT_ENDINGS = ("/documents", "/documents/states", "/search/batch")


class BodyLimit:
    """ASGI middleware: answers 413 to a body that announces, or turns out, to be too large.

    A body that announces its size is refused unread; one that does not is dropped as soon as the
    limit is passed. Never more than the limit is held.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting its bytes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit(scope["path"])
        announced = _announced_length(scope)
        if announced is not None and announced > limit:
            problem = find_problem(too_large(limit, announced))
            if problem is not None:
                await problem.to_response()(scope, receive, send)
            return
        await self._app(scope, _Counter(receive, limit).receive, send)

    def _limit(self, path: str) -> int:
        carries_texts = path in _TEXT_PATHS or path.endswith(_TEXT_ENDINGS)
        settings = self._settings
        return settings.max_body_bytes if carries_texts else settings.max_request_bytes


class _Counter:
    """`receive` that raises once more than `limit` bytes came through."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._total = 0

    async def receive(self) -> AsgiMessage:
        message = await self._receive()
        self._total += len(message.get("body", b""))
        if self._total > self._limit:
            raise too_large(self._limit, None)
        return message


def too_large(limit: int, announced: int | None) -> BodyTooLargeError:
    """The error for a body of `announced` bytes, or of an unknown number beyond `limit`."""
    size = f"{announced:,} bytes" if announced is not None else "larger"
    return BodyTooLargeError(
        f"the body is {size}; at most {limit:,} bytes are read here: send several smaller requests"
    )


def _announced_length(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return None


class JsonRoute(APIRoute):
    """A route whose body, if it takes one, is JSON as RFC 8259 has it.

    FastAPI's own reader takes NaN, Infinity, UTF-16 and numbers too large for a float, and
    answers broken UTF-8 without saying what is wrong.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with the body read and parsed in front of it."""
        handle = super().get_route_handler()
        takes_body = self.body_field is not None

        async def handle_json(request: Request) -> Response:
            request = _JsonRequest(request.scope, request.receive)
            if takes_body and await request.body():
                await request.json()
            return await handle(request)

        return handle_json


class _JsonRequest(Request):
    """A request that parses its body strictly, once; a large one in a thread, others meanwhile."""

    async def json(self) -> Any:  # noqa: ANN401 - any JSON value
        if not hasattr(self, "_json"):
            check_media_type(self.headers.get("content-type"))
            body = await self.body()
            large = len(body) > _LARGE_BYTES
            self._json = await asyncio.to_thread(parse_json, body) if large else parse_json(body)
        return self._json


def check_media_type(header: str | None) -> None:
    """Refuse what is not declared as JSON.

    A browser sends other types to any address without asking first, so a foreign page could
    otherwise write to a service on its reader's machine.

    Raises:
        MediaTypeError: `header` names another type, or there is none.
    """
    message = Message()
    message["content-type"] = header or "none"
    maintype, subtype = message.get_content_maintype(), message.get_content_subtype()
    if header and maintype == "application" and (subtype == "json" or subtype.endswith("+json")):
        return
    shown = quote(header) if header else "missing"
    raise MediaTypeError(f"Content-Type is {shown}; send application/json")


def parse_json(body: bytes, what: str = "the body") -> Any:  # noqa: ANN401 - any JSON value
    """The JSON value in `body`.

    Raises:
        BadJsonError: not UTF-8, not JSON, NaN or infinity, a number beyond a float's range, a
            name twice in one object, or nesting too deep to read.
        BadTextError: a string holds half a surrogate pair; `param` is its path.
    """
    try:
        text = body.decode("utf-8-sig")
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
        if _escapes_surrogate(text):
            check_unicode(value)
    except UnicodeDecodeError as error:
        message = f"{what} is not UTF-8: byte {error.start} ({error.reason})"
    except json.JSONDecodeError as error:
        message = f"{what} is not JSON: {error.msg} at line {error.lineno} column {error.colno}"
    except RecursionError:
        message = f"{what} is nested too deeply to be read"
    except _ContentError as error:
        message = f"{what} holds {error}"
    except ValueError:  # Python's own limit
        message = f"{what} holds a whole number of too many digits"
    else:
        return value
    raise BadJsonError(message)


def _escapes_surrogate(text: str) -> bool:
    """True if `text` holds the escape of half a surrogate pair, though perhaps of both halves."""
    longest = len(r"\ud8")
    return any(
        _SURROGATE_ESCAPE.search(text, start, start + _SEARCHED_AT_ONCE + longest - 1)
        for start in range(0, len(text), _SEARCHED_AT_ONCE)
    )


def check_unicode(value: Any, path: str = "") -> None:  # noqa: ANN401 - any JSON value
    """Refuse strings that UTF-8 has no bytes for; JSON can write them, nothing can store them.

    Raises:
        BadTextError: `param` is the path of the first.
    """
    if isinstance(value, str):
        if any("\ud800" <= char <= "\udfff" for char in value):
            place = path or "the body"
            message = f"{place} holds half a surrogate pair; it is not valid Unicode"
            raise BadTextError(message, path or None)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            check_unicode(item, f"{path}[{position}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            check_unicode(key, path)
            check_unicode(item, f"{path}.{key}" if path else key)


class _ContentError(ValueError):
    """JSON that says nothing, or two things at once."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        message = f"the name {quote(twice)} twice in one object"
        raise _ContentError(message)
    return value


def _refuse_constant(name: str) -> float:
    message = f"{name}, which is not JSON; every number must be finite"
    raise _ContentError(message)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        message = f"the number {quote(text)}, beyond a 64-bit float"
        raise _ContentError(message)
    return number
