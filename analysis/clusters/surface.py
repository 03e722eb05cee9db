"""Terms as people write them: `deliveri` is `delivery`, and `비` of `배송비` is `배송비`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.clusters.words import TermCounts, Texts
    from embeddings.text.analyzer import Analyzer
    from embeddings.text.words import Span

_DOCUMENTS = 24
"""Looked at for all terms of a group."""
_OF_A_TERM = 3
"""Looked at for a term that these hold in fewer."""
_MOST_OF_A_TERM = 12
_MOST_CHARACTERS = 1_000
"""Of each of them."""
_MOSTLY = 0.6
"""A term that stands beside the same neighbour in more than this share of its places is shown
with it."""
_LONGEST = 16


class Surfaces:
    """The words behind terms, looked up in the texts they were found in.

    Texts are analysed again only here, a few for each term that is shown, because terms are kept
    without their places.

    Args:
        documents: their texts.
        counted: the terms of these.
        analyzer: which found them.
    """

    def __init__(self, documents: Texts, counted: TermCounts, analyzer: Analyzer) -> None:
        self._documents = documents
        self._counted = counted
        self._analyzer = analyzer
        self._by_term = counted.holds.tocsc()
        self._seen: dict[int, tuple[str, list[Span]]] = {}
        self._known: dict[tuple[int, tuple[int, ...]], str] = {}

    def look_up(self, columns: Sequence[int], groups: Sequence[int]) -> None:
        """Read those documents of the groups that hold the most of some terms.

        A few documents that hold many terms each show as much as many for one term each.
        """
        held: Counter[int] = Counter()
        for column in columns:
            held.update(self._holding(column, groups))
        most = sorted(held, key=lambda place: (-held[place], place))
        self._texts(most[:_DOCUMENTS])

    def of(self, column: int, groups: Sequence[int]) -> str:
        """The word a term of the vocabulary mostly is in the documents of these groups."""
        key = (column, tuple(groups))
        if key not in self._known:
            self._known[key] = self._found(column, groups)
        return self._known[key]

    def _found(self, column: int, groups: Sequence[int]) -> str:
        term = self._counted.vocabulary[column]
        places = self._holding(column, groups)
        seen = [place for place in places if place in self._seen]
        new = [place for place in places if place not in self._seen]
        chosen = seen[:_MOST_OF_A_TERM] + new[: max(0, _OF_A_TERM - len(seen))]
        alone: Counter[str] = Counter()
        beside: Counter[str] = Counter()
        for text, spans in self._texts(chosen):
            for number, span in enumerate(spans):
                if span.term == term:
                    alone[_written(text, span)] += 1
                    beside.update(set(self._phrases(text, spans, number)))
        if not alone:
            return term
        phrase, times = max(beside.items(), key=lambda one: (one[1], one[0]), default=("", 0))
        if times > max(1, _MOSTLY * alone.total()):
            return phrase
        return max(alone.items(), key=lambda one: (one[1], one[0]))[0]

    def _holding(self, column: int, groups: Sequence[int]) -> list[int]:
        """Places of the documents of the groups that hold a term, ascending."""
        part = slice(self._by_term.indptr[column], self._by_term.indptr[column + 1])
        places = self._by_term.indices[part]
        found: list[int] = places[np.isin(self._counted.groups[places], groups)].tolist()
        return found

    def _texts(self, places: Sequence[int]) -> list[tuple[str, list[Span]]]:
        new = [place for place in places if place not in self._seen]
        texts = self._documents.texts(self._counted.positions[new])
        for place, whole in zip(new, texts, strict=True):
            text = whole[:_MOST_CHARACTERS]
            self._seen[place] = text, self._analyzer.analyze_spans(text)
        return [self._seen[place] for place in places]

    def _phrases(self, text: str, spans: Sequence[Span], number: int) -> list[str]:
        """The word together with the one before it, and with the one behind it."""
        phrases = []
        for first in (number - 1, number):
            if first < 0 or first + 1 >= len(spans):
                continue
            one, two = spans[first], spans[first + 1]
            between = text[one.end : two.start]
            if one.end > two.start or between not in {"", " "}:
                continue
            if one.term == two.term or not (self._joins(text, one) and self._joins(text, two)):
                continue
            phrase = f"{_written(text, one)}{between}{_written(text, two)}"
            if len(phrase) <= _LONGEST:
                phrases.append(phrase)
        return phrases

    def _joins(self, text: str, span: Span) -> bool:
        """Whether a word may be part of a phrase: no verb of Korean, no stop word."""
        return span.term not in self._counted.stops and not _is_verb(text, span)


def _written(text: str, span: Span) -> str:
    """The span as a word: a verb in its dictionary form, a name as it is written."""
    if "가" <= span.term[0] <= "힣":
        return span.term
    found = text[span.start : span.end]
    return found if any(char.isupper() for char in found[1:]) else found.lower()


def _is_verb(text: str, span: Span) -> bool:
    """Whether a term is the dictionary form of a Korean verb or adjective."""
    return span.term.endswith("다") and span.term != text[span.start : span.end]
