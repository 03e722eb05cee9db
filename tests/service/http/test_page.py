"""How the page's files are served; what they do is tested in a browser."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from service.reference.page import render_reference
from service.routes.page import FOLDER

if TYPE_CHECKING:
    from tests.service.http.conftest import Client


def test_the_page_stands_at_the_root(steady: Client):
    answer = steady.get("/")
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
def test_its_files_stand_beside_it(steady: Client, name: str, kind: str):
    answer = steady.get(f"/{name}")
    assert answer.content == (FOLDER / name).read_bytes()
    assert answer.headers["content-type"].startswith(kind)
    assert answer.headers["cache-control"] == "no-cache"


def test_what_the_browser_has_is_not_sent_again(steady: Client):
    tag = steady.get("/main.js").headers["etag"]
    answer = steady.get("/main.js", headers={"if-none-match": tag})
    assert (answer.status_code, answer.content) == (304, b"")
    assert steady.request("HEAD", "/").status_code == 200


@pytest.mark.parametrize("path", ["/web", "/../settings.py", "/%2e%2e/settings.py", "/main.jsx"])
def test_nothing_else_does(steady: Client, path: str):
    answer = steady.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "path_not_found")


class Anchors(HTMLParser):
    """Elements, ids and links of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.ids, self.links = set[str](), list[str](), set[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            elif name in {"href", "src"}:
                self.links.add(value)


def test_the_reference_needs_no_script_and_no_network(steady: Client):
    answer = steady.get("/docs")
    assert answer.headers["content-security-policy"].startswith("default-src 'self';")
    page = Anchors(answer.text)
    assert not page.tags & {"script", "style", "img", "iframe"}
    elsewhere = {link for link in page.links if not link.startswith("#")}
    assert elsewhere == {"./", "docs.css", "logo.svg", "openapi.json"}
    assert steady.get("/docs.css").headers["content-type"].startswith("text/css")


def test_the_reference_tells_of_everything(steady: Client):
    document = steady.get("/openapi.json").json()
    operations = [each for methods in document["paths"].values() for each in methods.values()]
    page = Anchors(steady.get("/docs").text)
    named = {each["operationId"] for each in operations} | set(document["components"]["schemas"])
    assert set(page.ids) == named | {"objects"}
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)


def test_the_reference_in_words(steady: Client):
    text = steady.get("/docs").text
    assert "<td>whole number, 1 to 10,000</td><td><code>10</code></td><td>Matches wanted." in text
    assert '<b class="post">POST</b> <code>/v1/collections/{collection}/search</code>' in text
    assert 'list of <a href="#DocumentBody">DocumentBody</a>, at least 1' in text
    assert "<code>Retry-After</code> says when to try again" in text


def test_the_reference_shows_markup_as_text():
    document = {
        "info": {"title": "<b>", "version": "1", "description": "<script>x</script>"},
        "tags": [],
        "paths": {},
        "components": {"schemas": {"X": {"properties": {"<i>": {"default": "<u>"}}}}},
    }
    page = Anchors(render_reference(document, style="s"))
    assert not page.tags & {"b", "script", "i", "u"}
