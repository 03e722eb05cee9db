"""What a stranger could try: other methods, hosts and paths; and what answers give away."""

from __future__ import annotations

import json
import os
import random
import string
from typing import TYPE_CHECKING

import pytest

from service.routes.page import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from service.settings import Settings
    from tests.service.http.conftest import Client

PAGES = ["/", "/docs", "/docs.css"]
FILES = [
    f"/{path.relative_to(FOLDER).as_posix()}"
    for path in sorted(FOLDER.rglob("*"))
    if path.is_file()
]


@pytest.mark.parametrize("path", [*PAGES, *FILES])
def test_pages_load_nothing_from_elsewhere_and_are_what_they_say(steady: Client, path: str):
    headers = steady.get(path).headers
    assert headers["content-security-policy"] == (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/collections", None, 200),
        ("GET", "/openapi.json", None, 200),
        ("GET", "/metrics", None, 200),
        ("GET", "/livez", None, 200),
        ("GET", "/nothing", None, 404),
        ("POST", "/v1/collections/animals/search", b"<script>", 415),
        ("TRACE", "/", None, 405),
    ],
)
def test_no_answer_is_taken_for_another_type(
    steady: Client, method: str, path: str, body: bytes | None, status: int
):
    answer = steady.request(method, path, content=body)
    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "OPTIONS", "PATCH", "PROPFIND", "trace"])
@pytest.mark.parametrize(
    "path",
    [
        *PAGES,
        "/main.js",
        "/openapi.json",
        "/metrics",
        "/livez",
        "/v1/collections",
        "/v1/collections/animals",
        "/v1/collections/animals/search",
        "/v1/collections/animals/documents/cat",
        "/v1/embeddings",
    ],
)
def test_methods_that_nothing_answers(steady: Client, method: str, path: str):
    answer = steady.request(method, path, headers={"x-secret": "echo me"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")
    assert "echo me" not in answer.text
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("host", ["elsewhere.example", 'a"><script>', "localhost, other.test"])
def test_other_hosts_are_not_answered_to(steady: Client, host: str):
    for path in (*PAGES, "/openapi.json", "/v1/collections", "/v1/collections/", "/nothing"):
        answer = steady.get(path, headers={"host": host})
        assert (answer.status_code, answer.json()["error"]["code"]) == (421, "unknown_host")
        assert "location" not in answer.headers


@pytest.mark.parametrize("host", ["127.0.0.1:1", "[::1]", ""])
def test_the_host_named_changes_nothing(steady: Client, host: str):
    for path in (*PAGES, "/openapi.json", "/v1/collections", "/v1/collections/", "/nothing"):
        usual, other = steady.get(path), steady.get(path, headers={"host": host})
        assert (other.status_code, other.content) == (usual.status_code, usual.content), path
        assert "location" not in other.headers
        assert not host or host not in other.text


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "null"])
def test_other_sites_may_not_read(steady: Client, origin: str):
    answer = steady.get("/v1/collections", headers={"origin": origin})
    assert not [name for name in answer.headers if name.startswith("access-control-")]


NAMES = [
    "..",
    ".",
    "../animals",
    "..%2fanimals",
    "%2e%2e",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%5canimals",
    "animals%2f..%2fanimals",
    "%2fetc%2fpasswd",
    "animals%00",
    "%00",
    ".meari.lock",
    "animals%2fdocuments.sqlite",
    "~",
    "C:",
    "animals%20",
    "animals%0a",
    "%ff",
    "a" * 65,
    "%F0%9F%90%88",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_lead_elsewhere(steady: Client, name: str):
    data = steady.app.state.engine.settings.data
    before = listing(data.parent)
    filter = {"filter": {"must": [{"has_id": ["cat"]}]}}
    for method, tail, body in (
        ("GET", "", None),
        ("DELETE", "", None),
        ("POST", "/optimize", None),
        ("POST", "/verify", {"repair": True}),
        ("POST", "/search", {"query": "cat"}),
        ("POST", "/documents", {"documents": [{"id": "x", "text": "x"}]}),
        ("POST", "/documents/delete", filter),
        ("POST", "/documents/trim", {"chunks": {"cat": 1}}),
        ("GET", "/documents/cat", None),
    ):
        content = b"" if body is None else json.dumps(body).encode()
        answer = steady.send_raw(method, f"/v1/collections/{name}{tail}", content)
        assert 400 <= answer.status_code < 500, (method, tail, answer.text)
        assert answer.json()["error"]["code"] in {
            *("invalid_name", "path_not_found", "method_not_allowed"),
            *("collection_not_found", "document_not_found"),
        }
        assert str(data) not in answer.text
    assert listing(data.parent) == before


def listing(folder: Path) -> dict[str, int]:
    found = {path: path.stat() for path in folder.rglob("*") if path.is_file()}
    return {str(path): stat.st_size for path, stat in found.items() if path.name[-4:] != "-shm"}


STRAY_PATHS = [
    *("/web", "/web/", "/reference/", "/static/", "/.git/config", "/.env", "/index.html/"),
    *("//", "/./main.js", "/main.js/..", "/main.js%00", "/web/main.js", "/settings.py"),
    *("/../service/settings.py", "/..%2fsettings.py", "/%2e%2e/%2e%2e/etc/passwd"),
    *("/docs/", "/docs/..%2f", "/__pycache__/"),
]


@pytest.mark.parametrize("path", STRAY_PATHS)
def test_no_folder_is_listed_and_no_other_file_is_given(steady: Client, path: str):
    answer = steady.send_raw("GET", path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "path_not_found")


def test_random_bytes_never_find_a_fault_of_ours(steady: Client):
    generator = random.Random(11)
    for _ in range(300):
        path = "".join(generator.choice("/%.{}?#" + string.hexdigits) for _ in range(30))
        body = generator.randbytes(generator.randrange(40))
        method = generator.choice(["GET", "POST", "DELETE"])
        prefix = generator.choice(["/", "/v1/collections/", "/v1/collections/animals/"])
        answer = steady.send_raw(method, prefix + path, body)
        assert answer.status_code < 500, (method, prefix + path, body)


@pytest.mark.skipif(os.name == "nt", reason="paths are written otherwise")
def test_nothing_tells_where_the_data_lies(animals: Client, settings: Settings):
    """Not even what is told of a damaged collection, which names the file."""
    assert settings.data.is_absolute()
    for name, card in (("cut", "{"), ("newer", '{"format": 99}'), ("empty", "")):
        (settings.data / name).mkdir()
        (settings.data / name / "card.json").write_text(card)
    answers = [
        animals.get("/health"),
        animals.get("/v1/collections"),
        animals.get("/v1/collections/none"),
        *(animals.get(f"/v1/collections/{name}") for name in ("cut", "newer", "empty")),
        animals.post("/v1/collections/cut/search", {"query": "cat"}),
        animals.post("/v1/collections", {"name": "animals"}),
        animals.post("/v1/collections", {"name": "other", "encoder": "./nowhere"}),
    ]
    for answer in answers:
        assert str(settings.data) not in answer.text
        assert str(settings.data.parent) not in answer.text
    damaged = answers[3].json()["error"]
    assert (damaged["code"], damaged["type"]) == ("collection_damaged", "server_error")
    assert damaged["message"].startswith("cut/card.json is not a collection card")
    assert answers[1].json()["unusable"].keys() == {"cut", "newer", "empty"}
