"""The files of the page: complete in both languages, and closed to markup and strangers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.jobs.types import KINDS

WEB = Path(__file__).parents[2] / "service" / "web"
FILES = sorted(path for path in WEB.rglob("*") if path.is_file())
CODE = [path for path in FILES if path.suffix in {".js", ".html"}]


COMPOSED = (
    "ask|card_trust|change|channel|confidence|detector|duplicate|event|export|fact|job|judged|lead|"
    "method|mode|none|none_text|room|stage|state|step|theme|why"
)
"""What words are made of while the page runs: `say(`mode_${name}`)`."""


def words_of(language: str) -> set[str]:
    tables = [path.read_text(encoding="utf-8") for path in WEB.glob(f"words*.{language}.js")]
    words = [word for table in tables for word in re.findall(r"^  (\w+):", table, re.MULTILINE)]
    assert len(words) == len(set(words))
    return set(words)


def test_both_languages_say_the_same_things():
    assert words_of("ko") == words_of("en")
    assert len(words_of("ko")) > 50


def test_every_kind_of_job_has_a_name():
    assert {f"job_{kind}" for kind in KINDS} <= words_of("en")


def test_every_word_is_there_and_used():
    code = "\n".join(path.read_text(encoding="utf-8") for path in CODE if "words." not in path.name)
    asked = set(re.findall(r"\bsay\(\s*\"(\w+)\"", code))
    asked |= set(re.findall(r"data-say(?:-label|-title|-placeholder)?=\"(\w+)\"", code))
    assert asked <= words_of("en")
    unused = {word for word in words_of("en") if not re.search(rf"[\"`]{word}[\"`]", code)}
    composed = {word for word in unused if re.match(rf"({COMPOSED})_", word)}
    assert unused == composed


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(WEB)))
def test_no_file_can_turn_data_into_markup_or_code(path: Path):
    text = path.read_text(encoding="utf-8")
    makers = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc="
    assert re.findall(makers, text) == []
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=\"", text) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(WEB)))
def test_no_file_asks_for_anything_elsewhere(path: Path):
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"(?:https?:)?//[\w-]+\.\w+|@import|\burl\(", text) == []
