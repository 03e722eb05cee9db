"""What the service says of itself: one log line per request, and a request's id everywhere."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from random import getrandbits
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect

from indexing.errors import InvalidNameError
from indexing.validation import check_name
from service.access.headers import harden
from service.errors import PROBLEM, Problem, internal_problem
from service.metrics import METHODS

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from service.metrics import Metrics
    from service.settings import Settings

logger = logging.getLogger(__name__)

_TALKATIVE = ("faiss.loader", "sentence_transformers", "httpx", "huggingface_hub")
"""Libraries that tell at level info what helps only who debugs them."""

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request being answered, in its task and in the threads that work for it."""

_GONE = 499
"""Told of requests whose sender left before there was an answer; nginx's number for it."""

TRACE_ID: ContextVar[str | None] = ContextVar("trace_id", default=None)
"""The trace that the request belongs to, where traces are made."""
REQUEST = "meari.request"
"""Where a request's scope says, once it is answered, what is told of it."""
_STOPPING = Problem(
    503,
    "not_ready",
    "not ready: the service is stopping and could not finish this; ask again in a moment",
    headers={"Retry-After": "2", "Connection": "close"},
)

_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)


def configure_logging(settings: Settings) -> None:
    """Write the log to standard error, one line a record; replaces earlier handlers.

    For a process that is the service; an application that embeds it keeps its own handlers.
    """
    # what no line tells is not looked for: the caller's place, thread and process
    logging._srcfile = None  # Python's documentation has it so
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if settings.log_format == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    if settings.log_level == "info":
        for library in _TALKATIVE:
            logging.getLogger(library).setLevel(logging.WARNING)


class TextLines(logging.Formatter):
    """`2026-11-20T08:34:00.123Z INFO service.observe request method=GET route=/livez ...`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and a traceback under it if there is one."""
        fields = "".join(f" {name}={_plain(value)}" for name, value in _fields(record).items())
        message = _one_line(record.getMessage())
        line = f"{_moment(record)} {record.levelname} {record.name} {message}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message and the record's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; a traceback is the field `traceback`."""
        entry = {
            "time": _moment(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


_BARE = re.compile(r"[^\s\"'=\\\x00-\x1f\x7f]+")
_BREAKS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")


def _plain(value: object) -> str:
    """A value that cannot be taken for several: in quotes, unless it is one bare word."""
    text = str(value)
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _one_line(message: str) -> str:
    """The message without characters that would begin another line, or move a terminal."""
    return _BREAKS.sub(lambda found: repr(found[0])[1:-1], message)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = dict(getattr(record, "fields", {}))
    if (trace_id := TRACE_ID.get()) is not None:
        fields = {"trace_id": trace_id, **fields}
    request_id = REQUEST_ID.get()
    return {"request_id": request_id, **fields} if request_id else fields


def _moment(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class RequestLog:
    """ASGI middleware: gives each request an id, answers what nobody caught, logs and counts.

    The id is the caller's `X-Request-Id` if that is 1 to 128 letters, digits and `._:-`, else a
    new one; it comes back in the same header. Log and metrics name the route's template, not its
    path, so that they say nothing of documents and have few values.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and tell how it went."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        token = REQUEST_ID.set(request_id)
        answer = _Answer(send, request_id)
        start = time.perf_counter()
        try:
            await self._app(scope, receive, answer.send)
        except ClientDisconnect:
            pass  # nobody is there to be answered, and nothing is wrong here
        except asyncio.CancelledError:
            if answer.status is None:  # the service stops and waits no longer
                await _STOPPING.to_response()(scope, receive, answer.send)
            raise
        except Exception:
            logger.exception("request failed", extra={"fields": {"route": route_of(scope)}})
            if answer.status is not None:  # too late for another answer: the server cuts the line
                raise
            await internal_problem(request_id).to_response()(scope, receive, answer.send)
        finally:
            self._tell(scope, answer.status or _GONE, time.perf_counter() - start)
            REQUEST_ID.reset(token)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        method, route = scope["method"], route_of(scope)
        self._metrics.count_request(method, route, status, seconds)
        method = method if method in METHODS else "other"
        fields = {"method": method, "route": route, "status": status, "ms": round(seconds * 1e3, 1)}
        if (code := scope.get(PROBLEM)) is not None:
            self._metrics.count_refusal(code)
            fields["code"] = code
        fields |= _who(scope)
        scope[REQUEST] = {"request_id": REQUEST_ID.get(), **fields}
        logger.info("request", extra={"fields": fields})


class _Answer:
    """`send` that adds what every answer carries and remembers the status."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = harden(message.get("headers", ()))
            message["headers"] = [*headers, (b"x-request-id", self._request_id.encode())]
        await self._send(message)


def _who(scope: Scope) -> dict[str, str]:
    """The name of the key that asked and of the collection it asked, where there are such."""
    found = {"key": scope.get("meari.key"), "collection": None}
    given = scope.get("path_params", {}).get("collection")
    with suppress(InvalidNameError):
        found["collection"] = None if given is None else check_name(given)
    return {name: value for name, value in found.items() if value}


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given: str = value.decode("latin-1")
            if _SANE_ID.fullmatch(given):
                return given
    # uuid4 asks the system, which gives up the interpreter: a quarter of a millisecond under load
    return f"{getrandbits(128):032x}"


def route_of(scope: Scope) -> str:
    """Template of the route that the path belongs to; `-` where no route was looked for or found.

    FastAPI's routes leave themselves in the scope, Starlette's (the page, OpenAPI) do not.
    """
    route = scope.get("route")
    if route is None and "endpoint" in scope:
        endpoint = scope["endpoint"]
        routes = scope["app"].routes
        route = next((each for each in routes if getattr(each, "endpoint", None) is endpoint), None)
    return getattr(route, "path", None) or "-"
