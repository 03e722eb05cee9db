"""`meari eval encoders`: the page on stdout, what is done on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.cli.conftest import Meari

LADDER = """
title = "Two encoders"
data = "."
resamples = 20
[[judge]]
name = "pairs"
path = "pairs.tsv"
language = "en"
[[row]]
name = "narrow"
encoder = "hash:8"
[[row]]
name = "wide"
encoder = "hash:256"
"""


def test_a_table_of_encoders(meari: Meari, tmp_path: Path) -> None:
    rows = [f"red {n}\tred {n * n % 7} blue\t{n % 5}\ttest" for n in range(12)]
    text = "\n".join(["sentence1\tsentence2\tscore\tsplit", *rows])
    (tmp_path / "pairs.tsv").write_text(text, encoding="utf-8")
    config = tmp_path / "ladder.toml"
    config.write_text(LADDER, encoding="utf-8")
    asked = ("eval", "encoders", "--config", config, "--out", tmp_path / "out")
    ran = meari.done(*asked)
    assert ran.out.startswith("# Two encoders")
    assert "judging wide by pairs" in ran.err
    only = meari.done(*asked, "--row", "wide", "--json")
    assert [row["name"] for row in only.json["rows"]] == ["wide"]
    assert only.json["rows"][0]["encoders"]["en"]["dim"] == 256
    unknown = meari(*asked, "--row", "tall")
    assert unknown.status == 2
    assert "there are narrow, wide" in unknown.err
