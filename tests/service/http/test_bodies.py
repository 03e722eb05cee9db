"""What a body may be: bounded, JSON, and nothing but JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service.errors import BadJsonError
from service.strict_json import parse_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.settings import Settings
    from tests.service.http.conftest import Client, Start

SEARCH = "/v1/collections/animals/search"
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"query":', "not JSON: Expecting value at line 1 column 10"),
        (b'{"query":"a"', "not JSON"),
        (b"query=a", "not JSON"),
        (b'{"query":"\xff"}', "not UTF-8: byte 10"),
        ('{"query":"a"}'.encode("utf-16"), "not UTF-8: byte 0"),
        (b'{"query":"a","score_threshold":NaN}', "holds NaN"),
        (b'{"query":"a","score_threshold":Infinity}', "holds Infinity"),
        (b'{"query":"a","score_threshold":-Infinity}', "holds -Infinity"),
        (b'{"vector":[1e999]}', "'1e999', beyond a 64-bit float"),
        (b'{"query":"a","limit":' + b"9" * 5000 + b"}", "a whole number of too many digits"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"query":"a","limit":1,"limit":2}', "holds the name 'limit' twice in one object"),
        (b'{"query":"a","filter":{"must":[{"key":"x","match":{"value":NaN}}]}}', "holds NaN"),
    ],
)
def test_what_is_not_json(steady: Client, body: object, words: str):
    answer = steady.request("POST", SEARCH, content=body, headers=JSON)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "invalid_json", None)
    assert words in error["message"]


def test_metadata_holds_no_nan(steady: Client):
    body = b'{"documents":[{"id":"x","text":"x","metadata":{"a":{"b":[NaN]}}}]}'
    answer = steady.request("POST", "/v1/collections/animals/documents", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_json")
    assert steady.get("/v1/collections/animals/documents/x").status_code == 404


def test_a_byte_order_mark_does_no_harm(steady: Client):
    body = b'\xef\xbb\xbf{"query":"cat"}'
    assert steady.request("POST", SEARCH, content=body, headers=JSON).status_code == 200


@pytest.mark.parametrize("body", [b"", b"  ", b"null", b"5"])
def test_a_body_is_needed(steady: Client, body: object):
    answer = steady.request("POST", SEARCH, content=body, headers=JSON)
    assert answer.status_code == 400


def test_a_missing_body_is_told(steady: Client):
    error = steady.post(SEARCH).json()["error"]
    assert error["message"] in {
        "the body is missing; send a JSON object",
        "the body is null; it must be a JSON object",
    }


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json"]
)
def test_other_types_are_refused(steady: Client, kind: str):
    answer = steady.request(
        "POST", SEARCH, content=b'{"query":"cat"}', headers={"content-type": kind}
    )
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (415, "unsupported_media_type")
    assert error["message"].endswith("send application/json")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/ld+json"])
def test_json_by_other_names(steady: Client, kind: str):
    answer = steady.request(
        "POST", SEARCH, content=b'{"query":"cat"}', headers={"content-type": kind}
    )
    assert answer.status_code == 200


@pytest.fixture
def narrow(settings: Settings, started: Start):
    limits = {"max_body_bytes": 2000, "max_input_bytes": 3000, "max_request_bytes": 1000}
    small = settings.model_copy(update=limits)
    with started(small) as client:
        client.post("/v1/collections", {"name": "animals"})
        yield client


def chunks(size: int, read: list[int]):
    """`size` bytes of JSON in pieces of 100; remembers what was taken."""
    body = b'{"query":"' + b"x" * (size - 12) + b'"}'
    for start in range(0, size, 100):
        read.append(start)
        yield body[start : start + 100]


class Pieces:
    """A streamed body of unannounced length."""

    def __init__(self, size: int) -> None:
        self.size, self.read = size, []

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in chunks(self.size, self.read):
            yield piece


def test_an_announced_body_is_refused_unread(narrow: Client):
    body = Pieces(3001)
    answer = narrow.request("POST", SEARCH, content=body, headers=JSON | {"content-length": "3001"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (413, "body_too_large")
    assert "3,001 bytes; at most 3,000" in error["message"]
    assert body.read == []


def test_an_unannounced_body_is_dropped_at_the_limit(narrow: Client):
    body = Pieces(1_000_000)
    answer = narrow.request("POST", SEARCH, content=body, headers=JSON)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (413, "body_too_large")
    assert "at most 3,000" in error["message"]
    assert body.read[-1] <= 3100


def test_a_body_of_just_the_limit_is_read(narrow: Client):
    assert narrow.request("POST", SEARCH, content=Pieces(3000), headers=JSON).status_code == 200


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/v1/collections/animals/documents", 2000),
        ("/v1/classify/x", 2000),
        ("/v1/embeddings", 3000),
        ("/v1/similarity", 3000),
    ],
)
def test_texts_have_limits_of_their_own(narrow: Client, path: str, most: int):
    for size, status in ((most, 400), (most + 1, 413)):
        answer = narrow.request("POST", path, content=b"x" * size, headers=JSON)
        assert answer.status_code == status, answer.text


@pytest.mark.parametrize("before", [-4, -3, -2, -1, 0, 1])
def test_half_a_surrogate_pair_is_found_wherever_it_stands(steady: Client, before: int):
    """Large bodies are searched in pieces of a mebibyte."""
    head = b'{"documents":[{"id":"x","text":"'
    body = head + b"x" * ((1 << 20) + before - len(head)) + b'\\ud83d"}]}'
    assert body.index(b"\\ud83d") == (1 << 20) + before
    answer = steady.request("POST", "/v1/collections/animals/documents", content=body, headers=JSON)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (422, "documents[0].text")


@pytest.mark.parametrize(
    ("path", "field", "number"),
    [
        ("animals/documents", "documents", 10_001),
        ("animals/documents/states", "documents", 10_001),
        ("animals/documents/delete", "ids", 10_001),
    ],
)
def test_too_many_items_are_refused_unjudged(steady: Client, path: str, field: str, number: int):
    """None of them is looked at: there would be a complaint about each."""
    answer = steady.post(f"/v1/collections/{path}", {field: [5] * number})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, field)
    most = "at most 10,000 are taken in one request: send several"
    assert error["message"] == f"{field} has 10,001 items; {most}"


def test_texts_of_large_bodies_are_read_across_the_pieces(steady: Client):
    """Characters of three bytes, cut at every place they can be."""
    for blanks in range(3):
        text = " " * blanks + "한" * 400_000
        body = f'{{"positive":["{text}"]}}'.encode()
        assert len(body) > 1 << 20
        value = parse_json(b"\xef\xbb\xbf" + body)
        assert value == {"positive": [text]}


@pytest.mark.parametrize("place", [7, (1 << 20) - 1, 1 << 20, (1 << 20) + 5])
def test_what_is_not_utf8_is_told_by_its_byte(place: int):
    body = bytearray(b'"' + b"x" * (1 << 20) + b'yyyyyyyyyy"')
    body[place] = 0xFF
    with pytest.raises(BadJsonError, match=f"not UTF-8: byte {place} "):
        parse_json(body)


def test_a_text_beyond_all_limits_is_refused_unread(steady: Client):
    body = b'{"documents":[{"id":"x","text":"' + b"x" * (9 << 20) + b'"}]}'
    answer = steady.request("POST", "/v1/collections/animals/documents", content=body, headers=JSON)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (422, "invalid_text")
    assert error["message"].startswith("the body holds a text of more than 4,194,304 bytes, at ")
