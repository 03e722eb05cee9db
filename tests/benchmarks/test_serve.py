"""The serving benchmark: its clients against a server that counts, and its sums by hand."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.serve import _medians, _page
from benchmarks.serving import clients
from benchmarks.serving.servers import Running, Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXTS = ['배송 "조회"는\\?', "when will it arrive?"]


class Counting(ThreadingHTTPServer):
    """Keeps the bodies that came."""

    daemon_threads = True
    asked: list[tuple[str, Any]]

    def handle_error(self, *_: object) -> None:
        """A client that ends in the middle of an answer is no news."""


@pytest.fixture
def server() -> Iterator[Counting]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            counting.asked.append((self.path, body))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None: ...

    counting = Counting(("127.0.0.1", 0), Handler)
    counting.asked = []
    thread = threading.Thread(target=counting.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield counting
    counting.shutdown()
    counting.server_close()
    thread.join()


@pytest.mark.parametrize("client", ["wrk", "generator"])
@pytest.mark.parametrize("collection", [None, "faq"])
def test_each_client_sends_the_texts_in_turn(
    server: Counting,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    client: str,
    collection: str | None,
) -> None:
    if client == "wrk" and clients.find_wrk() is None:
        pytest.skip("wrk is not installed (apt-get install wrk)")
    if client == "generator":
        monkeypatch.setattr(clients, "find_wrk", lambda: None)
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    url = f"http://127.0.0.1:{server.server_port}"
    asked = Server("s", (), "/health", "/embeddings", "m")
    found = clients.load(
        Running(asked, url, 0.0, 0), texts, concurrency=1, seconds=1, collection=collection
    )
    assert found["errors"] == {}
    assert found["requests"] > 0
    assert found["milliseconds"]["p50"] <= found["milliseconds"]["p99"]
    paths, bodies = zip(*server.asked, strict=True)
    if collection is None:
        assert set(paths) == {"/embeddings"}
        assert sorted(body["input"] for body in bodies[:2]) == sorted([each] for each in TEXTS)
        assert bodies[0]["model"] == "m"
    else:
        assert set(paths) == {"/v1/collections/faq/search"}
        assert sorted(body["query"] for body in bodies[:2]) == sorted(TEXTS)


def test_medians_are_over_rounds_and_shares_of_the_encoder_alone() -> None:
    def step(at_once: int, rate: float, p50: float) -> dict[str, Any]:
        times = {"p50": p50, "p95": 2 * p50, "p99": 3 * p50}
        return {
            "concurrency": at_once,
            "requests_per_second": rate,
            "milliseconds": times,
            "errors": {},
        }

    runs = [[step(1, rate, 5.0 + rate / 100), step(8, 4 * rate, 9.0)] for rate in (100, 300, 200)]
    one, eight = _medians(runs, {"1": 250.0, "8": 1000.0, "32": 1600.0}, 4.0)
    assert (one["requests_per_second"], one["p50"], one["overhead_ms"]) == (200, 7.0, 3.0)
    assert (eight["requests_per_second"], eight["p95"]) == (800, 18.0)
    assert eight["share_of_best_in_process"] == 0.5
    assert eight["share_of_in_process_at_this_batch"] == 0.8
    assert "overhead_ms" not in eight
    found = {"in_process": {"texts_per_second": {"1": 250.0}, "p50": 4.0}, "meari": [one, eight]}
    runs_told = [{"ready_seconds": 2.0, "memory_bytes_ready": 4e8, "memory_bytes_loaded": 5e8}]
    page = _page({"summary": {"encode": found}, "servers": {"meari": runs_told}})
    assert "| in process, encode |       1 |   250 |   4.00 |" in page
    assert "- meari: ready after 2.0 s, 400 MB then, 500 MB after it" in page
