"""Routes answered without FastAPI around each request: they answer as FastAPI would have."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from service.body import JsonRoute
from service.quick import QuickRoute
from service.routes import encoding, search

if TYPE_CHECKING:
    import httpx

    from tests.service.http.conftest import Client

EMBED = [
    {"model": "hash:64", "input": "a cat"},
    {"model": "hash:64", "input": ["a cat", "고양이"], "encoding_format": "base64"},
    {"model": "hash:64", "input": ["a cat"], "dimensions": 64, "user": None},
    {"model": "nobody", "input": "a cat"},
    {"model": "hash:64", "input": ["a cat", " "]},
    {"model": "hash:64", "input": []},
    {"model": "hash:64", "input": [1, "two"]},
    {"model": "hash:64", "input": "a cat", "encoding_format": "words"},
    {"model": "hash:64", "input": "a cat", "colour": "red"},
    {"input": "a cat"},
    {"model": 7, "input": "a cat", "dimensions": "many"},
    {},
    [],
    None,
    "a cat",
]
SEARCH = [
    {"query": "a cat"},
    {"query": "고양이", "limit": 2, "mode": "lexical"},
    {"query": "a cat", "filter": {"must": [{"key": "legs", "range": {"lt": 3}}]}},
    {"query": "a cat", "filter": {"must": [{"key": "legs"}]}},
    {"query": " "},
    {"limit": 10},
    {"query": "a cat", "limit": 0},
    {"query": "a cat", "limit": 10.0},
    {"query": "a cat", "vector": [1.0]},
    {"query": "a cat", "nothing": 1},
    None,
]
BROKEN = [b"", b"{", b'{"query": "\xff"}', b'{"query": "a", "query": "b"}', b'{"limit": NaN}']


@pytest.fixture
def both(animals: Client) -> Client:
    """A client of an application that has the same functions behind FastAPI, under `/slow`."""
    quick = [
        route
        for module in (encoding, search)
        for route in module.routes.routes
        if isinstance(route, QuickRoute)
    ]
    assert [route.path for route in quick] == [
        "/v1/embeddings",
        "/v1/collections/{collection}/search",
    ]
    for route in quick:
        animals.app.router.add_api_route(
            f"/slow{route.path}",
            route.endpoint,
            methods=["POST"],
            route_class_override=JsonRoute,
        )
    return animals


def told(answer: httpx.Response) -> tuple[int, object, dict[str, str]]:
    """What an answer says, but for what differs from one answer to the next."""
    content = answer.json()
    if isinstance(content, dict) and "receipt" in content:
        content["receipt"]["milliseconds"] = dict.fromkeys(content["receipt"]["milliseconds"])
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    if answer.status_code == 200 and "receipt" in answer.text:
        headers.pop("content-length")  # milliseconds have more digits or fewer
    return answer.status_code, content, headers


@pytest.mark.parametrize(
    ("path", "bodies"),
    [
        ("/v1/embeddings", EMBED),
        ("/v1/collections/animals/search", SEARCH),
        ("/v1/collections/nobody/search", SEARCH[:1]),
        ("/v1/collections/not%20a%20name/search", SEARCH[:1]),
    ],
)
def test_they_answer_as_behind_fastapi(both: Client, path: str, bodies: list[object]):
    statuses = set()
    for body in [*(json.dumps(each).encode() for each in bodies), *BROKEN]:
        headers = {"content-type": "application/json"}
        quick = told(both.post(path, content=body, headers=headers))
        assert quick == told(both.post(f"/slow{path}", content=body, headers=headers)), body
        statuses.add(quick[0])
    assert 400 in statuses


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/collections/animals/search"])
def test_what_is_no_json_is_refused_alike(both: Client, path: str):
    for headers in ({}, {"content-type": "text/plain"}):
        quick = both.post(path, content=b'{"query": "a"}', headers=headers)
        assert quick.status_code == 415
        assert told(quick) == told(
            both.post(f"/slow{path}", content=b'{"query": "a"}', headers=headers)
        )


def test_other_methods_are_told_what_the_path_answers(both: Client):
    answer = both.get("/v1/embeddings")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_they_are_counted_under_their_templates(both: Client):
    both.post("/v1/embeddings", json=EMBED[0])
    both.post("/v1/collections/animals/search", json=SEARCH[0])
    counted = both.get("/metrics").text
    for route in ("/v1/embeddings", "/v1/collections/{collection}/search"):
        labels = f'method="POST",route="{route}",status="200"'
        assert f"meari_http_requests_total{{{labels}}} 1.0" in counted
