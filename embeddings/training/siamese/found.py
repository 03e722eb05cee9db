"""What texts hold without anybody having made it: sentences, glosses, crops, parts and wholes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from embeddings.training.columns import texts_of
from embeddings.training.errors import DataError
from embeddings.training.sources import draw, read_rows

if TYPE_CHECKING:
    from embeddings.training.siamese.recipe import Examples
    from embeddings.training.sources import Rows

ANCHOR = (3, 12)
"""Words of a crop that stands for a question, at least and at most."""
POSITIVE = (12, 40)
"""Words of the crop that is to be found."""
LEAST_WORDS = 16
"""A shorter text has no two parts worth telling apart."""
_SEED = 20_261
_NEAR = 160
"""Characters at the start of a text in which its gloss stands."""
_PARENTHESIS = re.compile(r"\s?\(([^()]{2,120})\)")
_PARTS = re.compile(r"[,;·/]|\s(?:또는|or)\s")
_LABEL = re.compile(r"^(?:영어|英語|English|로마자)\s*:\s*")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9 .'’&+-]{2,60}")
_END = re.compile(r"(?<=[.!?。])\s+|(?<=[.!?。][\"'”’)\]])\s+|\n+")
_LEAST_LETTERS = 10
"""A piece with fewer letters is an abbreviation or a number more often than a sentence."""
_BEHIND = re.compile(r"\s*\([^()]*\)$")


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Examples and where they stood.

    Attributes:
        texts: columns of texts.
        rows: what was read.
        origins: the row that each example is from.
    """

    texts: dict[str, list[str]]
    rows: Rows
    origins: list[int]


def find_examples(source: Examples) -> Found:
    """What a source of sentences, glosses, crops or parts holds."""
    finders = {"sentences": sentences, "glosses": glosses, "crops": crops, "parts": parts}
    return finders[source.form](source)


def sentences(source: Examples) -> Found:
    """The sentences of texts, each once; a full stop, question or exclamation mark ends one.

    A recipe's `sample` and `most` count sentences. Pieces of fewer than ten letters are left out.

    Returns:
        Column `text`.

    Raises:
        DataError: no text has a sentence.
    """
    rows = read_rows(replace(source, sample=None, most=None), ["text"])
    found: dict[str, int] = {}
    for row, text in enumerate(texts_of(rows, "text")):
        for piece in _END.split(text):
            if sum(map(str.isalpha, piece)) >= _LEAST_LETTERS:
                found.setdefault(piece.strip(), row)
    if not found:
        message = f"{source.path}: no text has a sentence of {_LEAST_LETTERS} letters"
        raise DataError(message)
    kept = list(found)
    if source.sample is not None:
        kept = [kept[place] for place in draw(len(kept), source.sample)]
    kept = kept[: source.most]
    return Found({"text": kept}, rows, [found[text] for text in kept])


def glosses(source: Examples) -> Found:
    """Terms with what an encyclopedia calls them in Latin letters behind their first mention.

    `이온화 에너지(ionization energy)는 ...` under that title gives one pair. A title with a
    qualifier in parentheses is looked for without it.

    Returns:
        Columns `source` (the name in Latin letters) and `target` (the title).

    Raises:
        DataError: no text explains its title so.
    """
    rows = read_rows(replace(source, sample=None, most=None), ["title", "text"])
    titles, texts = texts_of(rows, "title"), texts_of(rows, "text")
    found: dict[str, tuple[str, int]] = {}
    for row, (title, text) in enumerate(zip(titles, texts, strict=True)):
        term = _BEHIND.sub("", title)
        name = None if term in found else gloss_of(term, text)
        if name is not None:
            found[term] = (name, row)
    if not found:
        message = f"{source.path}: no text has a name in Latin letters behind its title"
        raise DataError(message)
    kept = list(found.items())
    if source.sample is not None:
        kept = [kept[row] for row in draw(len(kept), source.sample)]
    kept = kept[: source.most]
    texts_found = {
        "source": [name for _, (name, _) in kept],
        "target": [term for term, _ in kept],
    }
    return Found(texts_found, rows, [row for _, (_, row) in kept])


def gloss_of(term: str, text: str) -> str | None:
    """The name in Latin letters in parentheses behind the term near the start of the text."""
    place = text[:_NEAR].find(term)
    if place < 0 or not term:
        return None
    behind = _PARENTHESIS.match(text, place + len(term))
    if behind is None:
        return None
    for part in _PARTS.split(behind[1]):
        name = _LABEL.sub("", part.strip()).strip()
        if _NAME.fullmatch(name) and name != term:
            return name
    return None


def crops(source: Examples) -> Found:
    """Two parts of one text, drawn independently: a few words, and a passage of it.

    Independent cropping (Izacard et al. 2022, arXiv:2112.09118); the one part is as short as a
    question. They may share words, as questions and their answers do. The draw is a function of
    the row alone.

    Returns:
        Columns `anchor` and `positive`.

    Raises:
        DataError: every text is too short.
    """
    rows = read_rows(source, ["text"])
    made: dict[str, list[str]] = {"anchor": [], "positive": []}
    origins: list[int] = []
    for row, text in enumerate(texts_of(rows, "text")):
        words = text.split()
        if len(words) < LEAST_WORDS:
            continue
        random = np.random.default_rng([_SEED, row])
        origins.append(row)
        made["anchor"].append(_crop(words, *ANCHOR, random))
        made["positive"].append(_crop(words, *POSITIVE, random))
    if not made["anchor"]:
        message = f"{source.path}: no text has {LEAST_WORDS} words, the least that is cropped"
        raise DataError(message)
    return Found(made, rows, origins)


def parts(source: Examples) -> Found:
    """Texts with the whole that their translations are parts of.

    A line of a manual in one language, and the page that has it in another: `text` and all `part`s
    of its `group`, in their order, under the group's name.

    Returns:
        Columns `anchor` and `positive`.

    Raises:
        DataError: a text, part or group is empty.
    """
    rows = read_rows(replace(source, sample=None, most=None), ["text", "part", "group"])
    texts, pieces, groups = (texts_of(rows, name) for name in ("text", "part", "group"))
    wholes: dict[str, list[str]] = {}
    for piece, group in zip(pieces, groups, strict=True):
        wholes.setdefault(group, []).append(piece)
    joined = {group: f"{group}\n{' '.join(dict.fromkeys(its))}" for group, its in wholes.items()}
    kept = list(range(len(rows)))
    if source.sample is not None:
        kept = draw(len(rows), source.sample)
    kept = kept[: source.most]
    made = {
        "anchor": [texts[row] for row in kept],
        "positive": [joined[groups[row]] for row in kept],
    }
    return Found(made, rows, kept)


def _crop(words: list[str], least: int, most: int, random: np.random.Generator) -> str:
    size = int(random.integers(least, min(most, len(words)), endpoint=True))
    start = int(random.integers(0, len(words) - size, endpoint=True))
    return " ".join(words[start : start + size])
