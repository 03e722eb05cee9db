"""A server asked over HTTP: the real application, and servers that misbehave."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from eval.datasets import load_beir
from eval.errors import TargetError
from eval.retrieval import evaluate_retrieval
from eval.searchers import CollectionSearcher
from eval.server import ServerSearcher
from indexing.data_folder import DataFolder
from indexing.types import Document, Parent
from service.app import create_app
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fastapi import FastAPI


class AppTransport(httpx.BaseTransport):
    """Requests of a synchronous client, answered by an application in another thread."""

    def __init__(self, app: FastAPI, portal: BlockingPortal) -> None:
        self._transport = httpx.ASGITransport(app)
        self._portal = portal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def send() -> tuple[int, httpx.Headers, bytes]:
            response = await self._transport.handle_async_request(request)
            return response.status_code, response.headers, await response.aread()

        status, headers, content = self._portal.call(send)
        return httpx.Response(status, headers=headers, content=content)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def client(folder: Path) -> Iterator[Callable[[], httpx.Client]]:
    """Opens the application over what `folder` holds by then."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start() -> httpx.Client:
            app = create_app(Settings(data=folder, encoder="hash:64"))
            portal = stack.enter_context(start_blocking_portal())
            lifespan = app.router.lifespan_context(app)
            stack.enter_context(portal.wrap_async_context_manager(lifespan))
            http = httpx.Client(transport=AppTransport(app, portal), base_url="http://localhost")
            stack.enter_context(http)
            deadline = time.monotonic() + 30
            while http.get("/readyz").status_code != 200:
                assert time.monotonic() < deadline, http.get("/health").text
                time.sleep(0.01)
            return http

        yield start


def test_a_server_and_its_folder_give_equal_reports(
    beir_folder: Path, folder: Path, client: Callable[[], httpx.Client]
):
    data = load_beir(beir_folder)
    with DataFolder.open(folder) as opened:
        collection = opened.create("animals", encoder="hash:64")
        collection.add(list(data.documents.values()))
        local = evaluate_retrieval(data, CollectionSearcher(collection))
    report = evaluate_retrieval(data, ServerSearcher(client(), "animals"))

    assert report.queries == local.queries
    assert report.measures == local.measures
    assert report.target.encoder == local.target.encoder
    assert report.target.queries == local.target.queries
    assert report.target.documents == local.target.documents
    assert (report.target.kind, report.target.index) == ("server", "flat")
    assert report.target.name == "http://localhost animals"
    assert report.dataset.relevant_lacking is None
    for query, answer in local.rankings.items():
        assert report.rankings[query] == [(id_, pytest.approx(score)) for id_, score in answer]


def test_chunks_are_folded_into_the_texts_they_were_cut_from(
    folder: Path, client: Callable[[], httpx.Client]
):
    with DataFolder.open(folder) as opened:
        parts = enumerate(["whale song", "ocean whale"])
        chunks = [
            Document(f"long#{n}", text, parent=Parent("long", n, n, n + 1)) for n, text in parts
        ]
        opened.create("chunks", encoder="hash:64:2").add([*chunks, Document("short", "a b c")])
    searcher = ServerSearcher(client(), "chunks")

    (answer,) = searcher.search(["whale song"], 10)
    assert [id_ for id_, _ in answer] == ["long", "short"]
    facts = searcher.describe()
    assert facts.grouped
    assert (facts.documents.texts, facts.documents.truncated) == (3, 1)
    assert facts.documents.tokens_read is None, "the server does not say what was cut away"


def test_a_missing_collection_is_told_in_the_servers_words(client: Callable[[], httpx.Client]):
    with pytest.raises(TargetError, match=r"answered 404: no collection 'nothing'"):
        ServerSearcher(client(), "nothing")


# -- servers that misbehave ----------------------------------------------------------------

STATUS = {
    "name": "made",
    "encoder": {
        "name": "hash:64",
        "kind": "hash",
        "dim": 64,
        "max_tokens": 256,
        "pooling": "sum",
        "normalised": True,
        "dtype": "float32",
        "fingerprint": "f" * 64,
    },
    "metric": "cosine",
    "documents": 1,
    "parents": 0,
    "truncated": 0,
    "tokens": 5,
    "unknown": 0,
    "index": "hnsw",
    "problems": ["half of it is gone"],
}
RECEIPT = {
    "exact": False,
    "index": "hnsw",
    "recall_estimate": 0.98,
    "query_tokens": 3,
    "query_truncated": False,
    "query_unknown": 1,
    "warnings": [],
}


def pretend(handle: Callable[[httpx.Request], httpx.Response]) -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(handle), base_url="http://made.test")


def answer(request: httpx.Request) -> httpx.Response:
    if request.method == "GET":
        return httpx.Response(200, json=STATUS)
    return httpx.Response(200, json={"matches": [{"id": "a", "score": 0.5}], "receipt": RECEIPT})


def test_receipts_of_an_index_are_added_up():
    searcher = ServerSearcher(pretend(answer), "made")
    searcher.search(["one", "two"], 3)
    facts = searcher.describe()
    assert (facts.exact, facts.index, facts.recall_estimate) == (False, "hnsw", 0.98)
    assert (facts.queries.texts, facts.queries.tokens, facts.queries.unknown) == (2, 6, 2)
    assert facts.warnings == ("half of it is gone",)


def test_a_busy_server_is_asked_again_after_the_time_it_names():
    waits: list[float] = []
    refusals = iter([httpx.Response(429, headers={"Retry-After": "7"}), httpx.Response(503)])

    def busy(request: httpx.Request) -> httpx.Response:
        return next(refusals, None) or answer(request)

    ServerSearcher(pretend(busy), "made", sleep=waits.append)
    assert waits == [7.0, 1.0]


def test_a_server_that_stays_busy_is_given_up():
    waits: list[float] = []

    def busy(_: httpx.Request) -> httpx.Response:
        body = {"error": {"message": "the queue is full"}}
        return httpx.Response(429, headers={"Retry-After": "3600"}, json=body)

    with pytest.raises(TargetError, match="answered 429: the queue is full"):
        ServerSearcher(pretend(busy), "made", sleep=waits.append)
    assert waits == [30.0] * 4


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (httpx.Response(200, text="<html>"), "something that is not a JSON object"),
        (httpx.Response(200, json=[]), "something that is not a JSON object"),
        (httpx.Response(200, json={}), "a collection without 'encoder'"),
        (httpx.Response(200, json={**STATUS, "encoder": {"name": "x"}}), "of another form"),
        (httpx.Response(500, text="oops"), "answered 500: Internal Server Error"),
    ],
)
def test_strange_answers_are_told(response: httpx.Response, message: str):
    with pytest.raises(TargetError, match=message):
        ServerSearcher(pretend(lambda _: response), "made")


def test_a_search_answer_of_another_form_is_told():
    def odd(request: httpx.Request) -> httpx.Response:
        return answer(request) if request.method == "GET" else httpx.Response(200, json={"a": 1})

    with pytest.raises(TargetError, match="a search answer without 'matches'"):
        ServerSearcher(pretend(odd), "made").search(["x"], 1)


def test_a_server_that_cannot_be_reached_is_told_with_the_remedy():
    with pytest.raises(TargetError, match=r"cannot be asked .*`meari serve`"):
        ServerSearcher.connect("http://127.0.0.1:9", "made")
    for url in ("127.0.0.1:9", "ftp://x", "http://", "http://x:port", ""):
        with pytest.raises(TargetError, match="is not of the form http://HOST:PORT"):
            ServerSearcher.connect(url, "made")


def test_a_password_in_the_address_stays_out_of_messages_and_reports():
    def refuse(_: httpx.Request) -> httpx.Response:
        return httpx.Response(404, json={"error": {"message": "no collection"}})

    client = httpx.Client(
        base_url="http://user:secret@host:1", transport=httpx.MockTransport(refuse)
    )
    with pytest.raises(TargetError, match=r"^http://host:1/v1/collections/c answered 404: no"):
        ServerSearcher(client, "c")
