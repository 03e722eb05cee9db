"""The client against a real server on a loopback port that says what a test tells it to."""

from __future__ import annotations

import inspect
import socket
import struct
from base64 import b64encode
from contextlib import contextmanager
from email.utils import formatdate
from time import time
from typing import TYPE_CHECKING

import pytest

from service.client import Client, ClientError, Patience, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.service.client.conftest import Script


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


def test_pages_are_asked_for_one_behind_the_other(script: Script) -> None:
    script.say(200, {"matches": [1, 2], "cursor": "after-2"})
    script.say(200, {"matches": [3], "cursor": None})
    with Client(script.url) as client:
        pages = client.search_pages("faq", "x", limit=2, offset=4)
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
        assert client.search_many("faq", ["x", {"document_id": "a"}]) == {"results": []}
        assert client.recommend("faq", ["a"], limit=3) == {"matches": []}
    assert script.requests == [
        (
            "POST",
            "/v1/collections/faq/search/batch",
            {"searches": [{"query": "x"}, {"document_id": "a"}]},
        ),
        ("POST", "/v1/collections/faq/recommend", {"positive": ["a"], "limit": 3}),
    ]


def test_the_servers_message_is_the_errors(script: Script) -> None:
    error = {"message": "limit is 0; 1 to 10,000 are possible", "code": "invalid_value"}
    script.say(400, {"error": error})
    with Client(script.url) as client, pytest.raises(ClientError) as caught:
        client.search("faq", "x", limit=0)
    assert str(caught.value) == error["message"]
    assert (caught.value.status, caught.value.code) == (400, "invalid_value")
    assert caught.value.is_misuse


def test_a_missing_collection_is_no_misuse(script: Script) -> None:
    script.say(404, {"error": {"message": "no collection 'x'", "code": "collection_not_found"}})
    with Client(script.url) as client, pytest.raises(ClientError) as caught:
        client.collection("x")
    assert not caught.value.is_misuse


def test_an_error_without_our_shape_names_address_and_status(script: Script) -> None:
    script.say(500, b"<html>proxy</html>")
    with Client(script.url) as client, pytest.raises(ClientError) as caught:
        client.collections()
    assert str(caught.value) == f"{script.url} answered 500 Internal Server Error"


def test_a_page_that_is_not_ours_is_told_apart(script: Script) -> None:
    script.say(200, b"<html>hello</html>")
    with Client(script.url) as client, pytest.raises(ClientError, match="of a Meari server"):
        client.collections()


@pytest.fixture
def waited() -> list[float]:
    return []


@contextmanager
def patient(
    script: Script, waited: list[float], patience: Patience | None = None, *, chance: float = 0.0
) -> Iterator[Client]:
    """A client that waits in no time and draws the random number it is told."""
    with Client(script.url, patience=patience, sleep=waited.append) as client:
        client.connection.exchange.chance = lambda: chance
        yield client


def test_a_busy_server_is_asked_again_after_the_time_it_names(
    script: Script, waited: list[float]
) -> None:
    script.say(429, {}, Retry_After="3")
    script.say(503, {})
    script.say(200, {"matches": []})
    with patient(script, waited) as client:
        assert client.search("faq", "x") == {"matches": []}
    assert waited == [3.0, 1.0]
    assert len(script.requests) == 3


def test_waits_double_and_a_random_part_comes_off(script: Script, waited: list[float]) -> None:
    script.say(503, {})
    with patient(script, waited, chance=0.5) as client, pytest.raises(ClientError):
        client.search("faq", "x")
    assert waited == [0.375, 0.75, 1.5, 3.0]


def test_the_time_a_server_names_is_never_cut_short(script: Script, waited: list[float]) -> None:
    script.say(429, {}, Retry_After="2")
    patience = Patience(attempts=2, first_wait=8.0)
    with patient(script, waited, patience, chance=0.5) as client, pytest.raises(ClientError):
        client.search("faq", "x")
    assert waited == [2.5]


def test_a_server_may_name_a_date(script: Script, waited: list[float]) -> None:
    script.say(503, {}, Retry_After=formatdate(time() + 20, usegmt=True))
    script.say(200, {"matches": []})
    with patient(script, waited) as client:
        client.search("faq", "x")
    assert len(waited) == 1
    assert 15 < waited[0] <= 20


def test_patience_has_an_end(script: Script, waited: list[float]) -> None:
    script.say(429, {"error": {"message": "too many"}}, Retry_After="1")
    with (
        patient(script, waited, Patience(attempts=3)) as client,
        pytest.raises(ClientError, match="too many") as caught,
    ):
        client.search("faq", "x")
    assert waited == [1.0, 1.0]
    assert (caught.value.status, caught.value.retry_after) == (429, 1.0)


@pytest.mark.parametrize("status", [502, 504])
def test_behind_a_proxy_only_what_may_happen_twice_is_asked_again(
    script: Script, waited: list[float], status: int
) -> None:
    script.say(status, {})
    with patient(script, waited, Patience(attempts=2)) as client:
        for ask in (lambda: client.create("faq"), lambda: client.drop("faq")):
            with pytest.raises(ClientError):
                ask()
        assert waited == []
        with pytest.raises(ClientError):
            client.search("faq", "x")
    assert waited == [0.5]


def test_a_broken_connection_is_made_anew(script: Script, waited: list[float]) -> None:
    script.hang_up()
    script.say(200, {"matches": []})
    with patient(script, waited) as client:
        assert client.search("faq", "x") == {"matches": []}
    assert waited == [0.5]


def test_what_may_not_happen_twice_is_not_sent_twice(script: Script, waited: list[float]) -> None:
    script.hang_up()
    with (
        patient(script, waited) as client,
        pytest.raises(UnreachableError, match=f"the connection to {script.url} broke"),
    ):
        client.delete("faq", ["a"])
    assert waited == []
    assert len(script.requests) == 1


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"first_wait": -1.0}, {"longest_wait": -0.1}])
def test_impossible_patience_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} is "):
        Patience(**wrong)


def test_a_server_that_asks_for_too_much_time_is_not_asked_again(
    script: Script, waited: list[float]
) -> None:
    script.say(503, {"error": {"message": "loading"}}, Retry_After="31")
    with patient(script, waited) as client, pytest.raises(ClientError):
        client.search("faq", "x")
    assert waited == []
    assert len(script.requests) == 1


def test_other_failures_are_not_tried_again(script: Script) -> None:
    script.say(500, {"error": {"message": "internal"}})
    with Client(script.url) as client, pytest.raises(ClientError, match="internal"):
        client.search("faq", "x")
    assert len(script.requests) == 1


def test_health_of_an_unready_server_is_an_answer(script: Script) -> None:
    script.say(503, {"status": "starting"})
    with Client(script.url) as client:
        assert client.health() == {"status": "starting"}


def test_a_server_that_answered_before_is_waited_for(script: Script, waited: list[float]) -> None:
    script.say(200, {})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{free.getsockname()[1]}"
    with Client(gone, patience=Patience(attempts=3), sleep=waited.append) as client:
        with pytest.raises(UnreachableError):
            client.collections()
        assert waited == [], "an address where nobody ever answered is probably wrong"
        client.connection.exchange.met = True
        with pytest.raises(UnreachableError):
            client.collections()
    assert len(waited) == 2


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


def test_headers_go_along(script: Script) -> None:
    script.say(200, {})
    with Client(script.url, headers={"Authorization": "Bearer k"}) as client:
        client.collections()
    assert script.headers[0]["authorization"] == "Bearer k"


def test_vectors_come_as_numbers_whatever_the_way_they_came(script: Script) -> None:
    vector = b64encode(struct.pack("<3f", 0.5, -1.0, 2.0)).decode()
    script.say(200, {"encoder": "hash:3"})
    script.say(200, {"data": [{"index": 0, "embedding": vector}]})
    with Client(script.url) as client:
        first = client.embed(["가"], role="query", dimensions=3)
        client.embed(["b"], model="other")
        client.embed(["c"])
    assert first["data"][0]["embedding"] == [0.5, -1.0, 2.0]
    paths = [path for _, path, _ in script.requests]
    assert paths == ["/health", *["/v1/embeddings"] * 3], "the server's encoder is asked for once"
    asked = {"encoding_format": "base64", "input_type": "query", "dimensions": 3}
    assert script.requests[1][2] == {"input": ["가"], "model": "hash:3", **asked}
    assert [body["model"] for _, _, body in script.requests[2:]] == ["other", "hash:3"]


def test_one_text_is_no_list_of_texts(script: Script) -> None:
    with Client(script.url) as client, pytest.raises(TypeError, match="give a list of texts"):
        client.embed("abc", model="m")
    assert script.requests == []


def test_vectors_of_another_form_are_told_apart(script: Script) -> None:
    script.say(200, {"data": [{"embedding": [1.0]}]})
    with Client(script.url) as client, pytest.raises(ClientError, match="of a Meari server"):
        client.embed(["a"], model="m")


def test_all_documents_are_read_page_by_page(script: Script) -> None:
    script.say(200, {"documents": [{"id": "a"}, {"id": "b"}], "cursor": "b"})
    script.say(200, {"documents": [{"id": "c"}], "cursor": None})
    with Client(script.url) as client:
        assert [each["id"] for each in client.all_documents("faq", page=2)] == ["a", "b", "c"]
    assert [path.partition("?")[2] for _, path, _ in script.requests] == [
        "limit=2",
        "cursor=b&limit=2",
    ]


def test_methods_are_described_by_what_they_send() -> None:
    assert (Client.search.__name__, Client.search.__qualname__) == ("search", "Client.search")
    assert str(inspect.signature(Client.count)) == (
        "(self, /, name: 'str', *, filter: 'JsonObject | None' = None) -> 'answers.CountAnswer'"
    )
    with Client("http://127.0.0.1:1") as client:
        assert list(inspect.signature(client.document).parameters) == ["name", "document_id"]
    assert "best matches" in (Client.search.__doc__ or "")


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
