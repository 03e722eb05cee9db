"""The part of a text that shows why it was found, in the columns there are."""

from __future__ import annotations

import re

from rich.cells import cell_len
from rich.text import Text

from service.cli.output import visible

_WORD = re.compile(r"\w+")
_SHORTEST = 2
"""Letters of the shortest query word that is marked, unless it is Chinese or Korean script."""


def snippet(text: str, query: str, *, cells: int) -> Text:
    """At most `cells` columns of `text` around the first words of `query`, those in bold.

    Wide characters (Hangul, kanji) count two columns. Line breaks become blanks; an ellipsis
    stands where text was left out. A query word is found inside a longer one too, since Korean
    words carry their particles behind them (`사과` in `사과를`).

    Args:
        text: what to show.
        query: whose words are marked; empty for a search by vector or document.
        cells: columns, 8 or more.
    """
    flat = visible(" ".join(text.split()))
    words = _pattern(query)
    first = words.search(flat) if words else None
    start = _start(flat, first.start(), cells) if first else 0
    shown = Text(_cut(flat, start, cells))
    if words:
        shown.highlight_regex(words, style="bold yellow")
    return shown


def _pattern(query: str) -> re.Pattern[str] | None:
    """Any of the query's words, the longest first; None for a query without words."""
    words = {
        word.casefold()
        for word in _WORD.findall(query)
        if len(word) >= _SHORTEST or cell_len(word) > len(word)
    }
    if not words:
        return None
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return re.compile("|".join(map(_alternative, longest_first)), re.IGNORECASE)


def _alternative(word: str) -> str:
    """Latin words are found from their first letter on, others anywhere."""
    escaped = re.escape(word)
    return rf"\b{escaped}" if word.isascii() else escaped


def _start(flat: str, hit: int, cells: int) -> int:
    """Where to begin so that a third of the columns stands before the first word found."""
    if cell_len(flat[:hit]) <= cells // 2:
        return 0
    start, room = hit, cells // 3
    while start and (room := room - cell_len(flat[start - 1])) >= 0:
        start -= 1
    blank = flat.find(" ", start, hit)
    return blank + 1 if blank >= 0 else start


def _cut(flat: str, start: int, cells: int) -> str:
    before = "… " if start else ""
    room = cells - cell_len(before)
    if cell_len(flat[start:]) <= room:
        return before + flat[start:]
    room -= 2
    end = start
    while end < len(flat) and (room := room - cell_len(flat[end])) >= 0:
        end += 1
    blank = flat.rfind(" ", start, end)
    if blank > start + (end - start) // 2:
        end = blank
    return f"{before}{flat[start:end].rstrip()} …"
