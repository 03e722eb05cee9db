"""The HTTP service, put together."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.errors import ServerErrorMiddleware

from service.access.audit import AUDIT_FILE, AuditLog
from service.access.gate import Gate
from service.access.headers import cors
from service.access.watching import WatchedKeys
from service.backup_gauges import BackupGauges
from service.body import BodyLimit
from service.engine import Engine
from service.errors import install_handlers
from service.gauges import Gauges
from service.observe import RequestLog
from service.quick import QuickRoute, QuickRoutes
from service.routes import (
    backups,
    classify,
    collections,
    comparing,
    documents,
    encoding,
    health,
    images,
    jobs,
    maps,
    rerank,
    search,
    structure,
    tei,
    words,
)
from service.routes.page import page_routes, reference_routes
from service.tracing import RequestTraces, close_traces, open_traces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi.routing import APIRoute
    from fastapi.telemetry import TelemetryConfig
    from starlette.types import ASGIApp, Receive, Scope, Send

    from indexing.data_folder import DataFolder
    from service.settings import Settings

_DESCRIPTION = """\
Semantic search and embeddings. Documents go into *collections*; a *search* finds those that answer
a text, by meaning and by words, or are nearest to a vector or another document. Every answer
carries a *receipt*: what was really done to find it.

Errors are `{"error": {"message", "type", "param", "code"}}`. Every answer carries `X-Request-Id`:
the one sent, or a new one.
"""

_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""FastAPI's own would tell paths and queries, and ask four times a request whether it shall."""

_TAGS = [
    {"name": "collections", "description": "Documents, their vectors, one encoder, one metric."},
    {"name": "documents", "description": "What can be found."},
    {"name": "search", "description": "Asking a collection."},
    {"name": "encoding", "description": "Vectors and scores without a collection."},
    {"name": "words", "description": "Word vectors: neighbours, analogies, similarity."},
    {"name": "structure", "description": "What a collection is about: asked in jobs."},
    {"name": "backups", "description": "Copies of collections that can be relied on."},
    {"name": "jobs", "description": "Long work: how far it is, and stopping it."},
    {"name": "classify", "description": "Classifiers: which class a text belongs to."},
    {"name": "health", "description": "Without a key, at any time."},
]


def create_app(settings: Settings, *, folder: DataFolder | None = None) -> Application:
    """The service as an ASGI application; its lifespan owns the data folder.

    The encoder is loaded behind the start: until then `/livez` answers 200, `/readyz` and all
    work 503. Starting fails with `FolderLockedError` if another process owns the data folder.

    Args:
        settings: the installation's choices.
        folder: the data folder, if it is open already; closed in the end like one opened here.
    """
    engine = Engine(settings, folder)
    engine.metrics.add(Gauges(engine))
    engine.metrics.add(BackupGauges(engine))
    data = settings.data.expanduser()
    audit = AuditLog(
        data / AUDIT_FILE, settings.audit_bytes, failed=engine.metrics.count_audit_failure
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            await engine.start()
            yield
        finally:
            await engine.stop()
            audit.close()
            if traces is not None:
                await asyncio.to_thread(close_traces, traces)

    traces = open_traces(settings)
    app = Application(
        title="Meari",
        summary="Semantic search for Korean and English",
        description=_DESCRIPTION,
        version=version("meari"),
        openapi_tags=_TAGS,
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,  # FastAPI's own pages load scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        telemetry=_TELEMETRY,
    )
    app.state.engine = engine
    app.state.audit = audit
    # Looked through in this order, which takes a fifth of a small request's time at the far end.
    first = (encoding, search, documents, collections, rerank, tei, words, classify, health)
    modules = (*first, jobs, structure, comparing, maps, images, backups)
    for module in modules:
        app.include_router(module.routes)
    routes = (route for module in modules for route in module.routes.routes)
    quick = [route for route in routes if isinstance(route, QuickRoute)]
    page = page_routes()
    app.router.routes.extend([*page, *reference_routes()])
    install_handlers(app)
    keys = WatchedKeys(data)
    front: ASGIApp = QuickRoutes(app.behind, quick)
    front = BodyLimit(front, settings)
    front = Gate(front, keys, settings, [each.path for each in page])
    if settings.origins:
        front = CORSMiddleware(front, **cors(settings.origin_names))
    front = RequestLog(front, engine.metrics)
    app.front = front if traces is None else RequestTraces(front, traces)
    return app


class Application(FastAPI):
    """FastAPI behind layers that every request goes through.

    FastAPI's own place for such layers has two more around them, which do what `RequestLog` does.

    Attributes:
        front: the outermost layer.
    """

    front: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take in a request, or what the server says of its own beginning and end."""
        if scope["type"] == "lifespan":
            await self.behind(scope, receive, send)
            return
        scope["app"] = self
        await self.front(scope, receive, send)

    async def behind(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What the layers stand around: FastAPI and its routes."""
        await super().__call__(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """FastAPI's, without what answers to errors that nobody caught: `RequestLog` does."""
        stack = super().build_middleware_stack()
        return stack.app if isinstance(stack, ServerErrorMiddleware) else stack


def _operation_id(route: APIRoute) -> str:
    """What generated clients call the operation: the name of the function that answers."""
    return route.name
