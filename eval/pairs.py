"""Pairs of texts from a table: judged by how alike people found them, or translations."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.errors import DatasetError
from eval.lines import PACKED, read_lines, read_objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
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
    for place, row in _rows(file):
        if split is not None:
            splits.add(str(_cell(row, columns.split, place)))
            if str(row[columns.split]) != split:
                continue
        texts = _text(row, columns.first, place), _text(row, columns.second, place)
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
    for place, row in _rows(file):
        if any(str(_cell(row, column, place)) != value for column, value in conditions.items()):
            continue
        texts = _text(row, source, place), _text(row, target, place)
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


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Places (`file:line`; for Parquet `file, row N`) and rows."""
    plain = path.name.removesuffix(".gz").removesuffix(".zst")
    ending = Path(plain).suffix
    if ending == ".jsonl":
        return ((f"{path}:{number}", row) for number, row in read_objects(path))
    if ending == ".tsv":
        return _tsv_rows(path)
    if ending == ".csv":
        return _csv_rows(path)
    if path.suffix == ".parquet":
        return _parquet_rows(path)
    packed = " or ".join(PACKED[1:])
    message = f"{path}: unknown kind; .tsv, .csv, .jsonl (also {packed}) and .parquet are read"
    raise DatasetError(message)


def _tsv_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    header: list[str] | None = None
    for number, line in read_lines(path):
        fields = line.split("\t")
        if header is None:
            header = [field.strip() for field in fields]
        elif len(fields) != len(header):
            message = f"{path}:{number}: {len(fields)} fields; the header has {len(header)}"
            raise DatasetError(message)
        else:
            yield f"{path}:{number}", dict(zip(header, fields, strict=True))


def _csv_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    lines = (f"{line}\n" for _, line in read_lines(path, keep_blank=True))
    reader = csv.DictReader(lines, strict=True)
    try:
        for cells in reader:
            place = f"{path}:{reader.line_num}"
            if None in cells or None in cells.values():
                message = f"{place}: not as many fields as the header has"
                raise DatasetError(message)
            yield place, cells
    except csv.Error as error:
        message = f"{path}:{reader.reader.line_num}: not CSV ({error})"
        raise DatasetError(message) from error


def _parquet_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        message = f"{path}: cannot be read as Parquet ({error})"
        raise DatasetError(message) from error
    for row, cells in enumerate(table.to_pylist(), start=1):
        yield f"{path}, row {row}", cells


def _cell(row: Mapping[str, Any], column: str, place: str) -> Any:  # noqa: ANN401
    if column not in row:
        there = ", ".join(map(str, row)) or "none"
        message = f"{place}: no column {column!r}; there are {there}: say which to read"
        raise DatasetError(message)
    return row[column]


def _text(row: Mapping[str, Any], column: str, place: str) -> str:
    value = _cell(row, column, place)
    if value is None:
        return ""
    if not isinstance(value, str):
        message = f"{place}: {column!r} is {value!r}; a text is needed"
        raise DatasetError(message)
    return value


def _score(row: Mapping[str, Any], column: str, place: str) -> float | None:
    value = _cell(row, column, place)
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
