"""Columns of rows, checked: texts, numbers in a range, labels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from embeddings.training.errors import DataError

if TYPE_CHECKING:
    from embeddings.training.sources import Rows


def texts_of(rows: Rows, column: str) -> list[str]:
    """The texts of a column.

    Raises:
        DataError: one is absent, blank or no text; the message names its line.
    """
    for row, value in enumerate(rows.columns[column]):
        if not isinstance(value, str):
            message = f"{rows.place(row)}: {column} is {value!r}; a text is needed"
            raise DataError(message)
        if not value.strip():
            message = f"{rows.place(row)}: {column} is empty; every example needs its texts"
            raise DataError(message)
    return rows.columns[column]


def numbers_of(rows: Rows, column: str, least: float, most: float) -> list[float]:
    """The numbers of a column, moved from `least`..`most` to 0..1.

    Raises:
        DataError: one is no number or outside the range, or all are the same.
    """
    made = []
    for row, value in enumerate(rows.columns[column]):
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if math.isnan(number):
            message = f"{rows.place(row)}: {column} is {value!r}; a number is needed"
            raise DataError(message)
        if not least <= number <= most:
            message = (
                f"{rows.place(row)}: {column} is {number:g}, outside {least:g} to {most:g}; "
                "say the scale of the file in the recipe (`range = [0, 5]`)"
            )
            raise DataError(message)
        made.append((number - least) / (most - least))
    if len(set(made)) < 2:
        message = (
            f"{rows.source.path}: {column} is {made[0] * (most - least) + least:g} in all "
            f"{len(made):,} rows; there is nothing to learn from one score"
        )
        raise DataError(message)
    return made


def labels_of(rows: Rows, column: str, classes: list[str] | None = None) -> list[str]:
    """The labels of a column, as texts.

    Args:
        rows: the rows.
        column: which.
        classes: those possible; None takes what there is.

    Raises:
        DataError: one is absent or not possible, or all are the same.
    """
    made = []
    for row, value in enumerate(rows.columns[column]):
        label = "" if value is None else str(value).strip()
        if not label:
            message = f"{rows.place(row)}: {column} is empty; every example needs a label"
            raise DataError(message)
        if classes is not None and label not in classes:
            told = ", ".join(classes[:20])
            message = f"{rows.place(row)}: {column} is {label!r}; possible: {told}"
            raise DataError(message)
        made.append(label)
    if classes is None and len(set(made)) < 2:
        message = (
            f"{rows.source.path}: {column} is {made[0]!r} in all {len(made):,} rows; two classes "
            "are the least that can be told apart"
        )
        raise DataError(message)
    return made
