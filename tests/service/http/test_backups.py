"""Backups over HTTP: jobs that keep collections, try what was kept, and bring it back."""

from __future__ import annotations

import shutil
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from service.access.keyring import KeyWish, create_key
from service.backup_gauges import _bounded
from service.settings import Settings
from tests.service.http.conftest import ENCODER
from tests.service.http.test_jobs import wait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from tests.service.http.conftest import Client, Start

DOCUMENTS = [{"id": f"d{n}", "text": f"word{n} and word{n % 5}"} for n in range(30)]


@pytest.fixture
def keeping(tmp_path: Path, started: Start) -> Iterator[Client]:
    """A server with a folder for backups and the collection `faq`."""
    chosen = Settings(
        data=tmp_path / "data", backups=tmp_path / "backups", encoder=ENCODER, job_niceness=0
    )
    with started(chosen) as client:
        client.post("/v1/collections", {"name": "faq"})
        client.post("/v1/collections/faq/documents", {"documents": DOCUMENTS})
        yield client


def done(client: Client, path: str, body: object = None) -> dict[str, Any]:
    """The job that was asked for, over."""
    answer = client.post(path, body)
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    return wait(client.get, job["id"])


def test_a_collection_is_kept_tried_and_brought_back(keeping: Client) -> None:
    assert keeping.get("/v1/backups").json() == {"backups": [], "unreadable": {}}
    job = done(keeping, "/v1/collections/faq/backups")
    assert (job["kind"], job["state"], job["error"]) == ("backup", "done", None)
    made = job["result"]
    assert (made["collection"], made["documents"]) == ("faq", 30)
    assert keeping.get("/v1/backups").json() == {"backups": [made], "unreadable": {}}

    drilled = done(keeping, f"/v1/backups/{made['id']}/drill", {"queries": 5})
    report = drilled["result"]
    assert (report["ok"], report["compared"], report["changed"]) == (True, 30, False)
    assert [each["queries"] for each in report["replays"]] == [5, 5, 5]
    assert [each["judged"] for each in report["replays"]] == [True, True, True]

    keeping.post("/v1/collections/faq/documents/delete", {"ids": ["d3"]})
    restored = done(keeping, f"/v1/backups/{made['id']}/restore", {"name": "again"})
    assert restored["state"] == "done", restored
    assert restored["collection"] == "again"
    told = {"name": "again", "backup": made["id"], "documents": 30, "warnings": []}
    assert restored["result"] == told
    assert keeping.get("/v1/collections/faq").json()["documents"] == 29
    assert keeping.get("/v1/collections/again").json()["documents"] == 30
    asked = {"query": "word3", "mode": "lexical"}
    found = keeping.post("/v1/collections/again/search", asked).json()
    assert found["matches"][0]["id"] == "d3"

    later = done(keeping, f"/v1/backups/{made['id']}/drill")["result"]
    assert (later["ok"], later["compared"], later["changed"]) == (True, 29, True)


def error(answer: httpx.Response) -> tuple[int, str, str | None]:
    told = answer.json()["error"]
    return answer.status_code, told["code"], told["param"]


def test_what_cannot_be_brought_back(keeping: Client, tmp_path: Path) -> None:
    assert error(keeping.post("/v1/backups/none/restore", {"name": "x"})) == (
        *(404, "backup_not_found"),
        "backup",
    )
    made = done(keeping, "/v1/collections/faq/backups")["result"]
    path = f"/v1/backups/{made['id']}/restore"
    assert error(keeping.post(path, {"name": "faq"})) == (409, "collection_exists", "name")
    assert error(keeping.post(path, {"name": "../x"})) == (400, "invalid_name", "name")
    assert error(keeping.post(path, {"name": "x", "to": "elsewhere"}))[0] == 400
    assert error(keeping.post("/v1/collections/none/backups")) == (
        *(404, "collection_not_found"),
        "collection",
    )
    drill = f"/v1/backups/{made['id']}/drill"
    assert error(keeping.post(drill, {"queries": 0})) == (400, "invalid_value", "queries")
    shutil.rmtree(tmp_path / "backups" / "packs")
    (tmp_path / "backups" / "packs").mkdir()
    job = done(keeping, path, {"name": "again"})
    assert (job["state"], job["error"]["code"]) == ("failed", "collection_damaged")
    assert "blocks are missing" in job["error"]["message"]
    assert str(tmp_path) not in job["error"]["message"]
    assert keeping.get("/v1/collections/again").status_code == 404
    assert not list((tmp_path / "data").glob(".restoring-*"))
    report = done(keeping, drill)["result"]
    assert report["ok"] is False


def test_a_bound_key_is_told_nothing_of_others_backups(tmp_path: Path, started: Start) -> None:
    """One that is not there, one of another collection and one that is damaged look alike."""
    data, kept = tmp_path / "data", tmp_path / "backups"
    data.mkdir()
    _, everything = create_key(data, KeyWish("all", "admin"))
    _, bound = create_key(data, KeyWish("mine", "admin", ("mine",)))
    missing, damaged = (f"20261130T06315012345{n}Z-f68c" for n in (6, 7))
    with started(Settings(data=data, backups=kept, encoder=ENCODER, job_niceness=0)) as client:

        def ask(method: str, path: str, key: str, body: object = None) -> httpx.Response:
            headers = {"authorization": f"Bearer {key}"}
            return client.request(method, path, json=body, headers=headers)

        for name in ("mine", "others"):
            ask("POST", "/v1/collections", everything, {"name": name})
        made = {}
        for name in ("mine", "others"):
            job = ask("POST", f"/v1/collections/{name}/backups", everything).json()
            over = wait(lambda path: ask("GET", path, everything), job["id"])
            made[name] = over["result"]["id"]
        (kept / "manifests" / f"{damaged}.json").write_text("{}")
        told = set()
        for id_ in (made["others"], missing, damaged):
            for path, body in (("restore", {"name": "mine"}), ("drill", None)):
                answer = ask("POST", f"/v1/backups/{id_}/{path}", bound, body)
                assert error(answer) == (404, "backup_not_found", "backup")
                told.add(answer.json()["error"]["message"].replace(id_, "ID"))
        assert told == {"no backup 'ID'; GET /v1/backups lists those there are"}
        listed = ask("GET", "/v1/backups", bound).json()
        assert [each["id"] for each in listed["backups"]] == [made["mine"]]
        assert listed["unreadable"] == {}
        unbound = ask("POST", f"/v1/backups/{missing}/drill", everything)
        assert made["others"] in unbound.json()["error"]["message"]


def test_a_server_without_a_folder_for_backups_keeps_none(animals: Client) -> None:
    for answer in (
        animals.get("/v1/backups"),
        animals.post("/v1/collections/animals/backups"),
        animals.post("/v1/backups/x/restore", {"name": "again"}),
        animals.post("/v1/backups/x/drill"),
    ):
        assert error(answer) == (409, "no_backups_folder", None)
        assert "MEARI_BACKUPS" in answer.json()["error"]["message"]


def newest(client: Client) -> dict[str, float]:
    """By collection, as Prometheus is told."""
    found = {}
    for line in client.get("/metrics").text.splitlines():
        if line.startswith("meari_backup_newest_timestamp_seconds{"):
            labels, value = line.split()
            found[labels.split('"')[1]] = float(value)
    return found


def test_how_old_the_newest_backup_is(keeping: Client, tmp_path: Path) -> None:
    keeping.post("/v1/collections", {"name": "other"})
    assert newest(keeping) == {"faq": 0, "other": 0}
    assert 'meari_jobs_total{kind="backup",state="failed"} 0.0' in keeping.get("/metrics").text
    done(keeping, "/v1/collections/faq/backups")
    made = done(keeping, "/v1/collections/faq/backups")["result"]
    created = datetime.fromisoformat(made["created"]).timestamp()
    assert newest(keeping) == {"faq": created, "other": 0}
    manifests = tmp_path / "backups" / "manifests"
    shutil.copy(manifests / f"{made['id']}.json", manifests / "29990101T000000000000Z-aaaa.json")
    assert newest(keeping) == {"faq": created, "other": 0}, "a damaged one is none"
    made = done(keeping, "/v1/collections/faq/backups")["result"]
    created = datetime.fromisoformat(made["created"]).timestamp()
    only = manifests / f"{made['id']}.json"
    for path in set(manifests.iterdir()) - {only}:
        path.unlink()
    whole = only.read_bytes()
    only.write_bytes(b"")
    assert newest(keeping) == {"faq": 0, "other": 0}
    only.write_bytes(whole)
    assert newest(keeping) == {"faq": created, "other": 0}, "what could not be read is read again"
    keeping.delete("/v1/collections/other")
    assert newest(keeping) == {"faq": created}


def test_where_no_backups_are_kept_none_are_told_of(animals: Client) -> None:
    assert newest(animals) == {}


def test_of_many_collections_the_longest_without_a_backup_are_told() -> None:
    told = _bounded({f"c{number}": 1000.0 + number for number in range(103)})
    assert len(told) == 101
    assert (told["c0"], told["c99"], told["(others)"]) == (1000, 1099, 1100)
