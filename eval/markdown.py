"""Pieces of Markdown pages that people read in a terminal and on a code host."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Container[str] = ()
) -> str:
    """A table, its columns padded; those named in `numbers` to the right."""
    cells = [[tell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    right = [column in numbers for column in columns]
    rule = [
        "-" * (width - 1) + ":" if is_right else "-" * width
        for width, is_right in zip(widths, right, strict=True)
    ]
    lines = [columns, rule, *cells]
    return "\n".join(_line(line, widths, right) for line in lines)


def facts(rows: Iterable[tuple[str, object]]) -> str:
    """A list of names and values."""
    return "\n".join(f"- {name}: {tell(value)}" for name, value in rows)


def shorten(text: str, length: int = 80) -> str:
    """`text` on one line of at most `length` characters, the rest replaced by an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def tell(value: object) -> str:
    """A value as a table cell: thousands apart, four decimals, no line break, no bare `|`."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4f}"
    return " ".join(str(value).split()).replace("|", "\\|")


def tell_share(part: int | None, whole: int | None) -> str:
    """`12 (3.4 %)`; without the share where it has no meaning."""
    if part is None:
        return "not known"
    return f"{part:,} ({part / whole:.1%})".replace("%", " %") if whole else f"{part:,}"


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = [
        cell.rjust(width) if is_right else cell.ljust(width)
        for cell, width, is_right in zip(cells, widths, right, strict=True)
    ]
    return f"| {' | '.join(padded)} |".rstrip()
