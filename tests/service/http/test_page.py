"""How the page's files are served; what they do is tested in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service.routes.page import FOLDER

if TYPE_CHECKING:
    from tests.service.http.conftest import Client


def test_the_page_stands_at_the_root(client: Client):
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.content == (FOLDER / "index.html").read_bytes()
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "kind"), [("main.js", "text/javascript"), ("logo.svg", "image/svg+xml")]
)
def test_its_files_stand_beside_it(client: Client, name: str, kind: str):
    answer = client.get(f"/{name}")
    assert answer.content == (FOLDER / name).read_bytes()
    assert answer.headers["content-type"].startswith(kind)
    assert answer.headers["cache-control"] == "no-cache"


def test_what_the_browser_has_is_not_sent_again(client: Client):
    tag = client.get("/main.js").headers["etag"]
    answer = client.get("/main.js", headers={"if-none-match": tag})
    assert (answer.status_code, answer.content) == (304, b"")
    assert client.request("HEAD", "/").status_code == 200


@pytest.mark.parametrize("path", ["/web", "/../settings.py", "/%2e%2e/settings.py", "/main.jsx"])
def test_nothing_else_does(client: Client, path: str):
    answer = client.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "path_not_found")
