"""What every route leans on: the engine, ready or not, and answers made in its threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar

import orjson
from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response

from indexing.filters import Filter
from service.body import JsonRoute
from service.engine import Engine
from service.errors import BadJsonError, BadTextError, BadValueError
from service.quick import QuickRoute
from service.schemas.errors import ErrorAnswer
from service.strict_json import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from pydantic import BaseModel

    from service.settings import Settings

    Route = TypeVar("Route", bound=Callable[..., Coroutine[Any, Any, Response]])


async def any_engine(request: Request) -> Engine:
    """The engine in whatever state."""
    engine: Engine = request.app.state.engine
    return engine


async def ready_engine(request: Request) -> Engine:
    """The engine, once it is ready.

    Raises:
        NotReadyError: it is loading or stopping.
    """
    engine = await any_engine(request)
    engine.check_ready()
    return engine


AnyEngine = Annotated[Engine, Depends(any_engine)]
ReadyEngine = Annotated[Engine, Depends(ready_engine)]
CollectionName = Annotated[str, Path(description="The collection's name.", examples=["faq"])]

_REFUSALS = {
    400: "A value that cannot be; `param` names the field",
    404: "No such collection, document or model",
    409: "It exists already, or encoder or dimension do not fit",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "A text that cannot be encoded or stored",
    423: "Another process owns the folder",
    429: "Too many requests wait already; `Retry-After` says when to try again",
    500: "Our fault; the message carries the request id for the log",
    503: "Still loading; `Retry-After` says when to try again",
    507: "The disk is full; nothing of this write was kept",
}


def router(tag: str) -> APIRouter:
    """A router whose bodies are strict JSON and whose refusals are in the OpenAPI document."""
    return APIRouter(route_class=JsonRoute, tags=[tag])


def quick_post(routes: APIRouter, path: str, **told: Any) -> Callable[[Route], Route]:  # noqa: ANN401
    """`routes.post` for a function that `QuickRoute` can ask."""

    def add(function: Route) -> Route:
        routes.add_api_route(
            path, function, methods=["POST"], route_class_override=QuickRoute, **told
        )
        return function

    return add


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI part for answers of those statuses, and for those any route may give.

    `default` also keeps FastAPI from promising validation errors of its own shape.
    """
    answers: dict[int | str, dict[str, Any]] = {
        status: {"model": ErrorAnswer, "description": _REFUSALS[status]}
        for status in sorted({*statuses, 429, 500, 503})
    }
    return answers | {"default": {"model": ErrorAnswer, "description": "Any other refusal"}}


_ROWS_AT_ONCE = 64


class JsonAnswer(Response):
    """A model as JSON. Making one is costly where there are many vectors: for use in threads."""

    media_type = "application/json"

    @classmethod
    def of(
        cls,
        model: BaseModel,
        status: int = 200,
        *,
        headers: Mapping[str, str] | None = None,
        leave_out_null: bool = False,
    ) -> Self:
        """The answer; `leave_out_null` leaves out the model's fields that are null."""
        content = model.model_dump_json(exclude_none=leave_out_null)
        return cls(content, status_code=status, headers=headers)

    @classmethod
    def of_rows(
        cls,
        rows: Sequence[object],
        *,
        around: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """The answer of plain values and arrays: a list, or `around` with the list as `data`.

        Ten times as quick as a model where there are many numbers, and written a few rows at a
        time, so that other threads are kept waiting only briefly. float32 numbers are as short as
        tells them from each other: read as float32 they are exact.
        """
        starts = range(0, len(rows), _ROWS_AT_ONCE)
        pieces = [_dump(rows[start : start + _ROWS_AT_ONCE])[1:-1] for start in starts]
        content = b"[" + b",".join(pieces) + b"]"
        if around is not None:
            content = b'{"data":' + content + b"," + _dump(around)[1:]
        return cls(content, headers=headers)


def _dump(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def check_texts(field: str, texts: Sequence[str], settings: Settings) -> None:
    """Refuse texts to encode that are blank or too long.

    Raises:
        BadTextError: naming the text (`input[3]`, or `query` where there is only one).
    """
    for position, text in enumerate(texts):
        param = field if len(texts) == 1 else f"{field}[{position}]"
        if not text.strip():
            raise BadTextError(f"{param} is empty; there is nothing to encode", param)
        size = len(text.encode())
        if size > settings.max_query_bytes:
            limit = f"at most {settings.max_query_bytes:,} are read"
            raise BadTextError(f"{param} has {size:,} bytes; {limit}: split it", param)


def parse_filter(filter: Mapping[str, Any] | None) -> Filter | None:
    """The filter of a body.

    Raises:
        InvalidFilterError: with the path of the part at fault.
    """
    return None if filter is None else Filter.parse(filter)


def parse_filter_text(text: str | None) -> Filter | None:
    """The filter of a query parameter.

    Raises:
        BadValueError: not a JSON object.
        InvalidFilterError: with the path of the part at fault.
    """
    if text is None:
        return None
    try:
        value = parse_json(text.encode("utf-8", "surrogatepass"), "filter")
    except BadJsonError as error:
        raise BadValueError(str(error), "filter") from error
    return parse_filter(value)
