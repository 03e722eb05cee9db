"""Tables as text: comma separated and tab separated values, one header row."""

from __future__ import annotations

import csv
import math
import re
from collections import deque
from typing import TYPE_CHECKING

from indexing.errors import SourceError
from indexing.readers.fields import make_record, resolve_table
from indexing.readers.lines import as_text, check_head, read_lines
from indexing.readers.records import MAX_LINE_CHARACTERS, Origin, Reject, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexing.readers.fields import FieldMapping
    from indexing.readers.files import OpenFile, SourceFile
    from indexing.readers.lines import Line
    from indexing.readers.records import Item

_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_TRUTH = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def read_delimited(
    file: SourceFile, opened: OpenFile, mapping: FieldMapping, encoding: str
) -> Iterator[Item]:
    """The rows below the header; empty lines are passed over in silence.

    Raises:
        SourceError: no header, no text column, or another encoding than `encoding`.
    """
    check_head(opened.peek(), encoding, file.shown)
    with as_text(opened.stream, encoding, newline="") as text:
        rows = _Rows(read_lines(text, encoding), tab=file.format == "tsv")
        names = _header(rows, file)
        columns = resolve_table(names, mapping, file.shown)
        for number, row in enumerate(rows.read(len(names)), start=1):
            origin = Origin(file.shown, row.line)
            if row.fault is not None:
                yield Reject(origin, row.fault, excerpt=excerpt(row.raw))
                continue
            cells = dict(zip(names, row.cells, strict=True))
            yield make_record(
                origin,
                cells,
                columns,
                numbered=f"{file.stem}:{number}",
                raw=row.raw,
                mapping=mapping,
                labels={name: typed(cells[name]) for name in columns.metadata if cells[name]},
            )


def _header(rows: _Rows, file: SourceFile) -> tuple[str, ...]:
    first = next(rows.read(None), None)
    if first is None:
        message = f"{file.shown} is empty; its first row must name the columns"
        raise SourceError(message)
    if first.fault is not None:
        message = f"{file.shown}: the header cannot be read: {first.fault}"
        raise SourceError(message)
    return tuple(name.strip() or f"column_{n}" for n, name in enumerate(first.cells, start=1))


def typed(cell: str) -> str | int | float | bool:
    """The number or truth value a cell spells, if it would be spelt the same again."""
    if cell in _TRUTH:
        return _TRUTH[cell]
    if _WHOLE.fullmatch(cell) and cell != "-0":
        return int(cell)
    try:
        number = float(cell)
    except ValueError:
        return cell
    return number if math.isfinite(number) and repr(number) == cell else cell


class _Row:
    """One row: its first line's number, its cells or what is wrong, and how it stood there."""

    __slots__ = ("cells", "fault", "line", "raw")

    def __init__(self, line: int, cells: list[str], raw: str, fault: str | None = None) -> None:
        self.line = line
        self.cells = cells
        self.raw = raw
        self.fault = fault


class _RowTooLongError(Exception):
    """A quoted cell goes on for longer than a row may be."""


class _Feed:
    """Lines for the parser; those of the row at work are held, and can be given back."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._waiting: deque[Line] = deque()
        self._size = 0
        self.held: list[Line] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else next(self._lines)
        self.held.append(line)
        self._size += len(line.text)
        if not line.complete or self._size > MAX_LINE_CHARACTERS:
            raise _RowTooLongError
        return line.text

    def start_row(self) -> None:
        """Let go of the lines held."""
        self.held, self._size = [], 0

    def give_back(self, count: int) -> None:
        """Read the last `count` lines held once more."""
        self._waiting.extendleft(reversed(self.held[len(self.held) - count :]))


class _Rows:
    """Lines to rows, so that a stray quote costs one line and not the rest of the file.

    The lines of a row are held until the row is known to be good; of a bad one the first is
    refused and the others are read again as rows of their own. In a tab separated file a line
    whose quotes make no row is taken as it stands (in that format quotes mean nothing), if it
    has the right number of cells.
    """

    def __init__(self, lines: Iterator[Line], *, tab: bool) -> None:
        # Process-wide, there is no other way: only ever raised, to what a line may have.
        csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_CHARACTERS))
        self._feed = _Feed(lines)
        self._tab = tab
        self._reader = csv.reader(self._feed, delimiter="\t" if tab else ",", strict=True)

    def read(self, width: int | None) -> Iterator[_Row]:
        """The rows; one of another number of cells than `width` is faulty."""
        while True:
            self._feed.start_row()
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except (csv.Error, _RowTooLongError) as error:
                yield self._first_alone(width, _explain(error))
                continue
            if cells:
                yield self._judge(cells, width)

    def _judge(self, cells: list[str], width: int | None) -> _Row:
        held = self._feed.held
        fault = next((line.fault for line in held if line.fault), None)
        if fault is None and width is not None and len(cells) != width:
            fault = f"{len(cells)} cells, the header names {width} columns"
            if len(held) > 1:
                return self._first_alone(width, f"{fault} (a quoted cell runs over lines)")
        raw = held[0].text if len(held) == 1 else "".join(line.text for line in held)
        return _Row(held[0].number, cells, raw, fault)

    def _first_alone(self, width: int | None, fault: str) -> _Row:
        """The first line held as a row of its own; the others are read again."""
        first = self._feed.held[0]
        self._feed.give_back(len(self._feed.held) - 1)
        if self._tab and first.fault is None:
            cells = first.text.rstrip("\r\n").split("\t")
            if len(cells) == width:
                return _Row(first.number, cells, first.text)
        return _Row(first.number, [], first.text, first.fault or fault)


def _explain(error: Exception) -> str:
    if isinstance(error, _RowTooLongError) or "field larger" in str(error):
        return f"a quote opens a cell of more than {MAX_LINE_CHARACTERS:,} characters"
    if "unexpected end" in str(error):
        return "a quote opens a cell and is never closed"
    return f"not a row: {error}"
