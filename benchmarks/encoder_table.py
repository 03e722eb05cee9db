"""The table of what encoders were judged by: a row a figure, a column an encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_MEASURES = {
    "similarity": "Spearman",
    "translations": "accuracy",
    "titles": "accuracy",
    "dense": "nDCG@10",
    "modes": "nDCG@10",
    "tokens": "",
    "speed": "",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Attributes:
        heading: what it is of.
        cell: the figure, with its interval or p.
    """

    heading: str
    cell: str


def rows_of(parts: Iterable[Mapping[str, Any]]) -> list[Row]:
    """The rows of what was measured, in order."""
    return [
        Row(_heading(part, name), _cell(part["form"], name, figure))
        for part in parts
        for name, figure in part["figures"].items()
    ]


def show(row: Row) -> str:
    """The row as one line."""
    return f"{row.heading}: {row.cell}"


def page(columns: Mapping[str, Sequence[Row]]) -> str:
    """A Markdown table, encoders side by side; `-` where one has no such figure."""
    cells = {name: {row.heading: row.cell for row in rows} for name, rows in columns.items()}
    headings = dict.fromkeys(row.heading for rows in columns.values() for row in rows)
    lines = [
        f"| | {' | '.join(columns)} |",
        f"|---|{'---|' * len(columns)}",
        *(
            f"| {heading} | {' | '.join(cells[name].get(heading, '-') for name in columns)} |"
            for heading in headings
        ),
    ]
    return "\n".join(lines) + "\n"


def _heading(part: Mapping[str, Any], name: str) -> str:
    words = [part["title"]]
    if part["split"]:
        words.append(f"({part['split']})")
    measure = f"{_MEASURES[part['form']]} {'' if name == 'Spearman' else name}".strip()
    heading = f"{' '.join(words)}, {measure}"
    return heading if part["width"] is None else f"{heading}, {part['width']} numbers"


def _cell(form: str, name: str, figure: Mapping[str, float]) -> str:
    value = figure["value"]
    if "p" in figure:
        return f"{value:+.4f} (p {figure['p']:.4f})"
    if form == "speed":
        return f"{value:,.2f}" if name.endswith("ratio") else f"{value:,.0f}"
    if form == "tokens":
        return f"{value:.2f}"
    if "low" in figure:
        return f"{value:.4f} [{figure['low']:.4f}, {figure['high']:.4f}]"
    return f"{value:.4f}"
