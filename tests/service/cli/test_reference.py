"""The page about the command line says what the command line says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from service.cli.reference import block, filled, help_texts, main, shown

if TYPE_CHECKING:
    from tests.service.cli.conftest import Meari

PAGE = Path(__file__).parents[3] / "docs" / "cli.md"


def test_the_page_shows_the_help_of_every_verb_as_it_is_today() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert shown(page) == help_texts().keys()
    assert filled(page) == page, "run `python -m service.cli.reference docs/cli.md`"


@pytest.mark.parametrize("line", ["meari", "meari index", "meari eval compare"])
def test_the_texts_are_what_help_prints(meari: Meari, line: str) -> None:
    printed = meari.done(*line.split()[1:], "--help").out
    words = help_texts()[line].split()
    assert words == printed.split()


def test_a_stale_block_is_filled_in_and_the_rest_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Before.\n\n```console\n$ meari encoders --help\nold\n```\n\nBehind.\n")
    main([str(page)])
    now = block("meari encoders", help_texts()["meari encoders"])
    assert page.read_text() == f"Before.\n\n{now}\nBehind.\n"


def test_a_block_of_no_verb_is_an_error() -> None:
    with pytest.raises(KeyError, match="meari fly"):
        filled("```console\n$ meari fly --help\n```\n")
