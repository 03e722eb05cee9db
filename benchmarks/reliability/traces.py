"""What telling of a request costs: traces off and on, and what FastAPI's own telemetry costs.

python -m benchmarks.reliability traces
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import service.app
from benchmarks.record import save
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import FastAPI
    from opentelemetry.sdk.trace import TracerProvider

BODY = {
    "embed": ("/v1/embeddings", {"model": "hash:64", "input": "one"}),
    "search": ("/v1/collections/a/search", {"query": "one two", "limit": 5}),
}


def provider(share: float) -> TracerProvider:
    """Makes spans of so many of the requests and hands them to nobody, in batches."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
    from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

    class Nobody(SpanExporter):
        def export(self, spans: Sequence[object]) -> SpanExportResult:
            del spans
            return SpanExportResult.SUCCESS

    made = TracerProvider(sampler=TraceIdRatioBased(share), shutdown_on_exit=False)
    made.add_span_processor(BatchSpanProcessor(Nobody()))
    return made


def app(kind: str, folder: Path) -> FastAPI:
    """The service, telling as that kind does."""
    ours = service.app._TELEMETRY, service.app.open_traces
    try:
        if kind == "fastapi's own, nothing configured":
            service.app._TELEMETRY = {}
        if kind.startswith("traces"):
            share = 0.01 if "100" in kind else 1.0
            service.app.open_traces = lambda _: provider(share)
        return service.app.create_app(Settings(data=folder, encoder="hash:64", query_cache=8))
    finally:
        service.app._TELEMETRY, service.app.open_traces = ours


KINDS = ("off", "fastapi's own, nothing configured", "traces of all", "traces of 1 in 100")


async def ask(asked: FastAPI, path: str, body: object) -> int:
    """One request; its status."""
    content = json.dumps(body).encode()
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
    }
    statuses = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if "status" in message:
            statuses.append(message["status"])

    await asked(scope, receive, send)
    return int(statuses[0])


async def compare(rounds: int, requests: int) -> dict[str, dict[str, float]]:
    """Medians of microseconds a request, by what is asked and who tells; kinds take turns."""
    found: dict[str, dict[str, list[float]]] = {what: {} for what in BODY}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        apps = {kind: app(kind, folder / str(number)) for number, kind in enumerate(KINDS)}
        for each in apps.values():
            await stack.enter_async_context(each.router.lifespan_context(each))
            while each.state.engine.readiness.phase != "ready":  # noqa: ASYNC110 - only looked at
                await asyncio.sleep(0.01)
            await ask(each, "/v1/collections", {"name": "a"})
            documents = [{"id": str(n), "text": f"one two {n}"} for n in range(100)]
            await ask(each, "/v1/collections/a/documents", {"documents": documents})
        for turn in range(rounds):
            for what, (path, body) in BODY.items():
                for kind in KINDS if turn % 2 else reversed(KINDS):
                    began = time.perf_counter()
                    for _ in range(requests):
                        if await ask(apps[kind], path, body) != 200:
                            message = f"{what} was refused"
                            raise RuntimeError(message)
                    took = 1e6 * (time.perf_counter() - began) / requests
                    found[what].setdefault(kind, []).append(took)
    return {
        what: {kind: round(statistics.median(found[what][kind]), 1) for kind in KINDS}
        for what in BODY
    }


def main(arguments: Sequence[str]) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=14)
    parser.add_argument("--requests", type=int, default=300)
    given = parser.parse_args(arguments)
    result = asyncio.run(compare(given.rounds, given.requests))
    settings = {"rounds": given.rounds, "requests": given.requests}
    print("kept", save("reliability_traces", {"settings": settings, "microseconds": result}))
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
