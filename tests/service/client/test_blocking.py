"""The client against a real server on a loopback port that says what a test tells it to."""

from __future__ import annotations

import json
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from service.client import Client, ClientError, Patience

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Script:
    """Answers to give, in order (the last one again and again), and the requests that came."""

    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    url: str = ""

    def say(self, status: int, body: object, **headers: str) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.append((status, headers, raw))


@pytest.fixture
def script() -> Iterator[Script]:
    told = Script()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            told.requests.append((self.command, self.path, body))
            status, headers, raw = told.answers[0]
            if len(told.answers) > 1:
                told.answers.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - the names http.server calls

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_answer_is_the_object_the_server_sent(script: Script) -> None:
    script.say(200, {"collections": [{"name": "질문"}]})
    with Client(script.url + "/") as client:
        assert client.collections() == {"collections": [{"name": "질문"}]}
    assert script.requests == [("GET", "/v1/collections", None)]


def test_names_and_ids_are_escaped_in_the_path(script: Script) -> None:
    script.say(200, {})
    with Client(script.url) as client:
        client.document("a b", "x/y?z#1")
    assert script.requests[0][1] == "/v1/collections/a%20b/documents/x%2Fy%3Fz%231"


def test_a_page_asks_with_cursor_limit_and_filter(script: Script) -> None:
    script.say(200, {"documents": [], "cursor": None})
    with Client(script.url) as client:
        client.documents("faq", cursor="c&d", limit=7, filter={"has_id": ["가"]})
    path = script.requests[0][1]
    assert path.startswith("/v1/collections/faq/documents?cursor=c%26d&limit=7&filter=")
    assert "%EA%B0%80" in path


def test_create_names_every_choice(script: Script) -> None:
    script.say(201, {"name": "faq"})
    with Client(script.url) as client:
        client.create("faq", encoder="hash:64", metric="dot")
    body = {"name": "faq", "encoder": "hash:64", "metric": "dot", "analyzer": "auto"}
    assert script.requests == [("POST", "/v1/collections", body)]


def test_upserts_go_in_batches_and_receipts_add_up(script: Script) -> None:
    first = {"added": 2, "tokens": 9, "truncated": ["a"], "milliseconds": {"total": 1.5}}
    second = {"added": 1, "tokens": 4, "truncated": ["c"], "milliseconds": {"total": 2.0}}
    script.say(200, first)
    script.say(200, second)
    documents = ({"id": name, "text": name} for name in "abc")
    with Client(script.url) as client:
        total = client.upsert("faq", documents, batch_size=2)
    assert [len(body["documents"]) for _, _, body in script.requests] == [2, 1]
    assert total == {
        "added": 3,
        "tokens": 13,
        "truncated": ["a", "c"],
        "milliseconds": {"total": 3.5},
    }


def test_no_documents_is_no_request(script: Script) -> None:
    with Client(script.url) as client:
        assert client.upsert("faq", []) == {}
    assert script.requests == []


def test_pages_are_asked_for_one_behind_the_other(script: Script) -> None:
    script.say(200, {"matches": [1, 2], "cursor": "after-2"})
    script.say(200, {"matches": [3], "cursor": None})
    with Client(script.url) as client:
        pages = client.search_pages("faq", {"query": "x", "limit": 2, "offset": 4})
        assert next(pages)["matches"] == [1, 2]
        assert len(script.requests) == 1
        assert [page["matches"] for page in pages] == [[3]]
    assert [body for _, _, body in script.requests] == [
        {"query": "x", "limit": 2, "offset": 4},
        {"query": "x", "limit": 2, "cursor": "after-2"},
    ]


def test_batches_and_recommendations_have_paths_of_their_own(script: Script) -> None:
    script.say(200, {"results": []})
    script.say(200, {"matches": []})
    with Client(script.url) as client:
        assert client.search_batch("faq", [{"query": "x"}]) == {"results": []}
        assert client.recommend("faq", {"positive": ["a"]}) == {"matches": []}
    assert script.requests == [
        ("POST", "/v1/collections/faq/search/batch", {"searches": [{"query": "x"}]}),
        ("POST", "/v1/collections/faq/recommend", {"positive": ["a"]}),
    ]


def test_a_batch_of_none_is_refused(script: Script) -> None:
    with Client(script.url) as client, pytest.raises(ValueError, match="batch_size is 0"):
        client.upsert("faq", [{"id": "a"}], batch_size=0)


def test_the_servers_message_is_the_errors(script: Script) -> None:
    error = {"message": "limit is 0; 1 to 10,000 are possible", "code": "invalid_value"}
    script.say(400, {"error": error})
    with Client(script.url) as client, pytest.raises(ClientError) as caught:
        client.search("faq", {"query": "x", "limit": 0})
    assert str(caught.value) == error["message"]
    assert (caught.value.status, caught.value.code) == (400, "invalid_value")
    assert caught.value.is_misuse


def test_a_missing_collection_is_no_misuse(script: Script) -> None:
    script.say(404, {"error": {"message": "no collection 'x'", "code": "collection_not_found"}})
    with Client(script.url) as client, pytest.raises(ClientError) as caught:
        client.collection("x")
    assert not caught.value.is_misuse


def test_an_error_without_our_shape_names_address_and_status(script: Script) -> None:
    script.say(502, b"<html>proxy</html>")
    with Client(script.url) as client, pytest.raises(ClientError) as caught:
        client.collections()
    assert str(caught.value) == f"{script.url} answered 502 Bad Gateway"


def test_a_page_that_is_not_ours_is_told_apart(script: Script) -> None:
    script.say(200, b"<html>hello</html>")
    with Client(script.url) as client, pytest.raises(ClientError, match="of a Meari server"):
        client.collections()


def test_a_busy_server_is_asked_again_after_the_time_it_names(script: Script) -> None:
    waited: list[float] = []
    script.say(429, {}, Retry_After="3")
    script.say(503, {})
    script.say(200, {"matches": []})
    with Client(script.url, sleep=waited.append) as client:
        assert client.search("faq", {"query": "x"}) == {"matches": []}
    assert waited == [3.0, 1.0]
    assert len(script.requests) == 3


def test_patience_has_an_end(script: Script) -> None:
    waited: list[float] = []
    script.say(429, {"error": {"message": "too many"}}, Retry_After="1")
    patience = Patience(attempts=3)
    with (
        Client(script.url, patience=patience, sleep=waited.append) as client,
        pytest.raises(ClientError, match="too many") as caught,
    ):
        client.search("faq", {"query": "x"})
    assert waited == [1.0, 1.0]
    assert (caught.value.status, caught.value.retry_after) == (429, 1.0)


def test_a_server_that_asks_for_too_much_time_is_not_asked_again(script: Script) -> None:
    waited: list[float] = []
    script.say(503, {"error": {"message": "loading"}}, Retry_After="31")
    with Client(script.url, sleep=waited.append) as client, pytest.raises(ClientError):
        client.search("faq", {"query": "x"})
    assert waited == []
    assert len(script.requests) == 1


def test_other_failures_are_not_tried_again(script: Script) -> None:
    script.say(500, {"error": {"message": "internal"}})
    with Client(script.url) as client, pytest.raises(ClientError, match="internal"):
        client.search("faq", {"query": "x"})
    assert len(script.requests) == 1


def test_health_of_an_unready_server_is_an_answer(script: Script) -> None:
    script.say(503, {"status": "starting"})
    with Client(script.url) as client:
        assert client.health() == {"status": "starting"}


def test_nobody_there_says_how_to_start_a_server() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        Client(f"http://127.0.0.1:{port}") as client,
        pytest.raises(ClientError, match="start one with `meari serve`") as caught,
    ):
        client.collections()
    assert caught.value.status is None


def test_a_server_that_never_answers_is_left() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            Client(url, patience=Patience(timeout=0.2)) as client,
            pytest.raises(ClientError, match=r"did not answer within 0\.2 seconds"),
        ):
            client.collections()


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://host", "http://", "", "http://host:port"])
def test_an_address_of_another_form_is_misuse(url: str) -> None:
    with pytest.raises(ClientError, match="http://HOST:PORT") as caught:
        Client(url)
    assert caught.value.is_misuse


def test_states_and_trims_are_asked_for(script: Script) -> None:
    script.say(200, {"states": ["new"]})
    script.say(200, {"deleted": 2})
    with Client(script.url) as client:
        assert client.states("c", [{"id": "1", "text": "a"}]) == {"states": ["new"]}
        assert client.trim("c", {"a": 3}) == {"deleted": 2}
    assert script.requests == [
        ("POST", "/v1/collections/c/documents/states", {"documents": [{"id": "1", "text": "a"}]}),
        ("POST", "/v1/collections/c/documents/trim", {"chunks": {"a": 3}}),
    ]


def test_a_refusal_says_where_in_the_request_the_fault_is(script: Script) -> None:
    error = {"message": "m", "code": "invalid_document", "param": "documents[3]"}
    script.say(422, {"error": error})
    with Client(script.url) as client, pytest.raises(ClientError) as caught:
        client.upsert("c", [{"id": "1", "text": "a"}])
    assert (caught.value.code, caught.value.param) == ("invalid_document", "documents[3]")


def test_work_may_take_longer_than_a_question() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        patience = Patience(attempts=1, timeout=0.05, work_timeout=0.1)
        with Client(url, patience=patience) as client:
            for ask, seconds in ((client.collections, "0.05"), (lambda: client.verify("c"), "0.1")):
                with pytest.raises(ClientError, match=f"did not answer within {seconds} seconds"):
                    ask()


def test_a_password_in_the_address_is_sent_but_never_said(script: Script) -> None:
    script.say(500, {})
    address = script.url.replace("http://", "http://user:secret@")
    with Client(address) as client:
        assert client.url == script.url
        with pytest.raises(ClientError, match=f"^{script.url} answered 500 ") as caught:
            client.collections()
    assert "secret" not in str(caught.value)


def test_a_server_of_another_kind_is_asked_about(script: Script) -> None:
    script.say(404, b"<html>not found</html>")
    with Client(script.url) as client, pytest.raises(ClientError) as caught:
        client.collections()
    assert str(caught.value).endswith("is this the address of a Meari server?")
