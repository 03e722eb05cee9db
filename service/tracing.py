"""OpenTelemetry traces: one span for each request, and one for each stage of its work.

Nothing of this is loaded, and nothing is asked at a request, unless traces are wanted.
"""

from __future__ import annotations

import threading
import time
from importlib.metadata import version
from typing import TYPE_CHECKING

from indexing.stages import STAGE_WATCH
from service.errors import PROBLEM
from service.observe import REQUEST, TRACE_ID, route_of

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from service.settings import Settings

_QUIET = frozenset({"/livez", "/readyz", "/health", "/metrics"})
"""Asked every few seconds, by machines that ask nothing further."""
_FLUSH_SECONDS = 3.0


class TracesError(Exception):
    """Traces are wanted and cannot be made."""


def open_traces(settings: Settings) -> TracerProvider | None:
    """What spans are handed to: the OTLP collector of the settings; None if none is named.

    Sampling, headers and all else that the SDK reads from `OTEL_*` holds.

    Raises:
        TracesError: the extra is not installed.
    """
    endpoint = settings.trace_endpoint
    if endpoint is None:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        message = (
            f"traces shall go to {endpoint}, and OpenTelemetry's SDK is not installed: "
            "pip install 'meari[traces]', or leave MEARI_TRACES and OTEL_EXPORTER_OTLP_ENDPOINT out"
        )
        raise TracesError(message) from error
    resource = Resource.create({"service.version": version("meari")})
    if str(resource.attributes.get("service.name", "")).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": "meari"}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return provider


def close_traces(provider: TracerProvider) -> None:
    """Hand over what is left, as far as that takes no longer than a few seconds."""

    def close() -> None:
        provider.force_flush(int(_FLUSH_SECONDS * 1000))
        provider.shutdown()

    closing = threading.Thread(target=close, name="traces", daemon=True)
    closing.start()
    closing.join(_FLUSH_SECONDS)


class RequestTraces:
    """ASGI middleware: a span for each request, child of the caller's (W3C `traceparent`).

    Spans tell route, status, request id, names of key and collection, and the code of a refusal:
    no path, no query, no header and nothing of a body.

    Args:
        app: what stands behind.
        provider: what spans are handed to.
    """

    def __init__(self, app: ASGIApp, provider: TracerProvider) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._app = app
        self._tracer = provider.get_tracer("meari", version("meari"))
        self._propagator = TraceContextTextMapPropagator()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, in a span."""
        if scope["type"] != "http" or scope["path"] in _QUIET:
            await self._app(scope, receive, send)
            return
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind, format_trace_id, set_span_in_context

        parent = self._propagator.extract(_carried(scope), context=Context())
        span = self._tracer.start_span("request", context=parent, kind=SpanKind.SERVER)
        if not span.is_recording():
            await self._app(scope, receive, send)
            return
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        stages = _Stages(self._tracer, set_span_in_context(span))
        watching = STAGE_WATCH.set(stages.tell)
        tracing = TRACE_ID.set(format_trace_id(span.get_span_context().trace_id))
        try:
            await self._app(scope, receive, answer)
        finally:
            STAGE_WATCH.reset(watching)
            TRACE_ID.reset(tracing)
            _finish(span, scope, status)


class _Stages:
    """Makes spans of stages that are over.

    Args:
        tracer: makes them.
        context: their parent's.
    """

    def __init__(self, tracer: Tracer, context: Context) -> None:
        self._tracer = tracer
        self._context = context

    def tell(self, stage: str, began: float, ended: float) -> None:
        """Begin and end are of `time.perf_counter`."""
        past = time.time_ns() - int(time.perf_counter() * 1e9)
        start, end = past + int(began * 1e9), past + int(ended * 1e9)
        self._tracer.start_span(stage, context=self._context, start_time=start).end(end)


def _carried(scope: Scope) -> dict[str, str]:
    """The caller's trace."""
    return {
        name.decode(): value.decode("latin-1")
        for name, value in scope["headers"]
        if name in {b"traceparent", b"tracestate"}
    }


def _finish(span: Span, scope: Scope, status: int) -> None:
    from opentelemetry.trace import StatusCode

    told = scope.get(REQUEST, {})
    method, route = told.get("method", "-"), route_of(scope)
    span.update_name(f"{method} {route}")
    attributes = {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status or None,
        "meari.request_id": told.get("request_id"),
        "meari.collection": told.get("collection"),
        "meari.key": told.get("key"),
        "error.type": scope.get(PROBLEM),
    }
    span.set_attributes({name: value for name, value in attributes.items() if value is not None})
    if status >= 500 or not status:
        span.set_status(StatusCode.ERROR)
    span.end()
