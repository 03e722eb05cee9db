"""Questions in a file: a line each, or a column of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eval.errors import DatasetError
from eval.lines import read_lines
from eval.tables import read_rows, text_cell

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

COLUMNS = ("query", "question", "text")
"""Of tables, the first that is there; BEIR's `queries.jsonl` has `text`."""


def read_questions(path: Path) -> list[str]:
    """The questions, in order; blank ones are left out.

    Args:
        path: .txt with a question a line, or .jsonl, .csv, .tsv or .parquet with one of `COLUMNS`.

    Raises:
        DatasetError: it cannot be read, or has no such column or no question.
    """
    if path.name.removesuffix(".gz").removesuffix(".zst").endswith(".txt"):
        texts = [line.strip() for _, line in read_lines(path)]
    else:
        texts = [text_cell(row, _column(row, place), place) for place, row in read_rows(path)]
    found = [text for text in texts if text.strip()]
    if not found:
        raise DatasetError(f"{path} holds no question; a line each, or a column {COLUMNS[0]!r}")
    return found


def _column(row: Mapping[str, Any], place: str) -> str:
    for name in COLUMNS:
        if name in row:
            return name
    told = ", ".join(map(str, row))
    raise DatasetError(f"{place}: none of {', '.join(COLUMNS)} among the columns {told}")
