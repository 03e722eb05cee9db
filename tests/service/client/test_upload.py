"""Uploads: bounded requests, a bounded number of them, progress, and what is left of a failure."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from service.client import AsyncClient, Client, ClientError, Pace, Patience, UploadError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from service.client import Uploaded
    from service.client.answers import WriteAnswer
    from service.client.questions import DocumentInput

Answer = tuple[int, dict[str, Any]]


class Server:
    """Counts what is stored, one request after the other or many at once."""

    def __init__(self, seconds: float = 0.0, refuse: str | None = None) -> None:
        self._seconds = seconds
        self._refuse = refuse
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0
        self.requests: list[list[str]] = []
        self.sizes: list[int] = []

    def begin(self, body: bytes, ids: list[str]) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            self.requests.append(ids)
            self.sizes.append(len(body))

    def end(self, ids: list[str]) -> Answer:
        with self._lock:
            self._now -= 1
        if self._refuse in ids:
            place = f"documents[{ids.index(self._refuse)}].text"
            error = {"message": "text is too long", "code": "invalid_document", "param": place}
            return 422, {"error": error}
        receipt = {"added": len(ids), "changed": 0, "relabelled": 0, "unchanged": 0, "unknown": 0}
        more = {"tokens": 2 * len(ids), "truncated": ids[:1], "milliseconds": {"total": 1.0}}
        return 200, {**receipt, **more}

    def handle(self, request: httpx.Request) -> httpx.Response:
        ids = read_ids(request)
        self.begin(request.content, ids)
        time.sleep(self._seconds)
        status, answer = self.end(ids)
        return httpx.Response(status, json=answer)

    async def handle_async(self, request: httpx.Request) -> httpx.Response:
        ids = read_ids(request)
        self.begin(request.content, ids)
        await asyncio.sleep(self._seconds)
        status, answer = self.end(ids)
        return httpx.Response(status, json=answer)


def read_ids(request: httpx.Request) -> list[str]:
    import json

    assert request.url.path == "/v1/collections/faq/documents"
    assert request.headers["content-type"] == "application/json"
    return [each["id"] for each in json.loads(request.content)["documents"]]


def notes(count: int, text: str = "가") -> Iterator[DocumentInput]:
    for number in range(count):
        yield {"id": f"n{number}", "text": text}


def client_of(server: Server) -> Client:
    transport = httpx.MockTransport(server.handle)
    return Client("http://localhost", transport=transport, patience=Patience(attempts=1))


def async_client_of(server: Server) -> AsyncClient:
    transport = httpx.MockTransport(server.handle_async)
    return AsyncClient("http://localhost", transport=transport, patience=Patience(attempts=1))


def test_documents_go_in_requests_and_receipts_add_up() -> None:
    server, told = Server(), list["Uploaded"]()
    with client_of(server) as client:
        whole = client.upload("faq", notes(5), pace=Pace(documents=2), progress=told.append)
    assert server.requests == [["n0", "n1"], ["n2", "n3"], ["n4"]]
    assert (whole["added"], whole["tokens"], whole["truncated"]) == (5, 10, ["n0", "n2", "n4"])
    assert whole["milliseconds"] == {"total": 3.0}
    assert [(each.documents, each.bytes) for each in told] == [
        (2, server.sizes[0]),
        (4, sum(server.sizes[:2])),
        (5, sum(server.sizes)),
    ]
    assert told[-1].receipt == whole


def test_a_request_holds_no_more_bytes_than_it_may() -> None:
    server = Server()
    with client_of(server) as client:
        client.upload("faq", notes(20, "x" * 100), pace=Pace(bytes=500))
    assert [len(ids) for ids in server.requests] == [3, 3, 3, 3, 3, 3, 2]
    assert max(server.sizes) <= 500


def test_a_document_larger_than_a_request_goes_alone() -> None:
    server = Server()
    documents: list[DocumentInput] = [{"id": "a", "text": "x" * 900}, {"id": "b", "text": "y"}]
    with client_of(server) as client:
        client.upload("faq", documents, pace=Pace(bytes=100))
    assert server.requests == [["a"], ["b"]]


def test_requests_overlap_and_no_more_than_allowed() -> None:
    server = Server(seconds=0.05)
    with client_of(server) as client:
        client.upload("faq", notes(12), pace=Pace(documents=1, in_flight=3))
    assert server.most == 3


def test_documents_are_read_a_few_requests_ahead() -> None:
    server, read = Server(), 0

    def counted() -> Iterator[DocumentInput]:
        nonlocal read
        for read, document in enumerate(notes(100), start=1):  # noqa: B007 - read from outside
            yield document

    ahead: list[int] = []
    with client_of(server) as client:
        client.upload(
            "faq",
            counted(),
            pace=Pace(documents=10, in_flight=2),
            progress=lambda done: ahead.append(read - done.documents),
        )
    assert max(ahead) <= 21


def test_an_id_given_twice_is_written_in_order() -> None:
    server = Server(seconds=0.02)
    documents: list[DocumentInput] = [{"id": "a", "text": str(number)} for number in range(4)]
    with client_of(server) as client:
        client.upload("faq", documents, pace=Pace(documents=2, in_flight=4))
    assert server.requests == [["a"]] * 4, "the server refuses an id twice in one request"
    assert server.most == 1


def test_no_documents_is_no_request() -> None:
    server = Server()
    with client_of(server) as client:
        assert client.upload("faq", [])["added"] == 0
    assert server.requests == []


def test_a_refusal_says_which_document_and_what_is_stored() -> None:
    server = Server(refuse="n5")
    with client_of(server) as client, pytest.raises(UploadError) as caught:
        client.upload("faq", notes(100), pace=Pace(documents=2, in_flight=1))
    error = caught.value
    assert str(error) == (
        "document 5 ('n5'): text is too long; 4 documents of the upload are stored, and cost "
        "nothing when it is repeated"
    )
    assert (error.status, error.code, error.param) == (
        422,
        "invalid_document",
        "documents[5].text",
    )
    assert (error.position, error.document_id, error.receipt["added"]) == (5, "n5", 4)
    assert error.is_misuse
    assert len(server.requests) <= 4, "nothing more is begun"


def test_what_is_not_json_is_refused_before_it_is_sent() -> None:
    server = Server()
    document: Any = {"id": "b", "text": "t", "metadata": {"when": object()}}
    with client_of(server) as client, pytest.raises(ClientError, match="document 1 of the upload"):
        client.upload("faq", [{"id": "a", "text": "t"}, document])
    nan: Any = {"id": "b", "text": "t", "metadata": {"x": float("nan")}}
    with client_of(server) as client, pytest.raises(ClientError, match="cannot be sent as JSON"):
        client.upload("faq", [nan])
    nameless: Any = {"text": "t"}
    with client_of(server) as client, pytest.raises(ClientError, match="it has no 'id'"):
        client.upload("faq", [nameless])
    assert server.requests == []


@pytest.mark.parametrize("wrong", [{"documents": 0}, {"bytes": 0}, {"in_flight": -1}])
def test_an_impossible_pace_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} is "):
        Pace(**wrong)


def test_the_asynchronous_upload_does_the_same() -> None:
    server, told = Server(seconds=0.02), list["Uploaded"]()

    async def stream() -> AsyncIterator[DocumentInput]:
        for document in notes(7):
            yield document

    async def work() -> WriteAnswer:
        async with async_client_of(server) as client:
            pace = Pace(documents=2, in_flight=3)
            return await client.upload("faq", stream(), pace=pace, progress=told.append)

    whole = asyncio.run(work())
    assert whole["added"] == 7
    assert [each.documents for each in told] == [2, 4, 6, 7]
    assert server.most == 3


def test_the_asynchronous_upload_fails_the_same_way() -> None:
    server = Server(refuse="n3")

    async def work() -> None:
        async with async_client_of(server) as client:
            await client.upload("faq", notes(50), pace=Pace(documents=2, in_flight=1))

    with pytest.raises(UploadError) as caught:
        asyncio.run(work())
    assert (caught.value.position, caught.value.receipt["added"]) == (3, 2)


def test_a_cancelled_upload_leaves_no_task_behind() -> None:
    server = Server(seconds=30)

    async def work() -> int:
        async with async_client_of(server) as client:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.upload("faq", notes(9), pace=Pace(documents=1)), 0.1)
        return len(asyncio.all_tasks())

    assert asyncio.run(work()) == 1
