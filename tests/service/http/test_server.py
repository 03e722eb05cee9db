"""The service as a process of its own, spoken to over a socket."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.load import load_encoder
from service.http_protocol import MAX_HEAD_BYTES
from service.server import listening
from service.settings import Settings
from tests.service.http.process import Process, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, httpx.Client]]:
    with running(tmp_path_factory.mktemp("data"), MEARI_MAX_REQUEST_BYTES="100000") as both:
        yield both


def test_a_life_from_start_to_stop(tmp_path: Path):
    with running(tmp_path) as (process, client):
        assert client.post("/v1/collections", json={"name": "a"}).status_code == 201
        documents = {"documents": [{"id": "1", "text": "first words"}]}
        assert client.post("/v1/collections/a/documents", json=documents).json()["added"] == 1
        assert process.stop() == 0
        assert any("route=/v1/collections/{collection}/documents" in line for line in process.log)
        assert not any("Traceback" in line for line in process.log)
    with running(tmp_path) as (_, client):
        found = client.post("/v1/collections/a/search", json={"query": "first words"}).json()
        assert [match["id"] for match in found["matches"]] == ["1"]
        assert found["matches"][0]["score"] == pytest.approx(1.0, abs=1e-6)


def test_the_first_search_finds_its_library_loaded(tmp_path: Path):
    """In a process of its own; in this one other tests have loaded it."""
    program = f"""
import asyncio, sys
from service.app import create_app
from service.settings import Settings

async def run():
    app = create_app(Settings(data={str(tmp_path)!r}, encoder="hash:64"))
    before = "faiss" in sys.modules
    async with app.router.lifespan_context(app):
        while app.state.engine.readiness.phase == "starting":
            await asyncio.sleep(0.01)
        print(before, app.state.engine.readiness.phase, "faiss" in sys.modules)

asyncio.run(run())
"""
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["False", "ready", "True"]
    assert list(tmp_path.glob("*/card.json")) == [], "nothing is left of it"


def test_a_second_server_is_told_where_the_first_is(tmp_path: Path):
    with running(tmp_path) as (_, client):
        second = Process(tmp_path)
        assert second.wait() == 1
        last = second.log[-1]
        assert last.startswith("indexing.errors.FolderLockedError")
        assert f"meari serve at {str(client.base_url).rstrip('/')}" in last


def test_a_taken_port_is_told(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = Process(tmp_path / "data", MEARI_PORT=str(port))
        assert process.wait() == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in process.log[-1]
    assert not (tmp_path / "data").exists()


def test_answers_are_not_held_back(tmp_path: Path):
    """asyncio sets TCP_NODELAY on connections of a listener that names TCP, and on no others."""
    with listening(Settings(data=tmp_path, port=0)) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_headers_without_end_are_refused(server: tuple[Process, httpx.Client]):
    _, client = server
    address = (client.base_url.host, client.base_url.port)
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        answer = b""
        while not answer.endswith(b'{"status":"ok"}'):
            answer += connection.recv(65_536)
        connection.sendall(b"GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\n")
        line = b"x-long: " + b"x" * 990 + b"\r\n"
        connection.sendall(line * (MAX_HEAD_BYTES // len(line) + 1))
        answer = connection.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 400 Bad Request")
        assert answer.endswith(b"headers exceed 65,536 bytes; send shorter ones")
    headers = {"x-long": "x" * 50_000}
    assert client.get("/livez", headers=headers).status_code == 200


def test_a_large_body_is_refused_over_the_wire(server: tuple[Process, httpx.Client]):
    _, client = server
    client.post("/v1/collections", json={"name": "large"})
    headers = {"content-type": "application/json"}

    def pieces() -> Iterator[bytes]:
        for _ in range(2000):
            yield b" " * 1000

    for content in (b" " * 2_000_000, pieces()):
        answer = client.post("/v1/collections/large/recommend", content=content, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")
    assert client.get("/livez").status_code == 200


def test_searches_are_right_while_others_write(server: tuple[Process, httpx.Client]):
    """Words of one kind stand from the start; writers add, change and delete others."""
    _, client = server
    client.post("/v1/collections", json={"name": "busy"})
    path = "/v1/collections/busy"
    steady = {f"steady{n}": f"steady word{n} of number {n}" for n in range(50)}
    send(client, path, steady)
    encoder = load_encoder("hash:64")
    vectors = encoder.encode(list(steady.values()), role="document").vectors
    only_steady = {"must": [{"key": "kind", "match": {"value": "steady"}}]}
    done = threading.Event()

    def write(writer: int) -> int:
        written = 0
        for turn in range(12):
            batch = {f"w{writer}-{n}": f"other {writer} {turn} {n}" for n in range(20)}
            receipt = send(client, path, batch, kind="other")
            written += receipt["added"] + receipt["changed"]
            removed = client.post(
                f"{path}/documents/delete", json={"ids": [f"w{writer}-{n}" for n in range(5)]}
            )
            assert removed.json() == {"deleted": 5}
        return written

    def search(searcher: int) -> int:
        generator = np.random.default_rng(searcher)
        asked = 0
        while not done.is_set() or asked < 10:
            number = int(generator.integers(50))
            query = steady[f"steady{number}"]
            body = {"query": query, "mode": "dense", "limit": 3, "filter": only_steady}
            body["exact"] = bool(asked % 2)
            answer = client.post(f"{path}/search", json=body)
            assert answer.status_code == 200, answer.text
            truth = np.sort(vectors @ encoder.encode([query], role="query").vectors[0])[::-1]
            scores = [match["score"] for match in answer.json()["matches"]]
            assert scores == pytest.approx(truth[:3].tolist(), abs=1e-5)
            assert answer.json()["matches"][0]["id"] == f"steady{number}"
            assert answer.json()["receipt"]["matched_by_filter"] == 50
            asked += 1
        return asked

    with ThreadPoolExecutor(8) as pool:
        searchers = [pool.submit(search, number) for number in range(5)]
        writers = [pool.submit(write, number) for number in range(3)]
        written = [writer.result() for writer in writers]
        done.set()
        asked = [searcher.result() for searcher in searchers]

    # 20 new, then in each later turn 15 changed and 5 that had been deleted
    assert written == [12 * 20] * 3
    assert min(asked) >= 10
    status = client.get(path).json()
    assert status["documents"] == 50 + 3 * 15
    assert status["rows"] - status["tombstones"] == status["documents"]
    assert client.post(f"{path}/verify").json()["problems"] == []
    last = client.post(f"{path}/search", json={"query": "other 1 11 19", "limit": 1}).json()
    assert last["matches"][0]["id"] == "w1-19"


def test_dropping_waits_for_those_that_search(server: tuple[Process, httpx.Client]):
    """Whoever asks gets matches or a 404, and nothing in between."""
    _, client = server
    path = "/v1/collections/brief"

    def ask() -> set[int]:
        statuses = set()
        for _ in range(40):
            answer = client.post(f"{path}/search", json={"query": "word1 here"})
            statuses.add(answer.status_code)
            if answer.status_code == 200 and answer.json()["matches"]:
                assert answer.json()["matches"][0]["id"] == "d1"
        return statuses

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask) for _ in range(4)]
        for _ in range(10):
            assert client.post("/v1/collections", json={"name": "brief"}).status_code == 201
            send(client, path, {f"d{n}": f"word{n} here" for n in range(3)})
            assert client.delete(path).json() == {"name": "brief", "documents": 3}
        statuses = set().union(*(each.result() for each in asking))
    assert statuses <= {200, 404}


def send(
    client: httpx.Client, path: str, texts: dict[str, str], kind: str = "steady"
) -> dict[str, int]:
    documents = [
        {"id": id_, "text": text, "metadata": {"kind": kind}} for id_, text in texts.items()
    ]
    answer = client.post(f"{path}/documents", json={"documents": documents})
    assert answer.status_code == 200, answer.text
    return answer.json()
