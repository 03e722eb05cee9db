"""`meari eval load` against a server: what it says, writes and refuses."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from service.cli.errors import FAILED, MISUSE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.service.cli.conftest import Meari


@pytest.fixture
def url() -> Iterator[str]:
    """A server that is well and takes whatever it is asked."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            body = json.dumps({"status": "ok", "version": "1", "encoder": "hash:64"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer  # noqa: N815 - the names http.server calls

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_run_is_told_as_a_page_and_written(meari: Meari, url: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    steps = ("--concurrency", "1", "--concurrency", "3", "--requests", "30", "--seconds", "60")
    ran = meari.done("eval", "load", url, "--collection", "faq", *steps, "--out", out, "--plot")
    assert f"# Load: {url}" in ran.out
    assert "search 50 %, embed 50 %" in ran.out
    assert ran.err.endswith(f"written to {out}\n")
    assert sorted(path.name for path in out.iterdir()) == ["load.json", "load.md", "load.png"]


def test_a_run_is_told_as_json(meari: Meari, url: str) -> None:
    given = ("--concurrency", "2", "--requests", "10", "--seconds", "60", "--batch", "3")
    told = meari.done("eval", "load", url, *given, "--json").json
    (step,) = told["steps"]
    assert (step["concurrency"], step["requests"], step["errors"]) == (2, 10, {})
    assert (told["plan"]["mix"], told["plan"]["batch"]) == ({"embed": 1.0}, 3)


@pytest.mark.parametrize(
    ("given", "status", "told"),
    [
        (["http://example.com"], MISUSE, "example.com is another machine"),
        (["http://127.0.0.1:1"], FAILED, "start a server with `meari serve`"),
        (["http://127.0.0.1:1", "--concurrency", "0"], MISUSE, "concurrency is 0; 1 to 1024"),
        (["http://127.0.0.1:1", "--mix", "find"], MISUSE, "mix 'find' is not of the form"),
        (["http://127.0.0.1:1", "--texts", "none.txt"], FAILED, "none.txt: there is no such file"),
    ],
)
def test_what_cannot_be_is_refused(meari: Meari, given: list[str], status: int, told: str) -> None:
    ran = meari("eval", "load", *given)
    assert ran.status == status
    assert told in ran.err
