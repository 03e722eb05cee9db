"""The passage of a text that shows why it was found, and where the query's words stand in it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from math import log
from typing import TYPE_CHECKING

from embeddings.text import words
from indexing.marking import find_marks
from indexing.types import Snippet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from indexing.marking import Mark

PASSAGE = 200
"""Characters of a passage, about."""
_STRETCH = 1.25
"""A passage may be longer by this to end with a sentence."""
_WEIGHT = 1_000
_SENTENCE_END = re.compile(r"[.!?。！？…]+[\"'”’)\]」』]*\s+|(?<=[。！？])|\n\s*")
_BLANK = re.compile(r"\s+")


def cut_snippet(text: str, terms: Sequence[str], *, size: int = PASSAGE) -> Snippet:
    """The passage in which most of the terms stand, those that are rare in the text counting more.

    Words are compared as `indexing.marking` says. Time is linear in the length of the text.

    Args:
        text: of a document.
        terms: what an analyzer made of a query; where there are none, or none of them stands in
            the text, the passage is the beginning.
        size: characters of the passage, about; it begins and ends with a sentence, or else at a
            blank, where there is one near.

    Returns:
        A substring of `text` with its highlights, ascending and apart from each other.
    """
    normal = words.normalise(text)
    plain = normal.text
    marks = find_marks(plain, terms)
    chosen = _densest(marks, size)
    start, end = _passage(plain, chosen, size)
    if start >= end:
        return Snippet("", 0, ())
    shown = (
        (max(m.start, start), min(m.end, end)) for m in marks if m.start < end and m.end > start
    )
    if normal.starts is not None and normal.ends is not None:
        starts, ends = normal.starts, normal.ends
        shown = ((starts[first], ends[last - 1]) for first, last in shown)
        start, end = starts[start], ends[end - 1]
    inside = ((max(a, start), min(b, end)) for a, b in shown if a < end and b > start)
    highlights = tuple((first - start, last - start) for first, last in _merged(inside))
    return Snippet(text[start:end], start, highlights)


def _densest(marks: Sequence[Mark], size: int) -> Sequence[Mark]:
    """Marks within `size` characters that hold the most weight of different terms; earliest first.

    A term weighs 1 / (1 + ln n) for its n places: what is rare in the text tells more, for want
    of its rarity in the collection.
    """
    if len(marks) < 2:
        return marks
    counts = Counter(mark.term for mark in marks)
    weights = {term: round(_WEIGHT / (1 + log(count))) for term, count in counts.items()}
    inside: Counter[int] = Counter()
    weight = first = 0
    best, chosen = (0, 0), (0, 0)
    for last, mark in enumerate(marks, start=1):
        inside[mark.term] += 1
        weight += weights[mark.term] if inside[mark.term] == 1 else 0
        while mark.end - marks[first].start > size and first < last - 1:
            gone = marks[first].term
            inside[gone] -= 1
            weight -= weights[gone] if not inside[gone] else 0
            first += 1
        if (weight, last - first) > best:
            best, chosen = (weight, last - first), (first, last)
    return marks[slice(*chosen)]


def _passage(text: str, marks: Sequence[Mark], size: int) -> tuple[int, int]:
    """First and one past last character of the passage around the marks."""
    if marks:
        needed = marks[0].start, min(max(mark.end for mark in marks), marks[0].start + size)
        room = size - (needed[1] - needed[0])
        earliest = max(0, min(needed[0] - room // 3, len(text) - size))
        start = _beginning(text, earliest, needed[0])
    else:
        start = len(text) - len(text.lstrip())
        needed = start, start
    end = _ending(text, start, needed[1], size)
    return start, max(end, needed[1])


def _beginning(text: str, earliest: int, latest: int) -> int:
    """The first beginning of a sentence there, else of a word, else the earliest place."""
    if earliest == 0:
        return min(latest, len(text) - len(text.lstrip()))
    for pattern in (_SENTENCE_END, _BLANK):
        found = pattern.search(text, earliest, latest)
        if found:
            return found.end()
    while earliest < latest and unicodedata.combining(text[earliest]):
        earliest += 1
    return earliest


def _ending(text: str, start: int, needed: int, size: int) -> int:
    """The last end of a sentence in the second half, else of a word, else the size."""
    farthest = min(len(text), start + int(size * _STRETCH))
    if farthest == len(text):
        return start + len(text[start:].rstrip())
    least = max(needed, start + size // 2)
    ends = [
        found.start() + len(found[0].rstrip())
        for found in _SENTENCE_END.finditer(text, least, farthest)
    ]
    if ends:
        return ends[-1]
    blanks = [found.start() for found in _BLANK.finditer(text, least, start + size + 1)]
    if blanks:
        return blanks[-1]
    end = max(needed, start + size)
    while end < farthest and unicodedata.combining(text[end]):
        end += 1
    return end


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ascending spans, those that overlap or touch joined."""
    joined: list[tuple[int, int]] = []
    for first, last in spans:
        if joined and first <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], last)
        else:
            joined.append((first, last))
    return joined
