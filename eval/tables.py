"""Rows of text tables: `.tsv`, `.csv`, `.jsonl` (each also packed) and `.parquet`."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.errors import ChoiceError, DatasetError
from eval.lines import PACKED, read_lines, read_objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def read_where(given: Sequence[str]) -> dict[str, str]:
    """`COLUMN=VALUE` texts as a mapping.

    Raises:
        ChoiceError: one is of another form.
    """
    made: dict[str, str] = {}
    for text in given:
        column, equals, value = text.partition("=")
        if not (column and equals):
            message = f"--where {text!r} is not of the form COLUMN=VALUE"
            raise ChoiceError(message)
        made[column] = value
    return made


def read_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Places (`file:line`; for Parquet `file, row N`) and rows.

    Tables of text carry a header. A TSV cell ends at the tab, whatever quotes it holds; CSV
    cells may be quoted.

    Raises:
        DatasetError: missing or unknown file, or a row that is not like the header.
    """
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


def cell(row: Mapping[str, Any], column: str, place: str) -> Any:  # noqa: ANN401
    """What a row has in a column.

    Raises:
        DatasetError: it has no such column; those present are listed.
    """
    if column not in row:
        there = ", ".join(map(str, row)) or "none"
        message = f"{place}: no column {column!r}; there are {there}: say which to read"
        raise DatasetError(message)
    return row[column]


def text_cell(row: Mapping[str, Any], column: str, place: str) -> str:
    """The text in a column, "" where there is none.

    Raises:
        DatasetError: no such column, or something else in it than a text.
    """
    value = cell(row, column, place)
    if value is None:
        return ""
    if not isinstance(value, str):
        message = f"{place}: {column!r} is {value!r}; a text is needed"
        raise DatasetError(message)
    return value
