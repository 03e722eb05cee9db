"""The short form of `python -m benchmarks.reliability api`: a request or two to every operation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import httpx
import pytest

from benchmarks.reliability.api import strict, try_all
from benchmarks.reliability.api_tally import Tally
from benchmarks.reliability.served import served

if TYPE_CHECKING:
    from pathlib import Path


# Of Schemathesis and what it brings; this service's own warnings are errors in the server's tests.
@pytest.mark.filterwarnings("default")
def test_every_operation_answers_as_its_document_says(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        tally = try_all(server.url, cases=1, examples=1, seed=3, first=("fuzzing",), analysed=False)
        document = httpx.get(f"{server.url}/openapi.json", trust_env=False).json()
        faults = server.faults()
    assert (tally.wrong, tally.broken, faults) == ({}, [], [])
    found = tally.to_json()
    assert found["operations"] == sum(map(len, document["paths"].values())) > 60
    assert found["cases"] >= found["operations"]
    assert found["server_errors"] == 0
    assert found["checks_made"]["response_schema_conformance"] >= 60


def test_no_status_is_documented_by_default() -> None:
    answers = {"200": {}, "404": {}, "default": {}}
    document = {"paths": {"/v1/x": {"get": {"responses": answers}}}}
    assert strict(document)["paths"]["/v1/x"]["get"]["responses"] == {"200": {}, "404": {}}
    assert "default" in answers


def test_what_the_run_made_again_is_no_fault_of_the_server() -> None:
    """Scenarios go on in a thread of their own while what the last one dropped is made again."""
    tally = Tally()
    for begun in (100.0, 200.0):
        tally.add("stateful", scenario(begun), [(90.0, 101.5)])
    key = ("use_after_free", "GET /v1/x", 200)
    assert tally.wrong == {key: [1, "was deleted", "curl"]}
    assert (tally.meanwhile, tally.checks["use_after_free"]) == (1, 2)
    again = Tally.of(tally.to_json())
    assert (again.meanwhile, again.wrong) == (1, tally.wrong)


def scenario(begun: float) -> SimpleNamespace:
    """One request that met what had been deleted, as Schemathesis records it."""
    said = SimpleNamespace(message="was deleted")
    failed = SimpleNamespace(failure=said, code_sample="curl")
    asked = SimpleNamespace(operation=SimpleNamespace(label="GET /v1/x"))
    return SimpleNamespace(
        interactions={
            "a": SimpleNamespace(response=SimpleNamespace(status_code=200), timestamp=begun)
        },
        cases={"a": SimpleNamespace(value=asked)},
        checks={"a": [SimpleNamespace(name="use_after_free", failure_info=failed)]},
    )
