"""Backups from the command line: made, tried, brought back, checked, let go."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.cli.conftest import Meari


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def test_a_collection_is_kept_and_brought_back(indexed: Meari, place: Path) -> None:
    made = indexed.done("collections", "backup", "faq", "--to", place, "--json").json
    assert (made["collection"], made["documents"], made["encoder"]) == ("faq", 4, "hash:64")
    assert made["written"] > 1000
    again = indexed.done("collections", "backup", "faq", "--to", place)
    assert "4 documents" in again.out
    assert "0 bytes written" in again.out
    listed = indexed.done("backups", "list", place, "--json").json
    assert [each["collection"] for each in listed["backups"]] == ["faq", "faq"]
    assert listed["unreadable"] == {}
    assert made["id"] in indexed.done("backups", "list", place).out
    ran = indexed.done("collections", "restore", place, "--as", "again", "--backup", made["id"])
    assert ran.out == f"again: 4 documents restored from {made['id']}\n"
    found = indexed.done("search", "again", "tyres", "--json").json
    assert found["matches"][0]["id"] == "car"
    taken = indexed("collections", "restore", place, "--as", "again")
    assert (taken.status, taken.out) == (1, "")
    assert "exists already" in taken.err


def test_a_backup_is_tried(indexed: Meari, place: Path) -> None:
    made = indexed.done("collections", "backup", "faq", "--to", place, "--drill", "--json").json
    assert made["drill"]["ok"] is True
    assert made["drill"]["compared"] == 4
    assert [each["mode"] for each in made["drill"]["replays"]] == ["dense", "lexical", "hybrid"]
    ran = indexed.done("collections", "drill", place)
    assert "passed: 4 documents restored, 4 compared with faq" in ran.out
    assert indexed.done("collections", "list", "--json").json["collections"][0]["name"] == "faq"
    (pack,) = (place / "packs").glob("*.pack")
    content = bytearray(pack.read_bytes())
    content[1000] ^= 1
    pack.write_bytes(content)
    failed = indexed("collections", "drill", place, "--json")
    assert failed.status == 1
    assert failed.json["ok"] is False
    assert "damaged" in failed.json["problems"][0]


def test_any_folder_is_checked(indexed: Meari, place: Path, tmp_path: Path) -> None:
    indexed.done("collections", "backup", "faq", "--to", place)
    assert "1 backup whole, 0 not" in indexed.done("collections", "verify", place).out
    one = indexed.done("collections", "verify", indexed.folder / "faq")
    assert "4 documents checked, everything agrees" in one.out
    every = indexed.done("collections", "verify", indexed.folder, "--json").json
    assert (every["ok"], list(every["collections"])) == (True, ["faq"])
    (pack,) = (place / "packs").glob("*.pack")
    content = bytearray(pack.read_bytes())
    content[1000] ^= 1
    pack.write_bytes(content)
    hurt = indexed("collections", "verify", place)
    assert hurt.status == 1
    assert "is not whole: " in hurt.out
    assert "--repair takes damaged blocks out" in hurt.out
    mended = indexed("collections", "verify", place, "--repair", "--json")
    assert "written anew without 1 damaged blocks" in mended.json["repaired"][0]
    indexed.done("collections", "backup", "faq", "--to", place)
    assert "2 backups whole, 0 not" in indexed.done("collections", "verify", place).out
    vectors = indexed.folder / "faq" / "vectors.f32"
    vectors.write_bytes(bytes(100))
    broken = indexed("collections", "verify", indexed.folder, "--json")
    assert (broken.status, broken.json["ok"]) == (1, False)
    indexed.done("collections", "verify", indexed.folder, "--repair")
    assert indexed("collections", "verify", tmp_path / "nothing").status == 2


def test_old_backups_go(indexed: Meari, place: Path, tmp_path: Path) -> None:
    for number in range(3):
        line = {"id": "new", "text": f"words that are new {number}"}
        (tmp_path / "more.jsonl").write_text(json.dumps(line) + "\n")
        indexed.done("index", tmp_path / "more.jsonl", "--into", "faq")
        indexed.done("collections", "backup", "faq", "--to", place)
    ran = indexed.done("backups", "prune", place, "--keep", "1", "--json").json
    assert (len(ran["removed"]), len(ran["kept"])) == (2, 1)
    assert ran["freed"] > 0
    assert "1 backup left" in indexed.done("backups", "prune", place, "--keep", "1").out
    assert indexed("backups", "prune", place, "--keep", "0").status == 2


def test_places_that_cannot_be(indexed: Meari, place: Path) -> None:
    nowhere = indexed("collections", "backup", "faq")
    assert (nowhere.status, "MEARI_BACKUPS" in nowhere.err) == (2, True)
    inside = indexed("collections", "backup", "faq", "--to", indexed.folder / "backups")
    assert (inside.status, "would be lost with it" in inside.err) == (2, True)
    both = indexed("collections", "backup", "faq", "--to", place, "--url", "http://127.0.0.1:1")
    assert (both.status, "a server keeps backups where" in both.err) == (2, True)
    none = indexed("collections", "restore", place, "--as", "again")
    assert (none.status, "no backups in" in none.err) == (1, True)


def test_disk_that_has_to_stay_free_stays_so(
    indexed: Meari, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexed.done("collections", "backup", "faq", "--to", place)
    before = sorted(path.name for path in place.rglob("*"))
    source = tmp_path / "more.jsonl"
    source.write_text('{"id": "new", "text": "a text"}\n')
    monkeypatch.setenv("MEARI_DISK_FLOOR", "900000GB")
    for verb in (
        ("collections", "backup", "faq", "--to", place),
        ("collections", "restore", place, "--as", "again"),
        ("collections", "drill", place),
        ("index", source, "--into", "faq"),
    ):
        ran = indexed(*verb)
        assert (ran.status, "MEARI_DISK_FLOOR" in ran.err) == (1, True), ran.err
    assert sorted(path.name for path in place.rglob("*")) == before
    listed = indexed.done("collections", "list", "--json").json["collections"]
    assert [(each["name"], each["documents"]) for each in listed] == [("faq", 4)]
