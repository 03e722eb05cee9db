"""Routes that are asked most, and how they are answered without a framework around each request.

FastAPI documents them like all others. But finding one among a hundred, and solving dependencies
that are the same every time, took half of what a small request costs the event loop.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, get_type_hints

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.routing import Match

from service.body import JsonRequest, JsonRoute
from service.errors import answer_error

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

_MISSING = object()
"""In place of the value of a body that has no bytes."""


class QuickRoute(JsonRoute):
    """A route that needs nothing of FastAPI.

    Its function gives a response and takes `body`, a model, and at will `engine`, `request` and
    texts of its path.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **told: Any) -> None:  # noqa: ANN401
        super().__init__(path, endpoint, **told)
        self._takes = inspect.signature(endpoint).parameters
        self._model: type[BaseModel] = get_type_hints(endpoint)["body"]
        self._texts = [name for name in self._takes if name in self.param_convertors]
        self._admission = self.admission

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler; FastAPI's own is not asked."""
        return self._answer

    async def _answer(self, request: Request) -> Response:
        async with self._admission.admit(request) as answered:
            asked = JsonRequest(request.scope, request.receive)
            value = await asked.json() if await asked.body() else _MISSING
            engine = asked.app.state.engine
            engine.check_ready()
            given = {"body": _read(self._model, value), "engine": engine, "request": asked}
            found = {name: given[name] for name in self._takes if name in given}
            found |= {name: asked.path_params[name] for name in self._texts}
            return answered(await self.endpoint(**found))

    async def respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that matches, refusals included."""
        request = Request(scope, receive, send)
        try:
            response = await self._answer(request)
        except Exception as error:
            response = answer_error(request, error)
        await response(scope, receive, send)


class QuickRoutes:
    """ASGI middleware: answers requests for quick routes, and passes the others on.

    Args:
        app: what stands behind.
        routes: the quick ones.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[QuickRoute]) -> None:
        self._app = app
        self._routes = tuple(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request or pass it on."""
        if scope["type"] == "http" and scope["method"] == "POST":
            for route in self._routes:
                match, found = route.matches(scope)
                if match is Match.FULL:
                    scope.update(found)
                    await route.respond(scope, receive, send)
                    return
        await self._app(scope, receive, send)


def _read(model: type[BaseModel], value: object) -> BaseModel:
    """The body as the model has it.

    Raises:
        RequestValidationError: it is not so; as FastAPI tells it.
    """
    if value is _MISSING:
        missing = {"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}
        raise RequestValidationError([missing])
    try:
        return model.model_validate(value)
    except ValidationError as error:
        told = error.errors(include_url=False)
        placed = [{**each, "loc": ("body", *each["loc"])} for each in told]
        raise RequestValidationError(placed, body=value) from error
