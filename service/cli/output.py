"""What verbs print: results on stdout, everything said about them on stderr."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Console, RenderableType
    from rich.table import Table

AsJson = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON, as the HTTP API answers.")
]

_CONTROLS = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) != "\n"},
    **dict.fromkeys(range(0x7F, 0xA0), "\ufffd"),
}
PIPE_WIDTH = 120
"""Columns of what goes into a file or a pipe."""
_GAP = 3
"""Blanks between two columns of a table."""
_LEAST_FOLDED = 20
"""Columns that a text folded in a table has at least."""


def results(width: int = PIPE_WIDTH) -> Console:
    """The console of results; in a file or pipe it is `width` columns wide, without colour."""
    from rich.console import Console

    console = Console(highlight=False, emoji=False, markup=False)
    return console if console.is_terminal else _piped(stderr=False, width=width)


def notices() -> Console:
    """The console of progress, notes and warnings."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False, emoji=False, markup=False)
    return console if console.is_terminal else _piped(stderr=True)


def _piped(*, stderr: bool, width: int = PIPE_WIDTH) -> Console:
    from rich.console import Console

    return Console(
        stderr=stderr, highlight=False, emoji=False, markup=False, width=width, no_color=True
    )


def write(item: RenderableType, *, width: int = PIPE_WIDTH) -> None:
    """A table or a text on stdout; a file or pipe gets no blanks at the ends of lines.

    Args:
        item: what is written.
        width: columns of a file or pipe.
    """
    from rich.text import Text

    console = results(width)
    item = visible(item) if isinstance(item, str) else item
    if console.is_terminal:
        console.print(item, soft_wrap=isinstance(item, str))
        return
    with console.capture() as captured:
        console.print(item, soft_wrap=isinstance(item, str | Text))
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def write_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """One JSON value on stdout, indented, Korean as it is written."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def write_line(value: Mapping[str, Any]) -> None:
    """One JSON object as one line on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def note(message: str) -> None:
    """Something worth knowing, on stderr."""
    notices().print(visible(message), soft_wrap=True)


def warn(message: str) -> None:
    """Something that may surprise later, on stderr."""
    from rich.text import Text

    notices().print(Text.assemble(("warning: ", "yellow"), visible(message)), soft_wrap=True)


def write_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    numbers: str = "",
    folds: str = "",
) -> None:
    """Rows under headings on stdout; on a terminal too narrow for them, row by row as facts.

    Args:
        columns: headings.
        rows: a cell for each column.
        numbers: columns, blank separated, that stand to the right.
        folds: the column that may take several lines on a terminal.
    """
    from rich.cells import cell_len

    told_rows = [[told(cell) for cell in row] for row in rows]
    widths = {
        column: max(map(cell_len, [column, *(row[place] for row in told_rows)]))
        for place, column in enumerate(columns)
    }
    gaps = _GAP * (len(columns) - 1)
    console = results()
    if not console.is_terminal:
        made = _table(columns, told_rows, numbers.split(), folds="")
        write(made, width=max(PIPE_WIDTH, sum(widths.values()) + gaps))
        return
    if folds:
        widths[folds] = min(widths[folds], _LEAST_FOLDED)
    if sum(widths.values()) + gaps <= console.width:
        write(_table(columns, told_rows, numbers.split(), folds=folds))
        return
    for number, row in enumerate(told_rows):
        if number:
            write("")
        write(facts((column, cell) for column, cell in zip(columns, row, strict=True) if column))


def _table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str], *, folds: str
) -> Table:
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        made.add_column(
            column,
            justify="right" if column in right else "left",
            overflow="fold",
            no_wrap=column != folds,
        )
    for row in rows:
        made.add_row(*row)
    return made


def facts(pairs: Iterable[tuple[str, object]]) -> Table:
    """Names and values in two columns, without lines; pairs whose value is None are left out."""
    from rich.table import Table

    made = Table.grid(padding=(0, 2))
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs:
        if value is not None:
            made.add_row(name, told(value))
    return made


def visible(text: str) -> str:
    """The text with its control characters made visible, so that none of them moves a terminal.

    Line feeds stay; the others become their pictures (`␛`), those without one a `\ufffd`.
    """
    return text.translate(_CONTROLS)


def told(value: object) -> str:
    """A value as people read it: thousands apart, yes and no, lists with commas."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(told(item) for item in value) or "-"
    return "-" if value is None else visible(str(value))


def told_bytes(count: int) -> str:
    """Bytes in a unit that leaves one to four digits (`12.3 MB`, powers of 1,000)."""
    amount = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def told_time(seconds: float) -> str:
    """A span in its two largest units (`48 s`, `2 min 40 s`, `3 h 5 min`)."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def told_rate(each_second: float, noun: str) -> str:
    """`1,234 documents/s`, `0.4 documents/s`."""
    return f"{each_second:,.0f} {noun}s/s" if each_second >= 10 else f"{each_second:.1f} {noun}s/s"


def counted(count: int, noun: str) -> str:
    """`1 document`, `2,310 documents`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
