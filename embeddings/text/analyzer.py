"""The one analyzer: from text to the terms of lexical search, cluster labels and word vectors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Literal

from embeddings.errors import AnalyzerError
from embeddings.text import korean, words
from embeddings.text.words import Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from embeddings.text.korean import Morpheme
    from embeddings.text.words import Normal, Run

VERSION = 2
"""Changes whenever a text may give other terms than before."""

Kind = Literal["kiwi", "bigrams"]

KINDS = ("auto", "kiwi", "bigrams")
_KEPT = frozenset(("NNG", "NNP", "NR", "VV", "VA", "XR", "MAG"))
_FUNCTION_WORDS = frozenset(
    (
        *("a", "an", "the", "this", "that", "these", "those", "there", "and", "or", "but", "if"),
        *("as", "at", "by", "for", "from", "in", "into", "of", "on", "to", "with", "than", "then"),
        *("i", "me", "my", "you", "your", "he", "she", "it", "its", "we", "our", "they", "their"),
        *("am", "is", "are", "was", "were", "be", "been", "do", "does", "did", "has", "have"),
        *("had", "can", "could", "will", "would", "should", "may", "such", "so", "not", "no"),
        *("what", "which", "who", "whom", "whose", "when", "where", "why", "how"),
    )
)
_UNBROKEN = re.compile(r"\S+")
_STEMS = frozenset(("VV", "VA"))


@dataclass(frozen=True, slots=True)
class QueryTerms:
    """What is looked for by words.

    Attributes:
        kept: the terms, in the order of the query.
        dropped: what stands between blanks of which nothing is looked for, as written, each once:
            signs, function words, particles and endings that stand alone.
    """

    kept: tuple[str, ...]
    dropped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Analyzer:
    """Cuts texts into terms.

    Unicode is composed (NFC). Words of Latin letters are lower-cased, lose their accents and are
    stemmed (Snowball English); words of other alphabets are lower-cased; numbers are kept;
    Chinese and Japanese become character bigrams. Hangul becomes morphemes: common and proper
    nouns, numerals, roots, adverbs, and stems of verbs and adjectives with 다 behind them, so that
    가다 (go) is not 가 (edge). Particles, endings, pronouns, determiners and bound nouns (것, 년)
    are dropped. Without Kiwi, Hangul becomes character bigrams.

    Terms have 1 to 64 characters, none of them white space, and keep the order of the text.

    Attributes:
        kind: what becomes of Hangul: `kiwi` or `bigrams`.
        fingerprint: equal only for analyzers that give equal terms; stored with an index.
        stems: False leaves words of Latin letters as they are written, in lower case: a search
            wants `running` to find `run`, a word vector is asked for by the word itself.
    """

    kind: Kind
    fingerprint: str
    stems: bool = True

    def analyze(self, texts: Sequence[str]) -> list[list[str]]:
        """The terms of each text; a text without words gives none.

        Raises:
            TypeError: a bare string.
            AnalyzerError: Kiwi cannot be loaded.
        """
        if isinstance(texts, str):
            message = "analyze takes a sequence of texts, not one; write analyze([text])"
            raise TypeError(message)
        normals = [words.normalise(text) for text in texts]
        if self.kind == "bigrams":
            return [words.plain_terms(normal.text, stems=self.stems) for normal in normals]
        korean_at = [n for n, normal in enumerate(normals) if words.holds_hangul(normal.text)]
        found = self._spans([normals[n] for n in korean_at])
        answer = {
            n: [span.term for span in spans] for n, spans in zip(korean_at, found, strict=True)
        }
        return [
            answer[n] if n in answer else words.plain_terms(normal.text, stems=self.stems)
            for n, normal in enumerate(normals)
        ]

    def analyze_queries(self, texts: Sequence[str]) -> list[list[str]]:
        """What to look for: the terms without English function words (`what is the`).

        They stay where they are written in capitals (IT, WHO) and where nothing else is asked.

        Raises:
            TypeError: a bare string.
            AnalyzerError: Kiwi cannot be loaded.
        """
        if isinstance(texts, str):
            message = "analyze_queries takes a sequence of texts, not one; write [text]"
            raise TypeError(message)
        normals = [words.normalise(text) for text in texts]
        return [
            [span.term for span in _asked(normal.text, spans)]
            for normal, spans in zip(normals, self._spans(normals), strict=True)
        ]

    def read_query(self, text: str) -> QueryTerms:
        """What `analyze_queries` looks for in one text, and what it leaves out.

        Raises:
            AnalyzerError: Kiwi cannot be loaded.
        """
        normal = words.normalise(text)
        asked = _asked(normal.text, self._spans([normal])[0])
        kept = {place for span in asked for place in range(span.start, span.end)}
        dropped = [
            match[0]
            for match in _UNBROKEN.finditer(normal.text)
            if kept.isdisjoint(range(match.start(), match.end()))
        ]
        return QueryTerms(tuple(span.term for span in asked), tuple(dict.fromkeys(dropped)))

    def analyze_spans(self, text: str) -> list[Span]:
        """The same terms with the characters `text[start:end]` each came from.

        Spans ascend by start; they may overlap (bigrams do) and several terms may share one.

        Raises:
            AnalyzerError: Kiwi cannot be loaded.
        """
        normal = words.normalise(text)
        return [normal.origin(span) for span in self._spans([normal])[0]]

    def _spans(self, normals: list[Normal]) -> list[list[Span]]:
        """Terms of normal texts with their places in them."""
        texts = [normal.text for normal in normals]
        scripts = [list(words.runs(text)) for text in texts]
        if self.kind == "bigrams":
            return [self._plain(text, runs) for text, runs in zip(texts, scripts, strict=True)]
        found = [
            self._plain(text, [run for run in runs if run.script != "hangul"])
            for text, runs in zip(texts, scripts, strict=True)
        ]
        korean_at = [
            place for place, runs in enumerate(scripts) if any(r.script == "hangul" for r in runs)
        ]
        analysed = korean.morphemes([texts[place] for place in korean_at]) if korean_at else []
        for place, morphemes in zip(korean_at, analysed, strict=True):
            spans = [span for morpheme in morphemes for span in _kept(morpheme, texts[place])]
            found[place] = sorted(found[place] + spans, key=lambda span: (span.start, span.end))
        return found

    def _plain(self, text: str, runs: list[Run]) -> list[Span]:
        return [span for run in runs for span in words.plain_spans(text, run, stems=self.stems)]


def load_analyzer(kind: str = "auto", *, stems: bool = True) -> Analyzer:
    """The analyzer of that kind; nothing heavy is loaded before its first text.

    Args:
        kind: `kiwi`, `bigrams`, or `auto`: `kiwi` where it is installed and has not failed to
            load in this process.
        stems: see `Analyzer`.

    Raises:
        AnalyzerError: an unknown kind, or `kiwi` where it is not installed.
    """
    if kind not in KINDS:
        message = f"analyzer {kind!r} is unknown; there are {', '.join(KINDS)}"
        raise AnalyzerError(message)
    versions = None if kind == "bigrams" else korean.versions()
    if kind == "kiwi" and versions is None:
        message = f"analyzer 'kiwi' cannot be had: {korean.absence()}, or choose 'auto'"
        raise AnalyzerError(message)
    words_as = f"pystemmer={metadata.version('PyStemmer')}" if stems else "unstemmed"
    common = f"analyzer={VERSION} {words_as}"
    if versions is None:
        return Analyzer("bigrams", f"{common} bigrams", stems)
    return Analyzer("kiwi", f"{common} kiwi={versions[0]} model={versions[1]}", stems)


def _asked(text: str, spans: list[Span]) -> list[Span]:
    """The spans without English function words, unless there is nothing else."""
    told = [span for span in spans if not _is_function_word(text[span.start : span.end])]
    return told or spans


def _is_function_word(found: str) -> bool:
    return found.lower() in _FUNCTION_WORDS and not (found.isupper() and len(found) > 1)


def _kept(morpheme: Morpheme, text: str) -> Iterator[Span]:
    """The terms of a morpheme: none of a function word, several of a form with blanks.

    Latin letters and digits inside a form are left to the scan of words.
    """
    tag = morpheme.tag.partition("-")[0]
    if tag not in _KEPT:
        return
    form, start, end = morpheme.form, morpheme.start, morpheme.end
    if start == end:  # left out in writing, like the 하 of `다`
        start, end = min(start, len(text) - 1), min(start, len(text) - 1) + 1
    parts = [run for run in words.runs(form) if run.script == "hangul"]
    for part in parts:
        term = form[part.start : part.end][: words.MAX_TERM - 1]
        place = text.find(term, start, end) if len(term) < len(form) else -1
        span = (start, end) if place < 0 else (place, place + len(term))
        yield Span(f"{term}다" if tag in _STEMS else term, *span)
