"""Pictures on the command line: indexed, asked for, their network looked at."""
# ruff: noqa: ANN401 - the fixtures are classes of conftest.py

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path


def test_photos_are_indexed_and_searched(
    meari: Any,
    gallery: Path,
    image_encoder: Path,
) -> None:
    made = meari.done("index", gallery, "--into", "photos", "--encoder", image_encoder, "--json")
    assert made.json["report"]["added"] == 12
    asked = gallery / "blue" / "3.png"
    found = meari.done("search", "photos", "--image", asked, "-k", "4", "--json").json
    assert [match["id"].split("/")[0] for match in found["matches"]] == ["blue"] * 4
    shown = meari.done("search", "photos", "--image", asked, "-k", "1").out
    assert "blue/3.png" in shown
    assert "60 x 43" in shown
    plan = meari.done("index", gallery, "--into", "photos", "--plan", "--json").json
    assert plan["unchanged"] == 12


def test_what_does_not_go_together_is_refused(
    meari: Any,
    indexed: Any,
    gallery: Path,
    image_encoder: Path,
) -> None:
    neither = meari("search", "faq")
    assert neither.status == 2
    assert "name a QUERY or --image FILE" in neither.err
    both = meari("search", "faq", "words", "--image", gallery / "red" / "0.png")
    assert both.status == 2
    missing = meari("search", "faq", "--image", gallery / "gone.png")
    assert missing.status == 2
    assert "cannot be read" in missing.err
    wrong = meari("search", "faq", "--image", gallery / "red" / "0.png")
    assert wrong.status == 1
    assert "reads texts" in wrong.err


def test_filters_are_drawn(
    meari: Any,
    gallery: Path,
    image_encoder: Path,
    tmp_path: Path,
) -> None:
    alone, both = tmp_path / "filters.png", tmp_path / "both.png"
    ran = meari.done("encoders", "show", image_encoder, "--filters", alone)
    assert "reads" in ran.out
    assert "image" in ran.out
    assert "window" not in ran.out
    picture = gallery / "red" / "0.png"
    meari.done("encoders", "show", image_encoder, "--filters", both, "--image", picture)
    with Image.open(alone) as small, Image.open(both) as large:
        assert large.size[1] > small.size[1]
    text = meari("encoders", "show", "hash:64", "--filters", tmp_path / "none.png")
    assert text.status == 2
    assert "reads texts" in text.err
