"""The application as a client sees it: started, without a port."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from service.app import create_app
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from anyio.from_thread import BlockingPortal
    from fastapi import FastAPI

ENCODER = "hash:64"


class Client:
    """Requests to an application that runs in a thread of its own."""

    def __init__(self, app: FastAPI, portal: BlockingPortal) -> None:
        self.app = app
        self._portal = portal
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost"
        )

    def request(self, method: str, path: str, **given: object) -> httpx.Response:
        async def send() -> httpx.Response:
            return await self._http.request(method, path, **given)

        return self._portal.call(send)

    def call(self, function: Callable[[], Awaitable[object]]) -> object:
        """What an asynchronous function gives in the application's own loop."""
        return self._portal.call(function)

    def get(self, path: str, **given: object) -> httpx.Response:
        return self.request("GET", path, **given)

    def post(self, path: str, json: object = None, **given: object) -> httpx.Response:
        return self.request("POST", path, json=json, **given)

    def delete(self, path: str) -> httpx.Response:
        return self.request("DELETE", path)

    def send_raw(self, method: str, path: str, body: bytes = b"") -> httpx.Response:
        """A JSON request whose path comes through as it stands; httpx would resolve its dots."""
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "headers": [(b"content-type", b"application/json")],
            "query_string": b"",
        }
        sent = []

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        self.call(lambda: self.app(scope, receive, send))
        content = b"".join(message.get("body", b"") for message in sent)
        return httpx.Response(sent[0]["status"], headers=sent[0]["headers"], content=content)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + 30
        while self.get("/readyz").status_code != 200:
            if time.monotonic() > deadline:
                pytest.fail(f"not ready: {self.get('/health').text}")
            time.sleep(0.01)


@contextmanager
def starting(settings: Settings) -> Iterator[Client]:
    """The application between its start and its end; perhaps not ready yet."""
    app = create_app(settings)
    lifespan = app.router.lifespan_context(app)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(lifespan):
        client = Client(app, portal)
        yield client
        portal.call(client._http.aclose)


@contextmanager
def started(settings: Settings) -> Iterator[Client]:
    """The application, ready."""
    with starting(settings) as client:
        client.wait_until_ready()
        yield client


Start: TypeAlias = "Callable[[Settings], AbstractContextManager[Client]]"


@pytest.fixture(name="started")
def started_fixture() -> Start:
    return started


@pytest.fixture(name="starting")
def starting_fixture() -> Start:
    return starting


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", encoder=ENCODER, job_niceness=0)


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with started(settings) as client:
        yield client


ANIMALS = [
    {"id": "cat", "text": "a cat sleeps on the sofa", "metadata": {"lang": "en", "legs": 4}},
    {"id": "dog", "text": "a dog barks in the yard", "metadata": {"lang": "en", "legs": 4}},
    {"id": "bird", "text": "a bird sings in the tree", "metadata": {"lang": "en", "legs": 2}},
    {"id": "고양이", "text": "고양이가 소파에서 잔다", "metadata": {"lang": "ko", "legs": 4}},
]


@pytest.fixture
def animals(client: Client) -> Client:
    """The client, with the collection `animals` of four documents."""
    return fill(client)


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """As `animals`, shared by the tests of a module: for those that change nothing."""
    with started(Settings(data=tmp_path_factory.mktemp("data"), encoder=ENCODER)) as client:
        yield fill(client)


def fill(client: Client) -> Client:
    assert client.post("/v1/collections", {"name": "animals"}).status_code == 201
    answer = client.post("/v1/collections/animals/documents", {"documents": ANIMALS})
    assert answer.status_code == 200, answer.text
    return client
