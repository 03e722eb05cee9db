"""What the documents of a map say of a field, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.service.http.test_jobs import MAP, wait

if TYPE_CHECKING:
    from tests.service.http.conftest import Client


def test_fields_by_position(animals: Client):
    job = animals.post(MAP, {}).json()
    assert wait(animals.get, job["id"])["state"] == "done"
    asked = animals.post(f"{MAP}/documents", {"positions": [0, 1, 2, 3]}).json()
    ids = [document["id"] for document in asked["documents"]]
    lang = animals.get(f"{MAP}/values?key=lang").json()
    assert (lang["kind"], lang["values"], lang["numbers"]) == ("values", ["en", "ko"], [])
    assert dict(zip(ids, lang["codes"], strict=True)) == {
        "cat": 0,
        "dog": 0,
        "bird": 0,
        "고양이": 1,
    }
    animals.delete("/v1/collections/animals/documents/dog")
    legs = animals.get(f"{MAP}/values?key=legs").json()
    assert (legs["kind"], legs["values"], legs["codes"]) == ("numbers", [], [])
    assert dict(zip(ids, legs["numbers"], strict=True)) == {
        "cat": 4,
        "dog": None,
        "bird": 2,
        "고양이": 4,
    }


def test_impossible_keys_and_no_map_are_refused(animals: Client):
    missing = animals.get(f"{MAP}/values?key=lang")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "result_not_found")
    assert wait(animals.get, animals.post(MAP, {}).json()["id"])["state"] == "done"
    for key in ("", "a..b"):
        answer = animals.get(f"{MAP}/values", params={"key": key})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "key")
