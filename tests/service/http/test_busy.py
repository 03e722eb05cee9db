"""What waits for a thread, and what does not."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

import service.body
from embeddings.hashing import HashEncoder
from embeddings.load import BUILT_IN
from indexing.answer import answer_each
from service.errors import BusyError
from service.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextvars import Context

    from embeddings.types import Encoding, Role
    from indexing.local import LocalCollection
    from indexing.types import EncodedQuery, SearchRequest, SearchResult
    from service.settings import Settings
    from tests.service.http.conftest import Client, Start

ANIMALS = "/v1/collections/animals"


class Gate:
    """What says `slowly` is encoded, and looked for by words, once it is open."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.opened = threading.Event()

    def encoder(self) -> HashEncoder:
        gate = self

        class Slow(HashEncoder):
            def encode(self, inputs: Sequence[str], *, role: Role) -> Encoding:
                if "slowly" in inputs[0]:
                    gate.hold()
                return super().encode(inputs, role=role)

        return Slow(64, max_tokens=256)

    def answer_each(
        self,
        collection: LocalCollection,
        requests: Sequence[SearchRequest],
        encoded: Sequence[EncodedQuery | None],
        contexts: Sequence[Context] | None,
    ) -> Iterator[SearchResult | Exception]:
        if requests[0].mode == "lexical" and "slowly" in requests[0].query:
            self.hold()
        return answer_each(collection, requests, encoded, contexts)

    def hold(self) -> None:
        self.entered.release()
        assert self.opened.wait(30)

    def wait_for(self, number: int) -> None:
        for _ in range(number):
            assert self.entered.acquire(timeout=30)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch):
    made = Gate()
    monkeypatch.setitem(BUILT_IN, "hash", lambda name, device: made.encoder())
    monkeypatch.setattr("indexing.local.answer_each", made.answer_each)
    yield made
    made.opened.set()


def wait_until_waiting(client: Client, threads: str, number: int) -> None:
    line = f'meari_requests_waiting{{threads="{threads}"}} {number}.0'
    deadline = time.monotonic() + 30
    while line not in client.get("/metrics").text.splitlines():
        if time.monotonic() > deadline:
            pytest.fail(f"never {number} waiting: {client.get('/metrics').text}")


@pytest.mark.parametrize(
    ("threads", "what", "path", "slow", "quick"),
    [
        (
            "encode",
            "the encoder",
            "/v1/embeddings",
            {"model": "hash:64", "input": "slowly"},
            ("POST", f"{ANIMALS}/documents/count"),
        ),
        (
            "search",
            "1 search threads",
            f"{ANIMALS}/search",
            {"query": "slowly", "mode": "lexical"},
            ("POST", f"{ANIMALS}/optimize"),
        ),
        (
            "write",
            "1 write threads",
            f"{ANIMALS}/documents",
            {"documents": [{"id": "1", "text": "slowly"}]},
            ("POST", f"{ANIMALS}/documents/count"),
        ),
    ],
)
def test_whoever_comes_when_all_places_are_taken(
    settings: Settings,
    started: Start,
    gate: Gate,
    threads: str,
    what: str,
    path: str,
    slow: object,
    quick: tuple[str, str],
):
    chosen = {"search_threads": 1, "write_threads": 1, "max_waiting": 2}
    with started(settings.model_copy(update=chosen)) as client, ThreadPoolExecutor(3) as pool:
        client.post("/v1/collections", {"name": "animals"})
        running = [pool.submit(client.post, path, slow)]
        gate.wait_for(1)
        running += [pool.submit(client.post, path, slow) for _ in range(2)]
        wait_until_waiting(client, threads, 2)

        refused = client.post(path, slow)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["error"] == {
            "message": f"busy: 2 requests wait for {what} already; try again in a moment",
            "type": "server_error",
            "param": None,
            "code": "busy",
        }
        assert client.request(*quick).status_code == 200, "the other threads are free"
        for free in ("/livez", "/readyz", "/health", "/metrics", "/", "/docs"):
            assert client.get(free).status_code == 200, free

        gate.opened.set()
        assert [each.result().status_code for each in running] == [200] * 3
        wait_until_waiting(client, threads, 0)
        assert client.post(path, slow).status_code == 200


def test_a_place_is_free_again_however_a_call_ends():
    async def scenario() -> None:
        threads = Threads("test", 1, 1)
        opened = threading.Event()
        running = asyncio.create_task(threads.run(opened.wait, 30))
        waiting = asyncio.create_task(threads.run(int, "x"))
        await asyncio.sleep(0)  # both have handed their call over
        assert threads.waiting == 1
        with pytest.raises(BusyError, match="1 requests wait for 1 test threads"):
            await threads.run(int, "1")

        waiting.cancel()  # its sender left
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert threads.waiting == 0
        failing = asyncio.create_task(threads.run(int, "x"))
        await asyncio.sleep(0)
        assert threads.waiting == 1
        opened.set()
        assert await running is True
        with pytest.raises(ValueError, match="invalid literal"):
            await failing
        assert [await threads.run(int, str(number)) for number in range(3)] == [0, 1, 2]
        threads.shut_down()

    asyncio.run(scenario())


@pytest.mark.parametrize(("size", "apart"), [(1 << 16, False), ((1 << 16) + 1, True)])
def test_a_large_body_is_parsed_beside_the_event_loop(
    animals: Client, monkeypatch: pytest.MonkeyPatch, size: int, apart: bool
):
    loop = animals.call(current_thread)
    seen = []

    def parse(body: bytes) -> object:
        seen.append(threading.current_thread())
        return parse_json(body)

    parse_json = service.body.parse_json
    monkeypatch.setattr(service.body, "parse_json", parse)
    body = b'{"documents":[{"id":"cat","text":"' + b"x" * 60_000 + b'"}]}'
    body += b" " * (size - len(body))
    answer = animals.request(
        "POST",
        f"{ANIMALS}/documents",
        content=body,
        headers={"content-type": "application/json"},
    )
    assert answer.json()["changed"] == 1
    assert [thread is not loop for thread in seen] == [apart]


async def current_thread() -> threading.Thread:
    return threading.current_thread()


def test_others_are_answered_while_a_large_body_is_parsed(
    animals: Client, monkeypatch: pytest.MonkeyPatch
):
    entered, opened = threading.Event(), threading.Event()

    def parse(body: bytes) -> object:
        entered.set()
        assert opened.wait(30)
        return parse_json(body)

    parse_json = service.body.parse_json
    monkeypatch.setattr(service.body, "parse_json", parse)
    body = b'{"documents":[]}' + b" " * (1 << 16)
    headers = {"content-type": "application/json"}
    with ThreadPoolExecutor(1) as pool:
        large = pool.submit(
            animals.request, "POST", f"{ANIMALS}/documents", content=body, headers=headers
        )
        assert entered.wait(30)
        assert animals.get("/livez").status_code == 200
        opened.set()
        assert large.result().json()["error"]["param"] == "documents"


def test_whoever_watches_does_not_wait_for_a_drop(settings: Settings, started: Start, gate: Gate):
    """Dropping waits for the search, and so does who comes after it; health and metrics do not."""
    with started(settings) as client, ThreadPoolExecutor(2) as pool:
        client.post("/v1/collections", {"name": "animals"})
        client.post("/v1/collections", {"name": "plants"})
        slow = {"query": "slowly", "mode": "lexical"}
        searching = pool.submit(client.post, f"{ANIMALS}/search", slow)
        gate.wait_for(1)
        dropping = pool.submit(client.delete, ANIMALS)
        deadline = time.monotonic() + 30
        while len(listed := client.get("/health").json()["collections"]) > 1:
            assert time.monotonic() < deadline
        assert [collection["name"] for collection in listed] == ["plants"]
        text = client.get("/metrics").text
        assert 'meari_collection_documents{collection="plants"} 0.0' in text
        assert 'collection="animals"' not in text
        assert not dropping.done()
        gate.opened.set()
        assert searching.result().status_code == 200
        assert dropping.result().json() == {"name": "animals", "documents": 0}
