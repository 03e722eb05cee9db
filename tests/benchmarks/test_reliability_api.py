"""The short form of `python -m benchmarks.reliability api`: a request or two to every operation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from benchmarks.reliability.api import strict, try_all
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
