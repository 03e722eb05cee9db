"""Runs of one script in a text, and the terms of those that need no dictionary."""

from __future__ import annotations

import re
import sys
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_TERM = 64
"""Characters kept of a term; what is longer is no word."""

Script = Literal["hangul", "cjk", "number", "word"]

_SYLLABLES = "가-힣ᄀ-ᇿꥠ-ꥼힰ-ퟻ"
_CJK = "⺀-⿕々〇〆ぁ-ヿㇰ-ㇿ㐀-䶿一-鿿豈-龎ｦ-ﾟ\U00020000-\U0003ffff"
_HANGUL = re.compile(f"[{_SYLLABLES}]")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_DIGITS = re.compile(r"\d+")
_DECIMAL = re.compile(r"\d+(?:\.\d+)?")
_SURROGATES = re.compile("[\ud800-\udfff]")
_JAMO_BEHIND = "ᅠ-ᇿힰ-ퟻ"
_MOST_BEHIND = 30
"""Marks that are put in order together (UAX 15, Stream-Safe Text Format): Python's time for it
grows with the square of their number."""
_MOST_REMEMBERED = 4 * MAX_TERM
_CUT_TO_BIGRAMS = ("hangul", "cjk")


class Span(NamedTuple):
    """A term and the characters `text[start:end]` it came from."""

    term: str
    start: int
    end: int


class Run(NamedTuple):
    """Characters `text[start:end]` of one script."""

    script: Script
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Normal:
    """A text in Unicode form C, and where its characters were before.

    Attributes:
        text: composed; lone surrogates have become U+FFFD.
        starts: first character before, by character now; None if nothing moved.
        ends: one past the last character before.
    """

    text: str
    starts: Sequence[int] | None = None
    ends: Sequence[int] | None = None

    def origin(self, span: Span) -> Span:
        """The span in characters of the text before."""
        if self.starts is None or self.ends is None:
            return span
        return Span(span.term, self.starts[span.start], self.ends[span.end - 1])


def normalise(text: str) -> Normal:
    """The text composed (NFC), letter by letter so that every character keeps its origin."""
    if text.isascii():
        return Normal(text)
    text = _SURROGATES.sub("\ufffd", text)
    if unicodedata.is_normalized("NFC", text):
        return Normal(text)
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for match in _letters().finditer(text):
        composed = unicodedata.normalize("NFC", match[0])
        parts.append(composed)
        starts += [match.start()] * len(composed)
        ends += [match.end()] * len(composed)
    return Normal("".join(parts), starts, ends)


def folded(word: str) -> str:
    """The word as a term has it: composed, lower-cased, without accents, cut at `MAX_TERM`."""
    return _folded(normalise(word).text)


def holds_hangul(text: str) -> bool:
    """Whether a normal text has Hangul in it."""
    return not text.isascii() and _HANGUL.search(text) is not None


def plain_terms(text: str, *, stems: bool = True) -> list[str]:
    """The terms of a normal text without Hangul, as `runs`, `word`, `number` and `bigrams` find.

    Equal words are looked at once: nine times as fast in ASCII as finding their places as well.
    """
    scanner = _ascii_scanner() if text.isascii() else _scanner()
    terms: list[str] = []
    for match in scanner.finditer(text):
        found = match[0]
        if len(found) > _MOST_REMEMBERED or match.lastgroup in _CUT_TO_BIGRAMS:
            terms += _terms.__wrapped__(found, stems)
        else:
            terms += _terms(found, stems)
    return terms


@lru_cache(maxsize=65_536)
def _terms(found: str, stems: bool) -> tuple[str, ...]:
    """The terms of a text that is one run."""
    return tuple(span.term for run in runs(found) for span in plain_spans(found, run, stems=stems))


def plain_spans(text: str, run: Run, *, stems: bool = True) -> Iterator[Span]:
    """The terms of a run that needs no dictionary; of Hangul bigrams."""
    if run.script == "word":
        return word(text, run, stems=stems)
    if run.script == "number":
        return number(text, run)
    return bigrams(text, run)


def runs(text: str) -> Iterator[Run]:
    """Hangul, other CJK, numbers and words of a normal text, in order, at most one a character."""
    for match in _scanner().finditer(text):
        script: Script = match.lastgroup  # type: ignore[assignment]
        yield Run(script, match.start(), match.end())


def bigrams(text: str, run: Run) -> Iterator[Span]:
    """Every two neighbouring characters of the run; a single one alone."""
    if run.end - run.start == 1:
        yield Span(text[run.start], run.start, run.end)
    for start in range(run.start, run.end - 1):
        yield Span(text[start : start + 2], start, start + 2)


def number(text: str, run: Run) -> Iterator[Span]:
    """One number or its parts: `1,000` is 1000, `3.14` itself, `2024.11.20` and `1,2` their parts.

    Nobody knows whether two dots make a date or a version; parts find both.
    """
    found = text[run.start : run.end]
    if _GROUPED.fullmatch(found):
        yield Span(_folded(found.replace(",", "")), run.start, run.end)
        return
    form = _DECIMAL if found.count(".") == 1 else _DIGITS
    for match in form.finditer(found):
        yield Span(_folded(match[0]), run.start + match.start(), run.start + match.end())


def word(text: str, run: Run, *, stems: bool = True) -> Iterator[Span]:
    """The word lower-cased, without accents; stemmed if its letters are Latin and `stems`."""
    found = text[run.start : min(run.end, run.start + 4 * MAX_TERM)]
    term = _stemmed(found) if stems else _folded(found)
    if term and not any(map(str.isspace, term)):
        yield Span(term, run.start, run.end)


@lru_cache(maxsize=65_536)
def _stemmed(found: str) -> str:
    term = _folded(found)
    if not term.isascii() or any(map(str.isdigit, term)):
        return term
    from Stemmer import Stemmer

    # made anew for each word that is not in the cache: it takes no call of another thread
    return str(Stemmer("english", 0).stemWord(term)).strip("'")


def _folded(found: str) -> str:
    """Case folded; accents and full width taken off what is then ASCII; cut at `MAX_TERM`."""
    if found.isascii():
        return found.lower()[:MAX_TERM]
    folded = found.casefold().replace("\u2019", "'")
    apart = unicodedata.normalize("NFKD", folded)
    plain = "".join(char for char in apart if not unicodedata.combining(char))
    return (plain if plain.isascii() else unicodedata.normalize("NFC", folded))[:MAX_TERM]


@lru_cache(maxsize=1)
def _marks() -> str:
    """The combining marks of Unicode as ranges of a character class."""
    points = [p for p in range(0x300, sys.maxunicode) if unicodedata.category(chr(p))[0] == "M"]
    firsts = [p for p, before in zip(points, [0, *points], strict=False) if p != before + 1]
    lasts = [p for p, after in zip(points, [*points[1:], 0], strict=True) if p != after - 1]
    return "".join(f"{chr(a)}-{chr(b)}" for a, b in zip(firsts, lasts, strict=True))


@lru_cache(maxsize=1)
def _letters() -> re.Pattern[str]:
    """A character and all that may be composed with it."""
    behind = f"{_marks()}{_JAMO_BEHIND}"
    return re.compile(f"[^{behind}]?[{behind}]{{1,{_MOST_BEHIND}}}|[^{behind}]", re.DOTALL)


@lru_cache(maxsize=1)
def _ascii_scanner() -> re.Pattern[str]:
    """What `_scanner` finds in ASCII."""
    letter = "[A-Za-z0-9]"
    return re.compile(rf"\d+(?:[.,]\d+)*(?!{letter})|{letter}+(?:'{letter}+)*")


@lru_cache(maxsize=1)
def _scanner() -> re.Pattern[str]:
    letter = f"(?:(?![{_SYLLABLES}{_CJK}])[^\\W_][{_marks()}]*)"
    return re.compile(
        f"(?P<hangul>[{_SYLLABLES}]+)|(?P<cjk>[{_CJK}]+)"
        rf"|(?P<number>\d+(?:[.,]\d+)*(?!{letter}))"
        rf"|(?P<word>{letter}+(?:['\u2019]{letter}+)*)"
    )
