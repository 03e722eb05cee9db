"""Searches and embeddings of several senders: encoded together, and answered as if alone."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from embeddings.errors import EncoderRefusedError
from embeddings.hashing import HashEncoder
from embeddings.load import BUILT_IN
from indexing.filters import Filter
from indexing.types import SearchRequest
from service.schemas.results import SearchAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from embeddings.types import Encoding, Role
    from service.settings import Settings
    from tests.service.http.conftest import Client, Start

SEARCH = "/v1/collections/animals/search"
ANIMALS = "/v1/collections/animals/documents"


class Listener:
    """What the service's encoder is asked, batch by batch; `slowly` waits until it is opened."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, list[str]]] = []
        self.entered = threading.Semaphore(0)
        self.opened = threading.Event()

    @property
    def texts(self) -> list[str]:
        return [text for _, texts in self.batches for text in texts]

    def encoder(self, dim: int) -> HashEncoder:
        told = self

        class Listening(HashEncoder):
            def encode(self, inputs: Sequence[str], *, role: Role) -> Encoding:
                told.batches.append((role, list(inputs)))
                if "slowly" in inputs:
                    told.entered.release()
                    assert told.opened.wait(30)
                if any("unreadable" in text for text in inputs):
                    raise EncoderRefusedError("this text is unreadable")
                if any("bug" in text for text in inputs):
                    raise RuntimeError("a bug")
                return super().encode(inputs, role=role)

        return Listening(dim)


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    made = Listener()
    monkeypatch.setitem(BUILT_IN, "hash", lambda name, device: made.encoder(int(name[5:])))
    yield made
    made.opened.set()


@pytest.fixture
def heard(listener: Listener, animals: Client) -> Client:
    """The collection `animals`, and no batch remembered yet."""
    listener.batches.clear()
    return animals


def wait_until_waiting(client: Client, number: int, threads: str = "search") -> None:
    line = f'meari_requests_waiting{{threads="{threads}"}} {number}.0'
    deadline = time.monotonic() + 30
    while line not in client.get("/metrics").text.splitlines():
        if time.monotonic() > deadline:
            pytest.fail(f"never {number} waiting: {client.get('/metrics').text}")


def without_times(answer: dict) -> dict:
    receipt = {key: value for key, value in answer["receipt"].items() if key != "milliseconds"}
    return answer | {"receipt": receipt}


def test_searches_are_encoded_and_answered_together(heard: Client, listener: Listener):
    bodies = [{"query": f"a cat {number}"} for number in range(6)]
    bodies += [{"document_id": "cat"}, {"query": "a cat", "mode": "lexical", "limit": 1}]
    with ThreadPoolExecutor(9) as pool:
        running = pool.submit(heard.post, SEARCH, {"query": "slowly"})
        assert listener.entered.acquire(timeout=30)
        others = [pool.submit(heard.post, SEARCH, body) for body in bodies]
        wait_until_waiting(heard, 8)
        listener.opened.set()
        assert running.result().status_code == 200
        answers = [each.result() for each in others]
    assert [answer.status_code for answer in answers] == [200] * 8
    assert [sorted(texts) for _, texts in listener.batches] == [
        ["slowly"],
        [f"a cat {number}" for number in range(6)],
    ]
    lines = heard.get("/metrics").text.splitlines()
    assert 'meari_search_batch_requests_bucket{le="1.0"} 1.0' in lines
    assert "meari_search_batch_requests_count 2.0" in lines
    assert "meari_search_batch_requests_sum 9.0" in lines
    assert "meari_search_wait_seconds_count 9.0" in lines
    alone = [heard.post(SEARCH, body).json() for body in bodies]
    for together, single in zip(answers, alone, strict=True):
        assert without_times(together.json()) == without_times(single)


def test_embeddings_share_a_batch(heard: Client, listener: Listener):
    bodies = [{"model": "hash:64", "input": text} for text in ("one", "two", ["three", "four"])]
    with ThreadPoolExecutor(4) as pool:
        slow = {"model": "hash:64", "input": "slowly"}
        running = pool.submit(heard.post, "/v1/embeddings", slow)
        assert listener.entered.acquire(timeout=30)
        others = [pool.submit(heard.post, "/v1/embeddings", body) for body in bodies]
        wait_until_waiting(heard, 3, "encode")
        listener.opened.set()
        assert [each.result().status_code for each in (running, *others)] == [200] * 4
    assert [len(texts) for _, texts in listener.batches] == [1, 4]
    lines = heard.get("/metrics").text.splitlines()
    assert 'meari_encode_batch_requests_bucket{le="1.0"} 1.0' in lines
    assert "meari_encode_batch_requests_sum 4.0" in lines
    assert "meari_encode_batch_texts_sum 5.0" in lines
    assert "meari_encode_wait_seconds_count 4.0" in lines


def test_a_search_that_fails_fails_no_other_of_its_batch(heard: Client, listener: Listener):
    bodies = [
        ({"query": "a cat"}, 200),
        ({"document_id": "nobody"}, 404),
        ({"query": "?!", "mode": "lexical"}, 400),
        ({"vector": [1.0, 2.0]}, 409),
        ({"query": "a dog"}, 200),
    ]
    with ThreadPoolExecutor(6) as pool:
        running = pool.submit(heard.post, SEARCH, {"query": "slowly"})
        assert listener.entered.acquire(timeout=30)
        others = [pool.submit(heard.post, SEARCH, body) for body, _ in bodies]
        wait_until_waiting(heard, 5)
        listener.opened.set()
        assert running.result().status_code == 200
        found = [each.result() for each in others]
    alone = [heard.post(SEARCH, body) for body, _ in bodies]
    assert [answer.status_code for answer in alone] == [answer.status_code for answer in found]
    assert [answer.status_code for answer in found] == [status for _, status in bodies]
    for together, single in zip(found, alone, strict=True):
        if single.status_code != 200:
            assert together.json() == single.json()


class Panic(BaseException):
    """As libraries in Rust raise, where they did not expect to be."""


def test_a_panic_is_our_fault_and_no_end_of_the_service(
    heard: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def panicking(*_: object) -> None:
        raise Panic("index out of bounds")

    with monkeypatch.context() as patched:
        patched.setattr("indexing.local.answer_each", panicking)
        answer = heard.post(SEARCH, {"query": "a cat"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    assert "a batch of searches ended early" in caplog.text
    assert heard.post(SEARCH, {"query": "a cat"}).status_code == 200


def test_what_takes_long_is_answered_alone(heard: Client):
    heavy: list[dict] = [
        {"query": "a cat", "exact": True},
        {"query": "a cat", "limit": 101},
        {"query": "a cat", "offset": 95},
        {"query": "a cat", "filter": LEGS},
        {"query": "cat " * 300},
        {"query": "a cat", "with_vectors": True},
    ]
    assert [heard.post(SEARCH, body).status_code for body in heavy] == [200] * len(heavy)
    assert "meari_search_batch_requests_count 0.0" in heard.get("/metrics").text.splitlines()


LEGS = {"must": [{"key": "legs", "match": {"value": 4}}]}


@pytest.mark.parametrize(
    "body",
    [
        {"query": "a cat"},
        {"query": "a cat", "mode": "dense", "exact": True, "with_vectors": True},
        {"query": "고양이가 어디 있나요", "filter": LEGS},
        {"query": "cat " * 300},
        {"query": "a cat", "limit": 1, "group": "parents"},
        {"query": "a cat", "mode": "lexical"},
        {"query": "?!"},
    ],
)
def test_a_search_is_answered_as_the_collection_alone_does(steady: Client, body: dict):
    answer = steady.post(SEARCH, body)
    assert answer.status_code == 200, answer.text
    defaults = {"mode": "hybrid", "with_snippets": True}
    request = (
        defaults | body | {"filter": Filter.parse(body["filter"]) if "filter" in body else None}
    )
    with steady.app.state.engine.using("animals") as collection:
        result = collection.search(SearchRequest(**request))
    expected = json.loads(SearchAnswer.of(result).model_dump_json())
    assert without_times(answer.json()) == without_times(expected)
    stages = answer.json()["receipt"]["milliseconds"]
    assert stages.keys() == expected["receipt"]["milliseconds"].keys()
    assert stages["total"] >= stages.get("encode", 0)


def test_what_is_asked_by_words_alone_is_not_encoded(heard: Client, listener: Listener):
    for body in (
        {"query": "a cat", "mode": "lexical"},
        {"document_id": "cat"},
        {"vector": [1.0] + [0.0] * 63},
    ):
        assert heard.post(SEARCH, body).status_code == 200
    batch = {"searches": [{"query": "a dog", "mode": "lexical"}, {"query": "a bird"}]}
    assert heard.post(f"{SEARCH}/batch", batch).status_code == 200
    assert listener.batches == [("query", ["a bird"])]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"query": "a cat", "offset": 9_999}, 400),
        ({"query": "a cat", "score_threshold": 2}, 400),
        ({"query": "a cat", "cursor": "x"}, 400),
        ({"query": "a cat", "filter": {"must": 1}}, 400),
    ],
)
def test_nothing_is_encoded_for_what_is_refused(
    heard: Client, listener: Listener, body: dict, status: int
):
    answer = heard.post(SEARCH, body)
    assert answer.status_code == status
    if "cursor" not in body:  # read where the collection is asked
        assert listener.batches == []
    missing = heard.post("/v1/collections/plants/search", {"query": "a cat 2"})
    assert (missing.status_code, missing.json()["error"]["param"]) == (404, "collection")
    assert "a cat 2" not in listener.texts


def test_what_the_encoder_cannot_read_is_told_of_its_own_search(heard: Client):
    answer = heard.post(SEARCH, {"query": "unreadable"})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, "query")
    assert error["message"] == "query cannot be encoded: this text is unreadable"
    batch = {"searches": [{"query": "a cat"}, {"query": "unreadable"}]}
    error = heard.post(f"{SEARCH}/batch", batch).json()["error"]
    assert error["param"] == "searches[1].query"
    broken = heard.post(SEARCH, {"query": "a bug"})
    assert (broken.status_code, broken.json()["error"]["code"]) == (500, "internal_error")
    assert heard.post(SEARCH, {"query": "a cat"}).status_code == 200


def test_one_bad_text_fails_no_neighbour(heard: Client, listener: Listener):
    with ThreadPoolExecutor(4) as pool:
        running = pool.submit(heard.post, SEARCH, {"query": "slowly"})
        assert listener.entered.acquire(timeout=30)
        queries = ["a cat", "unreadable", "a bug"]
        others = [pool.submit(heard.post, SEARCH, {"query": query}) for query in queries]
        wait_until_waiting(heard, 3)
        listener.opened.set()
        assert running.result().status_code == 200
        assert [each.result().status_code for each in others] == [200, 400, 500]


def test_pages_of_one_answer_come_from_one_vector(heard: Client, listener: Listener):
    body: dict = {"query": "an animal in the tree", "mode": "dense", "limit": 1}
    seen = []
    while True:
        page = heard.post(SEARCH, body).json()
        seen += [match["id"] for match in page["matches"]]
        if page["cursor"] is None:
            break
        body["cursor"] = page["cursor"]
    assert sorted(seen) == ["bird", "cat", "dog", "고양이"]
    assert listener.texts == ["an animal in the tree"]


def test_a_collection_made_again_is_asked_with_its_own_encoder(heard: Client):
    """Between the vector and the search the collection became another one."""
    engine = heard.app.state.engine
    encode = engine.encode_queries

    async def meanwhile(card: object, texts: Sequence[str]) -> Encoding:
        encoding = await encode(card, texts)
        await engine.write(engine.drop, "animals")
        await engine.write(engine.folder.create, "animals", encoder="hash:32")
        return encoding

    engine.encode_queries = meanwhile
    answer = heard.post(SEARCH, {"query": "a cat"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["receipt"]["encoder"]["name"] == "hash:32"


def test_who_hangs_up_leaves_the_queue(heard: Client, listener: Listener):
    hung_up = asyncio.Event()

    async def send(body: dict) -> None:
        messages = [{"type": "http.request", "body": json.dumps(body).encode()}]

        async def receive() -> dict:
            if messages:
                return messages.pop()
            await hung_up.wait()
            return {"type": "http.disconnect"}

        async def ignore(_: object) -> None:
            return

        scope = {
            "type": "http",
            "method": "POST",
            "path": SEARCH,
            "headers": [(b"content-type", b"application/json")],
            "query_string": b"",
        }
        await heard.app(scope, receive, ignore)

    async def hang_up() -> None:
        hung_up.set()

    with ThreadPoolExecutor(4) as pool:
        running = pool.submit(heard.post, SEARCH, {"query": "slowly"})
        assert listener.entered.acquire(timeout=30)
        patient = pool.submit(heard.post, SEARCH, {"query": "patient"})
        impatient = pool.submit(heard.call, lambda: send({"query": "impatient"}))
        wait_until_waiting(heard, 2)
        heard.call(hang_up)
        impatient.result(timeout=30)
        wait_until_waiting(heard, 1)
        listener.opened.set()
        assert running.result().status_code == 200
        assert patient.result().status_code == 200
    assert listener.texts == ["slowly", "patient"]
    route = 'route="/v1/collections/{collection}/search",status="499"} 1.0'
    assert route in heard.get("/metrics").text


def test_a_full_queue_refuses_embeddings_too(
    settings: Settings, started: Start, listener: Listener
):
    embed = {"model": "hash:64", "input": "slowly"}
    with (
        started(settings.model_copy(update={"max_waiting": 1})) as client,
        ThreadPoolExecutor(2) as pool,
    ):
        running = [pool.submit(client.post, "/v1/embeddings", embed)]
        assert listener.entered.acquire(timeout=30)
        running.append(pool.submit(client.post, "/v1/embeddings", embed))
        wait_until_waiting(client, 1, "encode")
        refused = client.post("/v1/embeddings", embed)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert refused.json()["error"]["code"] == "busy"
        listener.opened.set()
        assert [each.result().status_code for each in running] == [200, 200]
