"""Pairs of texts from a table: judged by how alike people found them, or translations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.errors import DatasetError
from eval.tables import cell, read_rows, text_cell

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

_LEAST = 3
"""Pairs needed: a correlation of two is always 1 or -1."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns to read; `split` is looked at only when a split is asked for."""

    first: str = "sentence1"
    second: str = "sentence2"
    score: str = "score"
    split: str = "split"


DEFAULT_COLUMNS = Columns()


@dataclass(frozen=True, slots=True)
class SimilarityData:
    """Judged pairs, in the file's order.

    Attributes:
        name: the file's name without endings.
        split: which rows; None for all.
        first: texts.
        second: texts, row by row beside `first`.
        scores: judged similarity, higher is more alike, on any scale.
        blank: pairs left out because one of the texts is blank.
        unscored: pairs left out because they have no score.
    """

    name: str
    split: str | None
    first: tuple[str, ...]
    second: tuple[str, ...]
    scores: tuple[float, ...]
    blank: int
    unscored: int


def load_pairs(
    path: str | PathLike[str], *, columns: Columns = DEFAULT_COLUMNS, split: str | None = None
) -> SimilarityData:
    """The pairs of a `.tsv`, `.csv`, `.jsonl` (each also `.gz`, `.zst`) or `.parquet` file.

    Tables of text carry a header. A TSV cell ends at the tab, whatever quotes it holds; CSV
    cells may be quoted.

    Args:
        path: the file.
        columns: what its columns are called.
        split: only rows whose split column says so; None takes all rows.

    Raises:
        DatasetError: missing or unknown file, a missing column (those present are listed), a
            split that no row has (those present are listed), a score that is not a number, or
            fewer than three pairs.
    """
    file = Path(path)
    first: list[str] = []
    second: list[str] = []
    scores: list[float] = []
    splits: set[str] = set()
    blank = unscored = 0
    for place, row in read_rows(file):
        if split is not None:
            splits.add(str(cell(row, columns.split, place)))
            if str(row[columns.split]) != split:
                continue
        texts = text_cell(row, columns.first, place), text_cell(row, columns.second, place)
        score = _score(row, columns.score, place)
        if not (texts[0].strip() and texts[1].strip()):
            blank += 1
        elif score is None:
            unscored += 1
        else:
            first.append(texts[0])
            second.append(texts[1])
            scores.append(score)
    if split is not None and split not in splits:
        message = f"{file} has no split {split!r}; it has {', '.join(sorted(splits)) or 'no rows'}"
        raise DatasetError(message)
    if len(scores) < _LEAST:
        message = f"{file}: {len(scores)} judged pairs; a correlation needs {_LEAST} or more"
        raise DatasetError(message)
    name = file.name.partition(".")[0]
    return SimilarityData(name, split, tuple(first), tuple(second), tuple(scores), blank, unscored)


@dataclass(frozen=True, slots=True)
class TranslationData:
    """Texts in one language beside the same in another, in the file's order.

    Attributes:
        name: the file's name without endings.
        split: which rows; None for all.
        source: texts.
        target: texts, row by row beside `source`.
        blank: pairs left out because one of the texts is blank.
    """

    name: str
    split: str | None
    source: tuple[str, ...]
    target: tuple[str, ...]
    blank: int


def load_translations(
    path: str | PathLike[str],
    *,
    source: str = "source",
    target: str = "target",
    split: str | None = None,
    split_column: str = "split",
    where: Mapping[str, str] | None = None,
) -> TranslationData:
    """The translations of a file as `load_pairs` reads it.

    Args:
        path: the file.
        source: column of the texts in one language.
        target: column of the texts in the other.
        split: only rows whose split column says so; None takes all rows.
        split_column: where the split is told.
        where: only rows with these values, column by column.

    Raises:
        DatasetError: missing or unknown file, a missing column (those present are listed), or
            fewer than two pairs.
    """
    file = Path(path)
    conditions = {**(where or {}), **({} if split is None else {split_column: split})}
    pairs: list[tuple[str, str]] = []
    blank = 0
    for place, row in read_rows(file):
        if any(str(cell(row, column, place)) != value for column, value in conditions.items()):
            continue
        texts = text_cell(row, source, place), text_cell(row, target, place)
        if texts[0].strip() and texts[1].strip():
            pairs.append(texts)
        else:
            blank += 1
    if len(pairs) < 2:
        told = " and ".join(f"{column} = {value!r}" for column, value in conditions.items())
        among = f" with {told}" if told else ""
        message = f"{file}: {len(pairs)} translations{among}; two are the least to choose from"
        raise DatasetError(message)
    name = file.name.partition(".")[0]
    sources, targets = zip(*pairs, strict=True)
    return TranslationData(name, split, sources, targets, blank)


def _score(row: Mapping[str, Any], column: str, place: str) -> float | None:
    value = cell(row, column, place)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        score = float(value)
    except (TypeError, ValueError):
        score = math.nan
    if not math.isfinite(score):
        message = f"{place}: {column!r} is {value!r}; a finite number is needed"
        raise DatasetError(message)
    return score
