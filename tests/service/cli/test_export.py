"""Documents written into files from the command line, and read back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.cli.conftest import Meari


def test_a_collection_goes_out_and_comes_back(indexed: Meari, tmp_path: Path) -> None:
    path = tmp_path / "faq.parquet"
    told = indexed.done("collections", "export", "faq", "--to", path, "--vectors", "--json").json
    assert told == {
        "name": "faq",
        "file": str(path),
        "documents": 4,
        "bytes": path.stat().st_size,
    }
    report = indexed.done("index", path, "--into", "again", "--json").json["report"]
    assert (report["added"], report["tokens"]) == (4, 0)
    found = indexed.done("search", "again", "tyres", "--json").json
    assert found["matches"][0]["id"] == "car"

    refused = indexed("index", path, "--into", "other", "--encoder", "hash:32")
    assert refused.status == 1
    assert "vectors of encoder 'hash:64'" in refused.err
    assert "--encode-again" in refused.err
    ran = indexed.done("index", path, "--into", "other", "--encoder", "hash:32", "--encode-again")
    assert "4" in ran.out
    names = [
        each["name"] for each in indexed.done("collections", "list", "--json").json["collections"]
    ]
    assert names == ["again", "faq", "other"]


def test_a_part_goes_out(indexed: Meari, tmp_path: Path) -> None:
    path = tmp_path / "ko.jsonl"
    korean = json.dumps({"must": [{"key": "language", "match": {"value": "ko"}}]})
    ran = indexed.done("collections", "export", "faq", "--to", path, "--filter", korean)
    assert f"{path}: 2 documents of faq" in ran.out
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["id"] for row in rows] == ["apple", "pear"]
    assert rows[0]["title"] == "과일"
    assert "vector" not in rows[0]


def test_what_cannot_be_written(indexed: Meari, tmp_path: Path) -> None:
    ran = indexed("collections", "export", "faq", "--to", tmp_path / "faq.xlsx")
    assert (ran.status, "documents are written as" in ran.err) == (2, True)
    to = ("--to", tmp_path / "faq.jsonl")
    both = indexed("collections", "export", "faq", *to, "--vectors", "--url", "http://127.0.0.1:1")
    assert (both.status, "--url or --vectors" in both.err) == (2, True)
    none = indexed("collections", "export", "none", *to)
    assert (none.status, (tmp_path / "faq.jsonl").exists()) == (1, False)
