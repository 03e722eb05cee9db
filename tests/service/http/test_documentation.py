"""`docs/http-api.md` says what the service does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from service.errors import TABLE
from service.jobs.types import Job
from service.settings import Settings

if TYPE_CHECKING:
    from tests.service.http.conftest import Client

DOCS = Path(__file__).parents[3] / "docs"
DOCUMENT = (DOCS / "http-api.md").read_text()
OPERATIONS = (DOCS / "operations.md").read_text()
EXCHANGE = re.compile(r"```http\n(\w+) (\S+)\n(.*?)```\n(?:```json\n(.*?)```)?", re.DOTALL)


def shape(value: object) -> object:
    """The value with leaves of one type made equal; of lists, the first item speaks for all."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def test_the_exchanges_shown_happen(client: Client):
    """In their order, with another encoder, and so with other numbers."""
    exchanges = EXCHANGE.findall(DOCUMENT)
    assert len(exchanges) == 16
    for method, path, body, expected in exchanges:
        sent = json.loads(body.replace('"meari-ko-en"', '"hash:64"')) if body.strip() else None
        answer = client.request(method, path, json=sent)
        if not expected:
            assert answer.status_code == 201
            continue
        shown, got = json.loads(expected), answer.json()
        assert shape(got) | CARD == shape(shown) | CARD, path
        for key in ("added", "count", "error", "deleted", "states", "ok", "problems"):
            assert got.get(key) == shown.get(key), path


CARD = {"encoder": "differs in its languages"}


def test_every_error_code_is_told():
    codes = {code for _, code, _ in TABLE.values()} | {"path_not_found", "method_not_allowed"}
    table = DOCUMENT.split("## Errors")[1].split("## Settings")[0]
    rows = re.findall(r"^\| (\d+) \| (.*?) \|", table, re.MULTILINE)
    told = {(code, int(status)) for status, cell in rows for code in re.findall(r"`(\w+)`", cell)}
    assert {code for code, _ in told} == codes | {"internal_error"}
    assert {(code, status) for status, code, _ in TABLE.values()} <= told


def test_every_setting_is_told_with_its_default():
    rows = re.findall(r"^\| `MEARI_(\w+)` \| (?:`(.*?)` )?\|", DOCUMENT, re.MULTILINE)
    defaults = {
        name: "" if field.default is None else str(field.default)
        for name, field in Settings.model_fields.items()
    }
    assert {name.lower(): default for name, default in rows} == defaults


def test_every_metric_is_told_with_its_labels(animals: Client):
    animals.post("/v1/collections/animals/search", {"query": "a cat"})
    animals.get("/nothing")
    sampler = animals.app.state.engine.folder.collection("animals").storage.sampler
    sampler._recalls.append(1.0)  # as if a live query had been checked
    job = Job("1", "clusters", "animals", {}, "2026-11-30T00:00:00Z", state="done")
    animals.app.state.engine.metrics.count_job(job, 1.0)
    rows = re.findall(r"^\| `(meari_\w+)` \| (.*?) \|", OPERATIONS, re.MULTILINE)
    told = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    served: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(animals.get("/metrics").text):
        if family.name.startswith("meari_"):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = {label for sample in family.samples for label in sample.labels}
            served[name] = labels - {"le"}
    assert told == served | {"meari_backup_newest_timestamp_seconds": {"collection"}}
    # which is told where backups are kept; tests/service/http/test_backups.py


def test_the_questions_shown_ask_for_metrics_that_are_told():
    asked = set(re.findall(r"\bmeari_\w+", OPERATIONS.split("```promql")[1].split("```")[0]))
    told = set(re.findall(r"^\| `(meari_\w+)`", OPERATIONS, re.MULTILINE))
    assert len(asked) == 8
    assert {name.removesuffix("_bucket") for name in asked} <= told
