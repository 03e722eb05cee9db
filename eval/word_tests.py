"""Tests of word vectors: judged pairs of words, and analogies."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eval.errors import DatasetError
from eval.lines import PACKED, read_lines

if TYPE_CHECKING:
    from os import PathLike

_LEAST_PAIRS = 3
"""A correlation of two is always 1 or -1."""


@dataclass(frozen=True, slots=True)
class WordPairs:
    """Pairs of words and how alike people found them.

    Attributes:
        name: the file's name without endings.
        first: words.
        second: words, row by row beside `first`.
        scores: judged likeness, higher is more alike, on any scale.
    """

    name: str
    first: tuple[str, ...]
    second: tuple[str, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Analogies:
    """Questions a : b = c : d, by section.

    Attributes:
        name: the file's name without endings.
        sections: questions (a, b, c, d) by the section's name, in the file's order.
    """

    name: str
    sections: dict[str, tuple[tuple[str, str, str, str], ...]]


def load_word_test(path: str | PathLike[str]) -> WordPairs | Analogies:
    """Judged pairs from `.csv` and `.tsv`, analogies from `.txt`; each also `.gz` and `.zst`.

    The last three cells of a line of pairs are word, word and score; a header is left out. A file
    of analogies has four words a line, and `: NAME` before those of a section (word2vec's
    `questions-words.txt`).

    Raises:
        DatasetError: a missing file, an unknown ending, a line of another form, or too few.
    """
    file = Path(path)
    kind = Path(file.stem).suffix if file.suffix in PACKED[1:] else file.suffix
    if kind == ".txt":
        return _load_analogies(file)
    if kind in {".csv", ".tsv"}:
        return _load_pairs(file, "\t" if kind == ".tsv" else ",")
    message = f"{file}: unknown kind; .csv and .tsv hold judged pairs, .txt analogies"
    raise DatasetError(message)


def _load_pairs(path: Path, between: str) -> WordPairs:
    rows: list[tuple[str, str, float]] = []
    for number, line in read_lines(path):
        cells = next(csv.reader([line], delimiter=between))
        if not any(cell.strip() for cell in cells[-3:]):
            continue
        if len(cells) < 3:
            message = f"{path}:{number}: {len(cells)} cells; word, word and score are needed"
            raise DatasetError(message)
        score = _number(cells[-1])
        first, second = cells[-3].strip(), cells[-2].strip()
        if score is None or not first or not second:
            if number == 1:
                continue
            message = f"{path}:{number}: {cells[-3:]} are not two words and a finite number"
            raise DatasetError(message)
        rows.append((first, second, score))
    if len(rows) < _LEAST_PAIRS:
        message = f"{path}: {len(rows)} judged pairs; a correlation needs {_LEAST_PAIRS}"
        raise DatasetError(message)
    first_words, second_words, scores = zip(*rows, strict=True)
    return WordPairs(_name(path), first_words, second_words, scores)


def _load_analogies(path: Path) -> Analogies:
    sections: dict[str, list[tuple[str, str, str, str]]] = {}
    section = "all"
    for number, line in read_lines(path):
        if line.startswith(":"):
            section = line[1:].strip()
            continue
        words = line.split()
        if len(words) != 4:
            message = f"{path}:{number}: {len(words)} words; a line has four, a : b = c : d"
            raise DatasetError(message)
        a, b, c, d = words
        sections.setdefault(section, []).append((a, b, c, d))
    if not sections:
        message = f"{path}: no analogies"
        raise DatasetError(message)
    return Analogies(_name(path), {name: tuple(rows) for name, rows in sections.items()})


def _name(path: Path) -> str:
    return path.name.partition(".")[0]


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
