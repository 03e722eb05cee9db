from __future__ import annotations

import io
import json
import logging
import sys
from typing import TYPE_CHECKING

import pytest

from service.observe import JsonLines, TextLines, configure_logging

if TYPE_CHECKING:
    from service.settings import Settings
    from tests.service.http.conftest import Client


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
