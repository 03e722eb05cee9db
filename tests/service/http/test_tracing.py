"""Traces, made by OpenTelemetry's own SDK."""

from __future__ import annotations

import asyncio
import http.server
import logging
import queue
import subprocess
import sys
import threading
import zlib
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from service.observe import JsonLines
from service.settings import Settings
from service.tracing import RequestTraces, open_traces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from tests.service.http.conftest import Client, Start

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SEARCH = "/v1/collections/animals/search"


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    made = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(made))
    monkeypatch.setattr("service.app.open_traces", lambda _: provider)
    return made


@pytest.fixture
def traced(settings: Settings, started: Start, exporter: InMemorySpanExporter) -> Iterator[Client]:
    with started(settings) as client:
        assert client.post("/v1/collections", {"name": "animals"}).status_code == 201
        documents = [{"id": str(n), "text": f"animal number {n}"} for n in range(3)]
        client.post("/v1/collections/animals/documents", {"documents": documents})
        exporter.clear()
        yield client


def told(exporter: InMemorySpanExporter) -> tuple[ReadableSpan, dict[str, ReadableSpan]]:
    """The one request, and its stages by name."""
    spans = exporter.get_finished_spans()
    (request,) = [span for span in spans if span.kind is SpanKind.SERVER]
    assert {span.parent.span_id for span in spans if span is not request} <= {
        request.context.span_id
    }
    return request, {span.name: span for span in spans if span is not request}


def test_a_search_and_its_stages(traced: Client, exporter: InMemorySpanExporter):
    traced.post(SEARCH, {"query": "animal"}, headers={"x-request-id": "the-id"})
    request, stages = told(exporter)
    assert request.name == "POST /v1/collections/{collection}/search"
    assert dict(request.attributes) == {
        "http.request.method": "POST",
        "http.route": "/v1/collections/{collection}/search",
        "http.response.status_code": 200,
        "meari.request_id": "the-id",
        "meari.collection": "animals",
    }
    assert request.status.status_code is StatusCode.UNSET
    assert set(stages) == {"wait", "work", "encode", "analyse", "search", "fetch", "snippets"}
    for stage in stages.values():
        assert request.start_time <= stage.start_time <= stage.end_time <= request.end_time + 1000
    order = ("encode", "wait", "work", "analyse", "search", "fetch", "snippets")
    begins = [stages[name].start_time for name in order]
    assert begins == sorted(begins)
    assert stages["work"].end_time >= stages["snippets"].end_time


def test_a_write_and_its_stages(traced: Client, exporter: InMemorySpanExporter):
    documents = {"documents": [{"id": "new", "text": "one more"}]}
    traced.post("/v1/collections/animals/documents", documents)
    _, stages = told(exporter)
    assert set(stages) == {"wait", "work", "encode", "write"}
    gap = stages["write"].start_time - stages["encode"].end_time
    assert gap == pytest.approx(0, abs=50_000_000), "one begins where the other ends"


def test_the_callers_trace_goes_on_and_the_log_names_it(
    traced: Client, exporter: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
):
    seen = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(JsonLines().format(record))

    handler = Keep()
    logging.getLogger("service").addHandler(handler)
    try:
        with caplog.at_level(logging.INFO, "service"):
            traced.post(SEARCH, {"query": "a"}, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    finally:
        logging.getLogger("service").removeHandler(handler)
    request, stages = told(exporter)
    assert f"{request.context.trace_id:032x}" == TRACE
    assert f"{request.parent.span_id:016x}" == PARENT
    assert {span.context.trace_id for span in stages.values()} == {request.context.trace_id}
    assert f'"trace_id": "{TRACE}"' in seen[-1]


@pytest.mark.parametrize(
    "given", [f"00-{TRACE}-{PARENT}-00", "", "x" * 5000, f"00-{'0' * 32}-{PARENT}-01"]
)
def test_callers_that_are_not_sampled_or_not_sane(
    traced: Client, exporter: InMemorySpanExporter, given: str
):
    """A sane caller decides whether its trace is kept; any other has no say."""
    answer = traced.post(SEARCH, {"query": "a"}, headers={"traceparent": given})
    assert answer.status_code == 200
    spans = exporter.get_finished_spans()
    if given.endswith("-00"):
        assert spans == ()
    else:
        assert {f"{span.context.trace_id:032x}" for span in spans}.isdisjoint({TRACE, "0" * 32})
        assert {span.name for span in spans} >= {"encode", "search", "fetch"}


def test_refusals_and_failures(traced: Client, exporter: InMemorySpanExporter):
    traced.post(SEARCH, {"query": "a", "limit": 0})
    refused, _ = told(exporter)
    assert refused.attributes["error.type"] == "invalid_value"
    assert refused.attributes["http.response.status_code"] == 400
    assert refused.status.status_code is StatusCode.UNSET
    exporter.clear()

    def fail() -> None:
        raise ZeroDivisionError

    traced.app.add_api_route("/fails", fail)
    traced.get("/fails")
    failed, _ = told(exporter)
    assert failed.attributes["error.type"] == "internal_error"
    assert failed.status.status_code is StatusCode.ERROR


def test_nothing_of_what_is_asked_is_told(traced: Client, exporter: InMemorySpanExporter):
    headers = {"authorization": "Bearer s3cret", "x-api-key": "s3cret", "cookie": "s3cret"}
    traced.post(f"{SEARCH}?s3cret=s3cret", {"query": "s3cret"}, headers=headers)
    traced.get("/v1/collections/animals/documents/s3cret?key=s3cret")
    traced.get("/s3cret/s3cret")
    spans = exporter.get_finished_spans()
    assert len(spans) > 4
    assert "s3cret" not in "".join(span.to_json() for span in spans)


def test_what_watches_is_not_traced(traced: Client, exporter: InMemorySpanExporter):
    for path in ("/livez", "/readyz", "/health", "/metrics"):
        assert traced.get(path).status_code == 200
    assert exporter.get_finished_spans() == ()


def test_what_is_not_sampled_costs_no_stages(monkeypatch: pytest.MonkeyPatch):
    seen = []

    async def app(*_: object) -> None:
        from indexing.stages import STAGE_WATCH

        seen.append(STAGE_WATCH.get())

    traces = RequestTraces(app, TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False))
    scope = {"type": "http", "path": "/v1/collections", "headers": []}
    asyncio.run(traces(scope, None, None))
    assert seen == [None]


def test_off_unless_a_collector_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", raising=False)
    assert open_traces(Settings()) is None
    assert Settings(traces="http://a:4318/").trace_endpoint == "http://a:4318/v1/traces"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://b:4318")
    assert Settings().trace_endpoint == "http://b:4318/v1/traces"
    assert Settings(traces="off").trace_endpoint is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c/traces")
    assert Settings().trace_endpoint == "http://c/traces"
    assert Settings(traces="http://a:4318").trace_endpoint == "http://a:4318/v1/traces"


def test_nothing_is_loaded_where_it_is_off():
    program = (
        "import sys; from service.app import create_app; from service.settings import Settings;"
        "app = create_app(Settings(data='/nonexistent', traces='off'));"
        "print('opentelemetry.sdk' in sys.modules, type(app.front).__name__)"
    )
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["False", "RequestLog"]


def test_a_collector_is_sent_them(settings: Settings, started: Start):
    """Over HTTP, as OTLP has it; the last ones when the service stops."""
    received: queue.Queue[bytes] = queue.Queue()

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = zlib.decompress(body, 31)
            received.put(body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector:
        serving = threading.Thread(target=collector.serve_forever)
        serving.start()
        address = f"http://127.0.0.1:{collector.server_port}"
        with started(settings.model_copy(update={"traces": address})) as client:
            client.post("/v1/similarity", {"source": "one", "texts": ["two"]})
        told = ExportTraceServiceRequest.FromString(received.get(timeout=30))
        collector.shutdown()
        serving.join()
    (resource,) = told.resource_spans
    named = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert named["service.name"] == "meari"
    assert {span.name for scope in resource.scope_spans for span in scope.spans} >= {
        "POST /v1/similarity",
        "encode",
    }


def test_a_collector_that_is_not_there_keeps_nobody_waiting(settings: Settings, started: Start):
    chosen = settings.model_copy(update={"traces": "http://127.0.0.1:9"})
    with started(chosen) as client:
        answer = client.post("/v1/similarity", {"source": "one", "texts": ["two"]})
        assert answer.status_code == 200
