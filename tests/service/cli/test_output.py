"""How values and progress read."""

from __future__ import annotations

import re

import pytest

from service.cli.output import (
    counted,
    told,
    told_bytes,
    told_rate,
    told_time,
    visible,
    write_table,
)
from service.cli.progress import PLAIN_EVERY, Amount, line, metered


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "yes"),
        (1234567, "1,234,567"),
        (0.98765, "0.9877"),
        (["en", "ko"], "en, ko"),
        ([], "-"),
        (None, "-"),
        ("as it is", "as it is"),
    ],
)
def test_values(value: object, text: str) -> None:
    assert told(value) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_500, "1.5 kB"), (2e6, "2.0 MB"), (3e12, "3.0 TB")],
)
def test_bytes(count: int, text: str) -> None:
    assert told_bytes(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0421, "42 ms"),
        (3.14, "3.1 s"),
        (48.2, "48 s"),
        (160, "2 min 40 s"),
        (11_100, "3 h 5 min"),
    ],
)
def test_spans(seconds: float, text: str) -> None:
    assert told_time(seconds) == text


def test_rates_and_counts() -> None:
    assert told_rate(0.42, "document") == "0.4 documents/s"
    assert told_rate(1234.4, "document") == "1,234 documents/s"
    assert (counted(1, "row"), counted(2310, "row")) == ("1 row", "2,310 rows")


def test_control_characters_are_shown_and_not_obeyed() -> None:
    assert visible("a\x1b[2J\a\tb\nc\x7f\x9b") == "a␛[2J␇␉b\nc\ufffd\ufffd"
    assert told("\x1b]0;title\a") == "␛]0;title␇"


def test_a_progress_line_tells_all_that_is_known() -> None:
    amount = Amount(1200, 10_000, 55.0, 160.0, 3)
    assert line(amount, "document") == (
        "1,200 of 10,000 documents (12 %), 55 documents/s, 2 min 40 s left, 3 rejected"
    )
    assert line(Amount(7), "document") == "7 documents"
    assert line(Amount(7, 9, 0.0, 4.4), "text") == "7 of 9 texts (77 %), 4 s left"
    assert line(Amount(8, 9, 0.0, 0.04), "text") == "8 of 9 texts (88 %), 1 s left"


def test_a_steady_pace_gives_rate_and_time_left() -> None:
    assert Amount.after(2.0, 10, 40) == Amount(10, 40, 5.0, 6.0)
    assert Amount.after(0.0, 10, 40) == Amount(10, 40)


def test_without_a_terminal_a_line_comes_every_few_seconds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = 0.0
    with metered("document", clock=lambda: now) as tell:
        for done in range(1, 13):
            now = done * PLAIN_EVERY / 4
            tell(Amount(done, 12))
    assert capsys.readouterr().err.splitlines() == [
        "4 of 12 documents (33 %)",
        "8 of 12 documents (66 %)",
        "12 of 12 documents (100 %)",
    ]


def _shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int | None
) -> list[str]:
    """Two rows on a terminal of that width; None: in a pipe."""
    if width is not None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", str(width))
    rows = [("faq", 12345, "one two three four five six seven"), ("문서", 1, "")]
    write_table(("name", "documents", "about"), rows, numbers="documents", folds="about")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    return [line.rstrip() for line in plain.splitlines()]


def test_a_table_on_a_wide_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = _shown(monkeypatch, capsys, 80)
    assert [shown[0], *shown[2:]] == [
        "name   documents   about",
        "faq       12,345   one two three four five six seven",
        "문서           1",
    ]


def test_one_column_folds_before_a_table_is_taken_apart(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = _shown(monkeypatch, capsys, 40)
    assert shown[2:4] == ["faq       12,345   one two three four", " " * 19 + "five six seven"]


def test_a_table_too_wide_for_the_terminal_becomes_facts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _shown(monkeypatch, capsys, 30) == [
        "name       faq",
        "documents  12,345",
        "about      one two three four",
        "           five six seven",
        "",
        "name       문서",
        "documents  1",
        "about",
    ]


def test_a_table_in_a_pipe_is_never_folded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    long = "x" * 200
    write_table(("name", "about"), [("a", long), ("b", "short")], folds="about")
    lines = capsys.readouterr().out.splitlines()
    assert [lines[2], lines[3]] == [f"a      {long}", "b      short"]
