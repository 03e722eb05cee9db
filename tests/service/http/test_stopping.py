"""A server that is stopped under load: whoever asked gets an answer."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING

from tests.service.http.process import running

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

CONNECTIONS = 60


class Asking(threading.Thread):
    """Asks over one connection, again and again, until the server ends it."""

    def __init__(self, client: httpx.Client, kind: int) -> None:
        super().__init__(daemon=True)
        self._address = (client.base_url.host, client.base_url.port)
        self._kind = kind
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.cut: str = ""

    def run(self) -> None:
        with socket.create_connection(self._address, timeout=60) as connection:
            number = 0
            while not self.cut:
                number += 1
                connection.sendall(self._request(number))
                if not (answer := self._read(connection)):
                    return
                self.answers.append(answer)
                if answer[1].get("connection") == "close":
                    return

    def _request(self, number: int) -> bytes:
        if self._kind % 3:
            path, body = "/v1/collections/a/search", {"query": f"word{number} here", "limit": 5}
        else:
            texts = [{"id": f"{self._kind}-{n}", "text": f"word{n} {number}"} for n in range(20)]
            path, body = "/v1/collections/a/documents", {"documents": texts}
        content = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        return f"{head}content-length: {len(content)}\r\n\r\n".encode() + content

    def _read(self, connection: socket.socket) -> tuple[int, dict[str, str], bytes] | None:
        received = b""
        try:
            while b"\r\n\r\n" not in received:
                part = connection.recv(65_536)
                if not part:
                    self.cut = f"closed after {received!r}"
                    return None
                received += part
            head, _, body = received.partition(b"\r\n\r\n")
            line, *rest = head.decode().split("\r\n")
            headers = dict(each.lower().split(": ", 1) for each in rest)
            while len(body) < int(headers["content-length"]):
                part = connection.recv(65_536)
                if not part:
                    self.cut = f"closed within {line}"
                    return None
                body += part
        except OSError as error:
            self.cut = repr(error)
            return None
        return int(line.split()[1]), headers, body


def fill(client: httpx.Client) -> None:
    client.post("/v1/collections", json={"name": "a"})
    documents = [{"id": f"d{n}", "text": f"word{n} here"} for n in range(200)]
    assert client.post("/v1/collections/a/documents", json={"documents": documents}).is_success


def test_every_request_is_answered(tmp_path: Path):
    with running(tmp_path) as (process, client):
        fill(client)
        asking = [Asking(client, kind) for kind in range(CONNECTIONS)]
        for each in asking:
            each.start()
        deadline = time.monotonic() + 60
        while min(len(each.answers) for each in asking) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.popen.send_signal(signal.SIGTERM)
        for each in asking:
            each.join(60)
        assert process.wait() == 0
        assert [each.cut for each in asking if each.cut] == []
        for each in asking:
            statuses = [status for status, _, _ in each.answers]
            assert set(statuses[:-1]) <= {200, 503}
            status, headers, body = each.answers[-1]
            assert headers["connection"] == "close"
            if status == 503:
                assert headers["retry-after"] == "2"
                assert json.loads(body)["error"]["code"] == "not_ready"
            else:
                assert status == 200
                assert json.loads(body)
        assert not [line for line in process.log if "Traceback" in line]
    kept = {}
    for each in asking:
        for status, _, body in each.answers:
            if "added" in (answer := json.loads(body)) and status == 200:
                kept.setdefault(each._kind, []).append(answer)
    with running(tmp_path) as (_, client):
        count = client.post("/v1/collections/a/documents/count", json={}).json()["count"]
        assert count == 200 + 20 * len(kept), "what was acknowledged is there"


def test_connections_that_nobody_had_taken_in_are_answered(tmp_path: Path):
    """Made while the process was held up, with a request on each, and the signal behind them."""
    with running(tmp_path) as (process, client):
        fill(client)
        os.kill(process.popen.pid, signal.SIGSTOP)
        address = (client.base_url.host, client.base_url.port)
        waiting = [socket.create_connection(address, timeout=60) for _ in range(CONNECTIONS)]
        for connection in waiting:
            connection.sendall(b"GET /v1/collections HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        process.popen.send_signal(signal.SIGTERM)
        os.kill(process.popen.pid, signal.SIGCONT)
        for connection in waiting:
            answer = connection.recv(65_536)
            assert answer.split()[1] in {b"200", b"503"}, answer
            connection.close()
        assert process.wait() == 0


def test_what_cannot_be_finished_in_time_is_handed_back(tmp_path: Path):
    """A body that does not come, and a service that waits for it no longer."""
    with running(tmp_path, MEARI_GRACE_SECONDS="1") as (process, client):
        fill(client)
        address = (client.base_url.host, client.base_url.port)
        with socket.create_connection(address, timeout=60) as connection:
            head = "POST /v1/collections/a/search HTTP/1.1\r\nhost: 127.0.0.1\r\n"
            head += "content-type: application/json\r\ncontent-length: 100\r\n\r\n{"
            connection.sendall(head.encode())
            time.sleep(0.2)
            process.popen.send_signal(signal.SIGTERM)
            answer = b""
            while part := connection.recv(65_536):
                answer += part
        assert process.wait() == 0
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable")
    assert b"\r\nretry-after: 2" in head.lower()
    assert b"\r\nconnection: close" in head.lower()
    assert "could not finish this" in json.loads(body)["error"]["message"]
