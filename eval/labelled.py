"""Texts with the group that people put each into."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eval.errors import DatasetError
from eval.tables import cell, read_rows, text_cell

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike


@dataclass(frozen=True, slots=True)
class LabelledData:
    """Texts and their groups, in the file's order.

    Attributes:
        name: the file's name without endings.
        texts: none of them blank.
        labels: of each text, as written in the file.
        blank: rows left out because the text is blank.
        unlabelled: rows left out because they have no label.
    """

    name: str
    texts: tuple[str, ...]
    labels: tuple[str, ...]
    blank: int
    unlabelled: int


def load_labelled(
    path: str | PathLike[str],
    *,
    text: str = "text",
    label: str = "label",
    where: Mapping[str, str] | None = None,
) -> LabelledData:
    """The rows of a `.tsv`, `.csv`, `.jsonl` (each also `.gz`, `.zst`) or `.parquet` file.

    Args:
        path: the file.
        text: column of the texts.
        label: column of their groups, of any values.
        where: only rows with these values, column by column.

    Raises:
        DatasetError: missing or unknown file, a missing column (those present are listed), or
            fewer than two groups.
    """
    file, conditions = Path(path), where or {}
    texts: list[str] = []
    labels: list[str] = []
    blank = unlabelled = 0
    for place, row in read_rows(file):
        if any(str(cell(row, column, place)) != value for column, value in conditions.items()):
            continue
        found, group = text_cell(row, text, place), cell(row, label, place)
        if not found.strip():
            blank += 1
        elif group is None or not str(group).strip():
            unlabelled += 1
        else:
            texts.append(found)
            labels.append(str(group))
    if len(set(labels)) < 2:
        told = " and ".join(f"{column} = {value!r}" for column, value in conditions.items())
        among = f" with {told}" if told else ""
        message = (
            f"{file}: {len(texts):,} labelled texts{among}, {len(set(labels))} different labels; "
            "two are the least to tell apart"
        )
        raise DatasetError(message)
    name = file.name.partition(".")[0]
    return LabelledData(name, tuple(texts), tuple(labels), blank, unlabelled)
