"""Files of examples to rows: .jsonl, .csv, .tsv and .parquet, also .gz and .zst."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from embeddings.fingerprint import hash_file
from embeddings.training.errors import DataError
from embeddings.training.formats import format_of, rows_of
from embeddings.training.recipe import Count, FileName, Weight

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file of examples, as a recipe names it.

    Attributes:
        path: .jsonl, .csv, .tsv or .parquet, also packed (.gz, .zst).
        columns: the file's column of each of ours (`{sentence1 = "ko_sentence1"}`); columns of
            the same name need no entry.
        split: only rows whose `split_column` says so; None takes all.
        split_column: where the split is told.
        where: only rows with these values, column by column.
        leave_out: no rows with one of these values, column by column.
        header: False if a .csv or .tsv begins with its first row; its columns are then `1`, `2`.
        weight: how many times over it is read in an epoch where several are mixed.
        most: rows at most, from the top; None takes all.
        sample: rows at most, drawn at random, always the same ones; None takes all.
        licence: of the data, for the receipt; empty says that nobody told.
        name: for the receipt; None is the file's name.
    """

    path: Annotated[str, FileName()]
    columns: dict[str, str] = field(default_factory=dict)
    split: str | None = None
    split_column: str = "split"
    where: dict[str, str] = field(default_factory=dict)
    leave_out: dict[str, tuple[str, ...]] = field(default_factory=dict)
    header: bool = True
    weight: Weight = 1.0
    most: Count | None = None
    sample: Count | None = None
    licence: str = ""
    name: str | None = None

    @property
    def title(self) -> str:
        """What the source is called."""
        return self.name or Path(self.path).name.partition(".")[0]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of a source, column by column, with the lines they came from.

    Attributes:
        source: where they are from.
        columns: values by our column name, all of one length.
        lines: the line (in a Parquet file the row) of each, from 1; a header is line 1.
    """

    source: Source
    columns: dict[str, list[Any]]
    lines: list[int]

    def __len__(self) -> int:
        return len(self.lines)

    def place(self, row: int) -> str:
        """`FILE, line N` of a row."""
        what = "row" if ".parquet" in Path(self.source.path).name else "line"
        return f"{self.source.path}, {what} {self.lines[row]:,}"


def read_rows(source: Source, columns: Sequence[str], optional: Sequence[str] = ()) -> Rows:
    """The rows of a source.

    Args:
        source: the file.
        columns: those needed, by our names.
        optional: those taken if the file has them.

    Raises:
        DataError: no such file, a format not known, a column that is missing (with those there
            are), a line that cannot be read, or no row left.
    """
    path = Path(source.path)
    kind = format_of(path)
    wanted = [*columns, *optional]
    for name in source.columns:
        if name not in wanted:
            message = f"columns of {path} name {name!r}; what is read is {', '.join(wanted)}"
            raise DataError(message)
    made: dict[str, list[Any]] = {name: [] for name in wanted}
    lines: list[int] = []
    conditions = dict(source.where)
    if source.split is not None:
        conditions[source.split_column] = source.split
    looked_at = list(dict.fromkeys([*conditions, *source.leave_out]))
    names = {name: source.columns.get(name, name) for name in wanted}
    seen: dict[str, set[str]] = {column: set() for column in looked_at}
    try:
        for line, row in rows_of(path, kind, [*names.values(), *looked_at], header=source.header):
            _check_columns(source, names, columns, looked_at, row, line)
            for column in looked_at:
                if len(seen[column]) < 20:
                    seen[column].add(str(row[column]))
            if not _is_wanted(row, conditions, source.leave_out):
                continue
            for name, column in names.items():
                made[name].append(row.get(column))
            lines.append(line)
            if source.most is not None and len(lines) >= source.most:
                break
    except (OSError, UnicodeDecodeError, EOFError) as error:
        message = f"{path} cannot be read: {error}"
        raise DataError(message) from error
    if not lines:
        raise DataError(_nothing(source, conditions, seen))
    absent = [name for name in optional if all(value is None for value in made[name])]
    there = {name: values for name, values in made.items() if name not in absent}
    return _drawn(Rows(source, there, lines))


def _drawn(rows: Rows) -> Rows:
    """Those that the source's `sample` asks for."""
    if rows.source.sample is None:
        return rows
    chosen = draw(len(rows), rows.source.sample)
    columns = {name: [values[row] for row in chosen] for name, values in rows.columns.items()}
    return Rows(rows.source, columns, [rows.lines[row] for row in chosen])


def draw(total: int, count: int) -> list[int]:
    """So many of the rows 0 to `total`, all where there are no more; always the same, in order."""
    return sorted(np.random.default_rng(0).permutation(total)[:count].tolist())


def describe_source(source: Source, rows: int) -> dict[str, Any]:
    """What the receipt says of a source: name, path, sha256, bytes, rows taken, licence."""
    path = Path(source.path)
    return {
        "name": source.title,
        "path": source.path,
        "sha256": hash_file(path),
        "bytes": path.stat().st_size,
        "rows": rows,
        "split": source.split,
        "weight": source.weight,
        "licence": source.licence or None,
    }


def _is_wanted(
    row: dict[str, Any], conditions: dict[str, str], unwanted: dict[str, tuple[str, ...]]
) -> bool:
    return all(str(row[column]) == value for column, value in conditions.items()) and not any(
        str(row[column]) in values for column, values in unwanted.items()
    )


def _check_columns(
    source: Source,
    names: dict[str, str],
    needed: Sequence[str],
    conditions: Sequence[str],
    row: dict[str, Any],
    line: int,
) -> None:
    missing = [names[name] for name in needed if names[name] not in row]
    missing += [column for column in conditions if column not in row]
    if missing:
        there = ", ".join(row) or "none"
        message = (
            f"{source.path}, line {line:,} has no column {', '.join(map(repr, missing))}; there "
            f'are {there}. Name it with `columns = {{ours = "theirs"}}` in the recipe'
        )
        raise DataError(message)


def _nothing(source: Source, conditions: dict[str, str], seen: dict[str, set[str]]) -> str:
    if not seen:
        return f"{source.path} holds no rows"
    wanted = [f"{column} = {value!r}" for column, value in conditions.items()]
    unwanted = [
        f"{column} not {' or '.join(map(repr, values))}"
        for column, values in source.leave_out.items()
    ]
    told = " and ".join([*wanted, *unwanted])
    there = "; ".join(f"{column}: {', '.join(sorted(values))}" for column, values in seen.items())
    return f"{source.path} has no rows with {told}; there are {there or 'no rows at all'}"
