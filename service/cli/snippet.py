"""The part of a text that shows why it was found, in the columns there are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from service.cli.output import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.client import JsonObject

MARK = "bold yellow"
"""How a word that was looked for is printed."""

_WORD = re.compile(r"\w+")
_BLANKS = re.compile(r"\s+")
_SHORTEST = 2
"""Letters of the shortest query word that is marked, unless it is Chinese or Korean script."""


def passage(match: JsonObject, *, cells: int) -> Text:
    """At most `cells` columns of a match's text: its snippet, the words in it marked.

    Wide characters (Hangul, kanji) count two columns. Line breaks become blanks; an ellipsis
    stands where text was left out. The beginning of the text where there is no snippet.

    Args:
        match: as the API answers it.
        cells: columns, 8 or more.
    """
    snippet = match.get("snippet")
    if snippet is None:
        return _shown(*_flat([(match["text"], False)]), cells=cells)
    cut = snippet["start"] > 0
    left_out = snippet["start"] + len(snippet["text"]) < len(match["text"])
    flat, spans = _flat(_parts(snippet["text"], snippet["highlights"]))
    return _shown(flat, spans, cells=cells, before=cut, behind=left_out)


def title(text: str, query: str, *, cells: int) -> Text:
    """At most `cells` columns of a title, the words of the query marked.

    A query word is found inside a longer one too, since Korean words carry their particles behind
    them (`사과` in `사과를`).

    Args:
        text: what to show.
        query: whose words are marked; empty for a search by vector or document.
        cells: columns, 8 or more.
    """
    flat, _ = _flat([(text, False)])
    words = _pattern(query)
    spans = [found.span() for found in words.finditer(flat)] if words else []
    return _shown(flat, spans, cells=cells)


def _parts(text: str, highlights: Iterable[Sequence[int]]) -> list[tuple[str, bool]]:
    """The text cut at the ends of its highlights; whether each part is one."""
    parts, done = [], 0
    for start, end in highlights:
        parts += [(text[done:start], False), (text[start:end], True)]
        done = end
    return [*parts, (text[done:], False)]


def _flat(parts: Iterable[tuple[str, bool]]) -> tuple[str, list[tuple[int, int]]]:
    """The parts in one line without control characters, and where the marked ones stand in it."""
    flat, spans = "", []
    for text, marked in parts:
        part = visible(_BLANKS.sub(" ", text))
        part = part[1:] if part.startswith(" ") and (not flat or flat.endswith(" ")) else part
        if marked and part.strip():
            spans.append((len(flat), len(flat) + len(part)))
        flat += part
    return flat.rstrip(), spans


def _shown(
    flat: str,
    spans: Sequence[tuple[int, int]],
    *,
    cells: int,
    before: bool = False,
    behind: bool = False,
) -> Text:
    """As much of the line as fits, around its first mark; `before`, `behind`: more was cut off."""
    start = _start(flat, spans[0][0], cells) if spans else 0
    prefix = "… " if start or before else ""
    room = cells - cell_len(prefix)
    end = len(flat)
    if cell_len(flat[start:]) + (2 if behind else 0) > room:
        end, behind = _end(flat, start, room - 2), True
    text = Text(f"{prefix}{flat[start:end].rstrip()}{' …' if behind else ''}")
    for first, last in spans:
        if start < last and first < end:
            moved = len(prefix) - start
            text.stylize(MARK, max(first, start) + moved, min(last, end) + moved)
    return text


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


def _end(flat: str, start: int, room: int) -> int:
    """One past the last character that fits into `room` columns, at a blank if one is near."""
    end = start
    while end < len(flat) and (room := room - cell_len(flat[end])) >= 0:
        end += 1
    blank = flat.rfind(" ", start, end)
    return blank if blank > start + (end - start) // 2 else end
