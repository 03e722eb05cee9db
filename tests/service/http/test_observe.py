from __future__ import annotations

import io
import json
import logging
import sys
from typing import TYPE_CHECKING

import pytest

from service.access.keyring import KeyWish, create_key
from service.observe import JsonLines, TextLines, configure_logging

if TYPE_CHECKING:
    from service.settings import Settings
    from tests.service.http.conftest import Client, Start


def lines(caplog: pytest.LogCaptureFixture):
    return [record.fields for record in caplog.records if record.message == "request"]


@pytest.fixture
def log(animals: Client, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "service")
    caplog.clear()
    return caplog


def test_one_line_a_request_with_the_template_of_its_route(
    animals: Client, log: pytest.LogCaptureFixture
):
    animals.post("/v1/collections/animals/search", {"query": "a secret"})
    animals.get("/v1/collections/animals/documents/cat")
    animals.get("/v1/collections/animals/documents/cow")
    animals.get("/livez")
    animals.get("/no/such/path")
    told = lines(log)
    assert [(line["method"], line["route"], line["status"]) for line in told] == [
        ("POST", "/v1/collections/{collection}/search", 200),
        ("GET", "/v1/collections/{collection}/documents/{document_id:path}", 200),
        ("GET", "/v1/collections/{collection}/documents/{document_id:path}", 404),
        ("GET", "/livez", 200),
        ("GET", "-", 404),
    ]
    assert all(0 <= line["ms"] < 10_000 for line in told)
    assert "secret" not in log.text


def test_a_line_tells_collection_key_and_refusal(
    settings: Settings, started: Start, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "service")
    settings.data.mkdir()
    _, shown = create_key(settings.data, KeyWish("ops=1", "admin"))
    with started(settings) as client:
        headers = {"authorization": f"Bearer {shown}"}
        client.post("/v1/collections", {"name": "동물"}, headers=headers)
        caplog.clear()
        client.post("/v1/collections/동물/search", {"query": "x", "limit": 0}, headers=headers)
        client.post("/v1/collections/no such/search", {"query": "x"}, headers=headers)
        client.post("/v1/collections/동물/search", {"query": "x"})
    found = [{name: line.get(name) for name in WHO} for line in lines(caplog)]
    name = "ops=1"
    assert found == [
        {"key": name, "collection": "동물", "code": "invalid_value"},
        {"key": name, "collection": None, "code": "invalid_name"},
        {"key": None, "collection": None, "code": "missing_api_key"},
    ]
    told = [TextLines().format(each) for each in caplog.records if each.message == "request"]
    assert all("\n" not in line and "\x1b" not in line for line in told)
    assert 'key="ops=1"' in told[0]


def test_a_value_is_one_word_or_in_quotes_and_a_line_is_one():
    made = record(key="a b", path='x"=1', end="\n\x1b[31m", word="가-1")
    made.msg, made.args = "one\ntwo\x1b[31m \u2028three", ()
    line = TextLines().format(made)
    fields = r'key="a b" path="x\"=1" end="\n\u001b[31m" word=가-1'
    assert line.endswith(rf"service one\ntwo\x1b[31m \u2028three {fields}")
    assert line.splitlines() == [line]


WHO = ("key", "collection", "code")
SECRETS = ("s3cret-header", "s3cret-query", "s3cret-body", "s3cret-path", "s3cret-cookie")


@pytest.mark.parametrize("formatter", [TextLines(), JsonLines()], ids=["text", "json"])
def test_nothing_of_headers_queries_bodies_and_paths_is_told(
    animals: Client, caplog: pytest.LogCaptureFixture, formatter: logging.Formatter
):
    """Whatever came of the request, an error of ours among it."""

    def fail() -> None:
        raise ZeroDivisionError

    animals.app.add_api_route("/fails/{id}", fail, methods=["POST"])
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    header, query, body, path, cookie = SECRETS
    headers = {
        "authorization": f"Bearer meari_{header}",
        "x-api-key": header,
        "cookie": f"session={cookie}",
        "x-request-id": f"{header}\r\nforged",
        "user-agent": header,
        "referer": f"http://localhost/?{header}",
    }
    for method, place in [
        ("POST", "/v1/collections/animals/search"),
        ("POST", f"/v1/collections/animals/documents/{path}"),
        ("GET", f"/v1/collections/animals/documents/{path}"),
        ("DELETE", f"/v1/jobs/{path}"),
        ("POST", f"/fails/{path}"),
        (path.upper(), f"/{path}"),
    ]:
        json_body = {"query": body, body: body} if method == "POST" else None
        animals.request(method, f"{place}?{query}={query}", json=json_body, headers=headers)
    told = "\n".join(formatter.format(each) for each in caplog.records if "httpx" not in each.name)
    assert told.count("ZeroDivisionError") >= 1
    assert len(lines(caplog)) == 6
    for secret in SECRETS:
        assert secret not in told.lower(), secret
    assert "forged" not in told


def test_error_lines_carry_the_request_id(animals: Client, caplog: pytest.LogCaptureFixture):
    def fail() -> None:
        raise ZeroDivisionError

    animals.app.add_api_route("/fails", fail)
    seen = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(json.loads(JsonLines().format(record)))

    handler = Keep()
    logging.getLogger("service").addHandler(handler)
    try:
        with caplog.at_level(logging.INFO, "service"):
            answer = animals.get("/fails", headers={"x-request-id": "the-id"})
    finally:
        logging.getLogger("service").removeHandler(handler)
    assert "the-id" in answer.json()["error"]["message"]
    error, request = seen
    assert (error["level"], error["request_id"], error["route"]) == ("ERROR", "the-id", "/fails")
    assert error["traceback"].endswith("ZeroDivisionError")
    assert (request["request_id"], request["status"]) == ("the-id", 500)
    assert request["code"] == "internal_error"


@pytest.mark.parametrize("given", ["abc-DEF_1.2:3", "x" * 128])
def test_a_sane_request_id_comes_back(steady: Client, given: str | bytes):
    assert steady.get("/livez", headers={"x-request-id": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, 'a"', "가".encode(), b"a\tb"])
def test_any_other_gets_a_new_one(steady: Client, given: str | bytes):
    headers = {"x-request-id": given}
    new = steady.get("/livez", headers=headers).headers["x-request-id"]
    again = steady.get("/livez", headers=headers).headers["x-request-id"]
    assert len(new) == 32
    assert int(new, 16) != int(again, 16)


def test_threads_that_work_for_a_request_know_its_id(
    animals: Client, log: pytest.LogCaptureFixture
):
    formatter = TextLines()
    seen = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(formatter.format(record))

    engine = animals.app.state.engine
    handler = Keep()
    logger = logging.getLogger("meari.test")
    logger.addHandler(handler)

    async def work():
        await engine.read(logger.warning, "from a thread")
        return {}

    animals.app.add_api_route("/work", work)
    animals.get("/work", headers={"x-request-id": "the-id"})
    logger.removeHandler(handler)
    assert len(seen) == 1
    assert seen[0].endswith("WARNING meari.test from a thread request_id=the-id")


def record(**fields: object):
    made = logging.LogRecord("service", logging.INFO, "f", 1, "요청 %s", ("one",), None)
    made.created = 1_795_000_000.25
    made.fields = fields
    return made


def test_text_lines():
    assert TextLines().format(record(status=200, ms=1.5)) == (
        "2026-11-18T11:06:40.250Z INFO service 요청 one status=200 ms=1.5"
    )


def test_json_lines():
    made = record(status=200)
    try:
        raise KeyError("x")
    except KeyError:
        made.exc_info = sys.exc_info()
    line = JsonLines().format(made)
    assert "\n" not in line
    entry = json.loads(line)
    assert entry.pop("traceback").endswith("KeyError: 'x'")
    assert entry == {
        "time": "2026-11-18T11:06:40.250Z",
        "level": "INFO",
        "logger": "service",
        "message": "요청 one",
        "status": 200,
    }


def test_configured_logging_writes_to_standard_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        configure_logging(
            settings.model_copy(update={"log_format": "json", "log_level": "warning"})
        )
        logging.getLogger("a").info("left out")
        logging.getLogger("a").warning("told")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    assert json.loads(stream.getvalue())["message"] == "told"


@pytest.mark.parametrize(("level", "heard"), [("info", False), ("debug", True)])
def test_libraries_are_heard_only_by_who_debugs(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, level: str, heard: bool
):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    root, library = logging.getLogger(), logging.getLogger("faiss.loader")
    handlers, levels = root.handlers[:], (root.level, library.level)
    library.setLevel(logging.NOTSET)
    try:
        configure_logging(settings.model_copy(update={"log_level": level}))
        library.info("loading a variant")
        library.warning("told")
    finally:
        root.handlers[:] = handlers
        root.setLevel(levels[0])
        library.setLevel(levels[1])
    assert ("loading a variant" in stream.getvalue()) == heard
    assert "told" in stream.getvalue()
