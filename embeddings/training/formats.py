"""Rows of .jsonl, .csv, .tsv and .parquet, all but the last also packed (.gz, .zst)."""

from __future__ import annotations

import csv
import json
from contextlib import contextmanager
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from embeddings.training.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_FORMATS = (".jsonl", ".csv", ".tsv", ".parquet")
_PACKINGS = (".gz", ".zst")


def format_of(path: Path) -> str:
    """The ending that says how a file is read, without its packing.

    Raises:
        DataError: it is not known, or there is no such file.
    """
    suffixes = path.suffixes
    packed = bool(suffixes) and suffixes[-1] in _PACKINGS
    kind = suffixes[-2] if packed and len(suffixes) > 1 else path.suffix
    if kind not in _FORMATS or (packed and kind == ".parquet"):
        message = (
            f"{path} is of no format known here: {', '.join(_FORMATS)}, all but .parquet also "
            f"packed as {' or '.join(_PACKINGS)}"
        )
        raise DataError(message)
    if not path.is_file():
        message = f"{path} is not there; a recipe's files are meant from the recipe's folder"
        raise DataError(message)
    return kind


def rows_of(
    path: Path, kind: str, columns: list[str], *, header: bool
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows by the file's column names, each with its line (in Parquet its row), from 1.

    Args:
        path: the file.
        kind: from `format_of`.
        columns: those that are needed; Parquet reads no others.
        header: False if a .csv or .tsv begins with its first row.

    Raises:
        DataError: a line that cannot be read.
    """
    read = _READERS[kind]
    return (
        partial(read, header=header)(path, columns) if kind in _DELIMITED else read(path, columns)
    )


@contextmanager
def _open(path: Path) -> Iterator[IO[str]]:
    """The text of a file, unpacked."""
    if path.suffix == ".gz":
        import gzip

        with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
            yield file
    elif path.suffix == ".zst":
        import io

        import zstandard

        with (
            path.open("rb") as raw,
            zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True) as stream,
        ):
            yield io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    else:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file


def _read_jsonl(path: Path, columns: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    del columns
    with _open(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                message = f"{path}, line {number:,} is not JSON: {error}"
                raise DataError(message) from error
            if not isinstance(row, dict):
                message = f"{path}, line {number:,} is {type(row).__name__}; an object is needed"
                raise DataError(message)
            yield number, row


def _read_delimited(
    path: Path, columns: list[str], *, header: bool
) -> Iterator[tuple[int, dict[str, Any]]]:
    del columns
    is_tsv = ".tsv" in path.suffixes
    with _open(path) as file:
        # Quotation marks mean nothing in .tsv: sentences open with them and never close.
        if is_tsv:
            reader = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        else:
            reader = csv.reader(file)
        names = next(reader, []) if header else []
        what = "header" if header else "first line"
        try:
            for row in reader:
                if not row:
                    continue
                names = names or [str(number) for number in range(1, len(row) + 1)]
                if len(row) != len(names):
                    message = (
                        f"{path}, line {reader.line_num:,} has {len(row)} cells; its {what} has "
                        f"{len(names)}"
                    )
                    raise DataError(message)
                yield reader.line_num, dict(zip(names, row, strict=True))
        except csv.Error as error:
            message = f"{path}, line {reader.line_num:,} cannot be read: {error}"
            raise DataError(message) from error


def _read_parquet(path: Path, columns: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            there = file.schema_arrow.names
            # Without any of the columns asked for, the whole header is shown in the refusal.
            wanted = [name for name in there if name in columns]
            wanted = wanted if set(columns) <= set(wanted) else there
            for batch in file.iter_batches(columns=wanted):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except pa.ArrowInvalid as error:
        message = f"{path} is not Parquet: {error}"
        raise DataError(message) from error


_DELIMITED = (".csv", ".tsv")
_READERS: dict[str, Callable[..., Iterator[tuple[int, dict[str, Any]]]]] = {
    ".jsonl": _read_jsonl,
    ".csv": _read_delimited,
    ".tsv": _read_delimited,
    ".parquet": _read_parquet,
}
