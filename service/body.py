"""How request bodies are read: bounded before they are held, checked before they are judged."""

from __future__ import annotations

import asyncio
from email.message import Message
from typing import TYPE_CHECKING, Any, cast

from fastapi import Request
from fastapi.routing import APIRoute

from service.access.admission import Admission
from service.access.caller import CALLER
from service.errors import (
    BadValueError,
    BodyTooLargeError,
    MediaTypeError,
    SlowBodyError,
    find_problem,
)
from service.resources import LARGE, announced_size
from service.strict_json import parse_json
from service.validation import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send
    from starlette.types import Message as AsgiMessage

    from service.settings import Settings

_INPUT_PATHS = frozenset(
    {
        *("/v1/embeddings", "/v1/similarity", "/rerank", "/v1/rerank", "/v2/rerank"),
        *("/embed", "/similarity", "/tokenize"),
    }
)
_COUNTED = {
    "documents": "max_documents",
    "ids": "max_documents",
    "chunks": "max_documents",
    "input": "max_texts",
    "inputs": "max_texts",
    "texts": "max_texts",
    "images": "max_texts",
}
"""Fields with many items, and the setting that bounds them."""
_TOKENS = ("input", "inputs")
"""Fields that may hold token ids, alone or in lists, in place of texts."""
_INPUT_ENDINGS = ("/search", "/search/image")
"""May carry a picture."""
_TEXT_BEGINNINGS = ("/v1/classify/",)
_TEXT_ENDINGS = ("/documents", "/documents/states", "/search/batch", "/outliers/score")


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
        if (own := CALLER.get().max_bytes) is not None:
            limit = min(limit, own)
        announced = announced_size(scope)
        if announced is not None and announced > limit:
            problem = find_problem(too_large(limit, announced))
            if problem is not None:
                await problem.to_response()(scope, receive, send)
            return
        await self._app(scope, _Counter(receive, limit).receive, send)

    def _limit(self, path: str) -> int:
        settings = self._settings
        if path in _INPUT_PATHS or path.endswith(_INPUT_ENDINGS):
            return settings.max_input_bytes
        carries_texts = path.startswith(_TEXT_BEGINNINGS) or path.endswith(_TEXT_ENDINGS)
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


class KeyedRoute(APIRoute):
    """A route that asks what the caller may do, before anything of the request is read."""

    @property
    def admission(self) -> Admission:
        """What is asked of whoever comes."""
        return Admission.of(self.methods or (), self.path)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, behind the question."""
        handle = super().get_route_handler()
        admission = self.admission

        async def handle_admitted(request: Request) -> Response:
            async with admission.admit(request) as answered:
                return answered(await handle(request))

        return handle_admitted


class JsonRoute(KeyedRoute):
    """A route that asks what the caller may do, and whose body, if any, is JSON as in RFC 8259.

    FastAPI's own reader takes NaN, Infinity, UTF-16 and numbers too large for a float, and
    answers broken UTF-8 without saying what is wrong.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with the body read and parsed in front of it."""
        handle = APIRoute.get_route_handler(self)
        takes_body = self.body_field is not None
        admission = self.admission

        async def handle_json(request: Request) -> Response:
            async with admission.admit(request) as answered:
                request = JsonRequest(request.scope, request.receive)
                if takes_body and await request.body():
                    await request.json()
                return answered(await handle(request))

        return handle_json


class JsonRequest(Request):
    """A request that parses its body strictly, once; a large one in a thread, others meanwhile."""

    async def body(self) -> bytes:
        """The body, taken in as it comes: joined in the end, 64 MiB would keep others waiting."""
        if not hasattr(self, "_body"):
            held = bytearray()
            seconds = self.app.state.engine.settings.max_body_seconds
            try:
                async with asyncio.timeout(seconds):
                    async for chunk in self.stream():
                        held += chunk
                        self._weigh(len(chunk), len(held))
            except TimeoutError as error:
                message = (
                    f"the body did not come within {seconds:g} s, {len(held):,} bytes of it did"
                )
                raise SlowBodyError(f"{message}: send less at once") from error
            self._body = cast("bytes", held)
        return self._body

    def _weigh(self, more: int, held: int) -> None:
        """A body that did not say how long it is comes to weigh as it comes."""
        if held > LARGE and "content-length" not in self.headers:
            self.scope["meari.holding"].grow(more)

    async def json(self) -> Any:  # noqa: ANN401 - any JSON value
        """The value that the body is, checked for its lengths."""
        if not hasattr(self, "_json"):
            check_media_type(self.headers.get("content-type"))
            body = await self.body()
            large = len(body) > LARGE
            self._json = await asyncio.to_thread(parse_json, body) if large else parse_json(body)
            check_lengths(self._json, self.app.state.engine.settings)
        return self._json


def check_lengths(value: object, settings: Settings) -> None:
    """Refuse too many items before each of them is judged, which would take seconds.

    Raises:
        BadValueError: naming the field.
    """
    if not isinstance(value, dict):
        return
    for field in _TOKENS:
        _check_token_number(field, value.get(field), settings.max_input_tokens)
    for field, setting in _COUNTED.items():
        if field not in value:
            continue
        items = value[field]
        if not isinstance(items, list | dict):
            continue
        if field in _TOKENS and isinstance(items, list) and items and isinstance(items[0], int):
            continue  # one text
        if len(items) > (most := getattr(settings, setting)):
            message = f"{field} has {len(items):,} items; at most {most:,} are taken in one request"
            raise BadValueError(f"{message}: send several", field)


def _check_token_number(field: str, items: object, most: int) -> None:
    if not isinstance(items, list) or not items:
        return
    alone = isinstance(items[0], int)
    number = len(items) if alone else sum(len(row) for row in items if isinstance(row, list))
    if number > most:
        message = f"{field} holds {number:,} token ids in all; at most {most:,} tokens are taken in"
        raise BadValueError(f"{message} one request: send several", field)


def check_media_type(header: str | None) -> None:
    """Refuse what is not declared as JSON.

    A browser sends other types to any address without asking first, so a foreign page could
    otherwise write to a service on its reader's machine.

    Raises:
        MediaTypeError: `header` names another type, or there is none.
    """
    if header == "application/json":  # as nearly all say it; taking headers apart is slow
        return
    message = Message()
    message["content-type"] = header or "none"
    maintype, subtype = message.get_content_maintype(), message.get_content_subtype()
    if header and maintype == "application" and (subtype == "json" or subtype.endswith("+json")):
        return
    shown = quote(header) if header else "missing"
    raise MediaTypeError(f"Content-Type is {shown}; send application/json")
