"""Clients that are slow, spoken to over sockets: they hold no worker and no place for long."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import uvicorn
from uvicorn.server import ServerState

from service.http_protocol import Bounds, bounded
from service.resources import private_memory
from tests.service.http.process import Process, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    from starlette.types import Receive, Scope, Send

LIMITS = {
    "MEARI_MAX_HEAD_SECONDS": "1",
    "MEARI_MAX_WRITE_SECONDS": "1",
    "MEARI_MAX_BODY_SECONDS": "1",
    "MEARI_MAX_CONNECTIONS": "40",
    "MEARI_SEARCH_THREADS": "1",
    "MEARI_READ_THREADS": "1",
    "MEARI_WRITE_THREADS": "1",
    "MEARI_ENCODER": "hash:512",
}
TEXTS = 2048
SLOW = 12


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, httpx.Client]]:
    with running(tmp_path_factory.mktemp("data"), **LIMITS) as both:
        yield both


def connect(client: httpx.Client) -> socket.socket:
    return socket.create_connection((client.base_url.host, client.base_url.port), timeout=20)


def read_all(connection: socket.socket) -> bytes:
    received = b""
    while True:
        try:
            part = connection.recv(65_536)
        except ConnectionResetError:
            part = b""
        if not part:
            return received
        received += part


def post(path: str, body: bytes, *, length: int | None = None) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {length or len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize("begun", [b"", b"GET /livez?", b"GET /livez HTTP/1.1\r\nhost: a\r\nx-"])
def test_heads_that_do_not_come(server: tuple[Process, httpx.Client], begun: bytes):
    """Slowloris: byte by byte, on a fresh connection and on one that was used."""
    _, client = server
    for used in (False, True):
        with connect(client) as connection:
            if used:
                connection.sendall(b"GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
                while not connection.recv(65_536).endswith(b'{"status":"ok"}'):
                    pass
                if not begun:
                    continue  # idle connections may be kept
            connection.sendall(begun)
            started = time.monotonic()
            ended = threading.Event()

            def drip(connection: socket.socket = connection, ended: threading.Event = ended):
                while begun and not ended.wait(0.2):
                    try:
                        connection.sendall(b"a")
                    except OSError:
                        return

            dripping = threading.Thread(target=drip)
            dripping.start()
            answer = read_all(connection)
            ended.set()
            dripping.join()
            assert 0.5 < time.monotonic() - started < 15
            if begun:
                assert answer.startswith(b"HTTP/1.1 408 Request Timeout"), answer
                assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == (
                    "head_too_slow"
                )
            else:
                assert answer == b""


def test_bodies_that_do_not_come_hold_no_worker(server: tuple[Process, httpx.Client]):
    _, client = server
    client.post("/v1/collections", json={"name": "slow"})
    slow = [connect(client) for _ in range(12)]
    for connection in slow:
        connection.sendall(post("/v1/collections/slow/documents", b'{"documents":[', length=5000))
    documents = {"documents": [{"id": "1", "text": "one"}]}
    assert client.post("/v1/collections/slow/documents", json=documents).json()["added"] == 1
    assert client.post("/v1/collections/slow/search", json={"query": "one"}).status_code == 200
    for connection in slow:
        connection.settimeout(20)
        answer = b""
        while b"body_too_slow" not in answer:
            part = connection.recv(65_536)
            assert part, answer
            answer += part
        assert answer.startswith(b"HTTP/1.1 408")
        connection.close()


def test_a_body_that_nobody_waits_for_holds_no_connection(server: tuple[Process, httpx.Client]):
    """The answer came before the body's end, which then has as long as a head."""
    _, client = server
    with connect(client) as connection:
        connection.sendall(post("/nothing", b"x", length=60_000))
        assert b"404 Not Found" in connection.recv(65_536)
        started = time.monotonic()
        while time.monotonic() - started < 15:
            time.sleep(0.2)
            try:
                connection.sendall(b"x")
            except OSError:
                break
        assert time.monotonic() - started < 15


def test_half_a_head_behind_a_request_waits_for_its_answer():
    """Told in the midst of the answer, that it is late would be read as part of it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await asyncio.sleep(0.5)
        await send({"type": "http.response.body", "body": b"two"})

    async def talk() -> bytes:
        config = uvicorn.Config(app, lifespan="off", log_config=None)
        config.load()
        http = bounded(Bounds(head_seconds=0.1))
        server = await asyncio.get_running_loop().create_server(
            lambda: http(config, ServerState(), {}), "127.0.0.1", 0
        )
        async with server, asyncio.timeout(20):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nho")
            received = await reader.read()
            writer.close()
            await writer.wait_closed()
        return received

    first, _, behind = asyncio.run(talk()).partition(b"0\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 200 OK")
    assert first.endswith(b"3\r\none\r\n3\r\ntwo\r\n")
    assert behind.startswith(b"HTTP/1.1 408 Request Timeout")


def large_answer() -> bytes:
    body = {"model": "hash:512", "input": [f"text {number}" for number in range(TEXTS)]}
    return post("/v1/embeddings", json.dumps(body).encode())


def test_who_does_not_read_is_cut_off_and_holds_no_memory(server: tuple[Process, httpx.Client]):
    """What the first lot leaves is what the allocator keeps: those behind it add nothing."""
    process, client = server
    asked = large_answer()
    whole = client.post(
        "/v1/embeddings",
        content=asked.partition(b"\r\n\r\n")[2],
        headers={"content-type": "application/json"},
    )
    ask_and_read_nothing(process, client, asked, len(whole.content))
    before = private_memory(process.popen.pid)
    ask_and_read_nothing(process, client, asked, len(whole.content))
    if before:
        answers = SLOW * len(whole.content)
        assert private_memory(process.popen.pid) - before < answers / 2


def ask_and_read_nothing(process: Process, client: httpx.Client, asked: bytes, size: int) -> None:
    told = count_cut_off(process)
    slow = [connect(client) for _ in range(SLOW)]
    for connection in slow:
        connection.sendall(asked)
    deadline = time.monotonic() + 60
    while count_cut_off(process) == told:
        assert client.get("/livez").status_code == 200
        assert time.monotonic() < deadline
        time.sleep(0.05)
    found = client.post("/v1/similarity", json={"source": "one", "texts": ["one"]})
    assert found.status_code == 200, "the only thread for reads is free"
    while count_cut_off(process) < told + SLOW:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for connection in slow:
        assert len(read_all(connection)) < size, "the rest was never sent"
        connection.close()


def count_cut_off(process: Process) -> int:
    return sum("a client read too little" in line for line in process.log)


def test_who_reads_slowly_but_steadily_gets_everything(server: tuple[Process, httpx.Client]):
    _, client = server
    with connect(client) as connection:
        connection.sendall(large_answer())
        received, started = b"", time.monotonic()
        while True:
            part = connection.recv(65_536)
            received += part
            if received.endswith((b"}}", b"]}")) and b"total_tokens" in received[-200:]:
                break
            assert part
            if time.monotonic() - started < 2.5:
                time.sleep(0.05)
        assert time.monotonic() - started > 2, "longer than anyone may read nothing"
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert len(json.loads(body)["data"]) == TEXTS


def test_requests_ahead_of_their_answers_are_few(server: tuple[Process, httpx.Client]):
    process, client = server
    request = b"GET /v1/collections HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    with connect(client) as connection:
        connection.sendall(request * 50)
        received = b""
        while received.count(b"HTTP/1.1 200 OK") < 50:
            part = connection.recv(65_536)
            assert part
            received += part
    before = private_memory(process.popen.pid)
    for _ in range(10):
        with connect(client) as connection:
            with suppress(OSError):
                connection.sendall(request * 4000)
            assert read_all(connection).count(b"HTTP/1.1 200 OK") < 4000
    assert client.get("/livez").status_code == 200
    assert private_memory(process.popen.pid) - before < 50e6


def test_who_leaves_is_answered_no_more(server: tuple[Process, httpx.Client]):
    process, client = server
    request = post("/v1/embeddings", b'{"model": "hash:512", "input": "a cat"}')
    told = len(process.log)
    for _ in range(20):
        with connect(client) as connection:
            connection.sendall(request * 3)
            connection.shutdown(socket.SHUT_WR)
            read_all(connection)
    client.get("/v1/models")
    deadline = time.monotonic() + 20
    while not any("route=/v1/models" in line for line in process.log[told:]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not [line for line in process.log[told:] if "Traceback" in line]


def test_idle_connections_give_their_place_up(server: tuple[Process, httpx.Client]):
    _, client = server
    idle = [connect(client) for _ in range(60)]
    assert client.get("/livez").status_code == 200
    with connect(client) as last:
        last.sendall(b"GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
        assert read_all(last).startswith(b"HTTP/1.1 200 OK")
    for connection in idle:
        connection.close()


def test_where_none_is_idle_the_newcomer_is_refused(server: tuple[Process, httpx.Client]):
    process, client = server
    client.post("/v1/collections", json={"name": "full"})
    busy = [connect(client) for _ in range(60)]
    for connection in busy:
        connection.sendall(post("/v1/collections/full/documents", b"{", length=50))
    answers = [read_all(connection) for connection in busy[-10:]]
    refused = [answer for answer in answers if b'"code": "busy"' in answer]
    assert refused
    assert all(answer.startswith(b"HTTP/1.1 503 Service Unavailable") for answer in refused)
    assert all(b"\r\nretry-after: 2\r\n" in answer for answer in refused)
    for connection in busy:
        connection.close()
    deadline = time.monotonic() + 20
    while True:
        try:
            assert client.get("/livez").status_code == 200
            break
        except Exception:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert not [line for line in process.log if "Traceback" in line]
