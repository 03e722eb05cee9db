"""What is shown of a text in the columns there are, and what is marked in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len

from service.cli.matches import told_confidence
from service.cli.snippet import passage, title

if TYPE_CHECKING:
    from rich.text import Text


def match(text: str, start: int, length: int, *words: str) -> dict[str, Any]:
    """A match whose snippet is that part of the text, the words marked where they stand first."""
    part = text[start : start + length]
    highlights = sorted([part.index(word), part.index(word) + len(word)] for word in words)
    return {"text": text, "snippet": {"text": part, "start": start, "highlights": highlights}}


def marks(text: Text) -> list[str]:
    return [text.plain[span.start : span.end] for span in text.spans]


def test_a_passage_is_the_snippet_with_its_words_marked() -> None:
    shown = passage(match("어제 사과를\n먹었다", 0, 10, "사과", "먹었"), cells=60)
    assert shown.plain == "어제 사과를 먹었다"
    assert marks(shown) == ["사과", "먹었"]


def test_a_passage_out_of_a_longer_text_says_so_at_both_ends() -> None:
    text = "one two three four five"
    assert passage(match(text, 4, 9, "three"), cells=60).plain == "… two three …"
    assert passage(match(text, 0, 7, "two"), cells=60).plain == "one two …"
    shown = passage(match(text, 14, 9, "five"), cells=60)
    assert (shown.plain, marks(shown)) == ("… four five", ["five"])


def test_positions_count_characters_beyond_the_first_65536() -> None:
    shown = passage(match("😀😀  a\n\nword", 0, 12, "word"), cells=60)
    assert (shown.plain, marks(shown)) == ("😀😀 a word", ["word"])


@pytest.mark.parametrize("cells", [8, 21, 80])
@pytest.mark.parametrize("letters", ["나", "a", "a가", "a\x1b"])
def test_a_passage_never_takes_more_columns_than_there_are(letters: str, cells: int) -> None:
    text = f"{letters * 50} 바늘 {letters * 50}"
    for start, length in ((0, len(text)), (5, len(text) - 9), (0, 60)):
        shown = passage(match(text, start, length, *["바늘"][: length > 60]), cells=cells)
        assert cell_len(shown.plain) <= cells
        assert set(marks(shown)) <= {"바늘"}


def test_a_narrow_passage_is_shown_around_its_first_mark() -> None:
    text = f"{'hay ' * 40}needle {'hay ' * 40}"
    shown = passage(match(text, 0, len(text), "needle"), cells=40)
    assert shown.plain.startswith("… hay")
    assert shown.plain.endswith(" …")
    assert marks(shown) == ["needle"]


def test_without_a_snippet_the_beginning_is_shown() -> None:
    shown = passage({"text": "word " * 99, "snippet": None}, cells=20)
    assert (shown.plain, shown.spans) == ("word word word …", [])


def test_a_document_cannot_move_the_terminal() -> None:
    assert passage(match("evil \x1b[2J text", 0, 14), cells=60).plain == "evil ␛[2J text"
    assert title("evil \x1b[2J text", "text", cells=60).plain == "evil ␛[2J text"


@pytest.mark.parametrize(
    ("confidence", "told"),
    [
        (1.0, ("sure 99 %", "green")),
        (0.9, ("sure 90 %", "green")),
        (0.714, ("likely 71 %", "green")),
        (0.3, ("perhaps 30 %", "yellow")),
        (0.299, ("unlikely 30 %", "red")),
        (0.0, ("unlikely 0 %", "red")),
    ],
)
def test_a_confidence_is_a_word_and_a_share(confidence: float, told: tuple[str, str]) -> None:
    assert told_confidence(confidence) == told


def test_a_short_title_is_shown_whole_with_its_words_marked() -> None:
    text = title("The car\nneeds new tyres", "new car", cells=60)
    assert text.plain == "The car needs new tyres"
    assert [text.plain[span.start : span.end] for span in text.spans] == ["car", "new"]


def test_korean_words_are_found_with_their_particles() -> None:
    text = title("어제 사과를 먹었다", "사과", cells=60)
    assert [text.plain[span.start : span.end] for span in text.spans] == ["사과"]


def test_latin_words_are_found_from_their_beginning_on() -> None:
    text = title("The scar on the cartwheel", "car", cells=60)
    assert [(span.start, span.end) for span in text.spans] == [(16, 19)]


@pytest.mark.parametrize("letters", ["나", "a", "a가"])
@pytest.mark.parametrize("cells", [8, 21, 80])
def test_a_title_never_takes_more_columns_than_there_are(letters: str, cells: int) -> None:
    for text in (letters * 200, f"{letters * 5} " * 60, f"{'b ' * 100}바늘 {letters * 50}"):
        assert cell_len(title(text, "바늘", cells=cells).plain) <= cells


def test_a_title_begins_near_the_first_word_found() -> None:
    text = title(f"{'hay ' * 100}needle {'hay ' * 100}", "needle", cells=40).plain
    assert text.startswith("… hay")
    assert text.endswith(" …")
    assert "needle" in text


def test_a_query_without_words_marks_nothing() -> None:
    assert title("what?", "?!", cells=20).spans == []
