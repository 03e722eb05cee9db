"""The page on filters says what filters do."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from indexing.filter_sql import compile_filter, register_functions
from indexing.filters import Filter

PAGE = (Path(__file__).parents[2] / "docs" / "filters.md").read_text("utf-8")
BLOCKS = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
DOCUMENTS: list[dict[str, Any]] = [json.loads(text) for text in BLOCKS[0].split("\n\n")]
CONDITIONS = [json.loads(text) for text in re.findall(r"^\| `(\{.*?\})` \|", PAGE, re.MULTILINE)]


def find(data: object) -> list[int]:
    """Which of the page's documents, numbered from 1, satisfy the filter."""
    where, parameters = compile_filter(Filter.parse(data))
    with closing(sqlite3.connect(":memory:")) as connection:
        register_functions(connection)
        connection.execute("CREATE TABLE documents (row INTEGER PRIMARY KEY, id TEXT, metadata)")
        connection.executemany(
            "INSERT INTO documents (id, metadata) VALUES (?, ?)",
            [(f"faq-{n}", json.dumps(item)) for n, item in enumerate(DOCUMENTS, start=1)],
        )
        found = connection.execute(
            f"SELECT row FROM documents AS d WHERE {where} ORDER BY row",  # noqa: S608
            parameters,
        )
        return [row for (row,) in found]


def test_every_condition_of_the_table_is_tried() -> None:
    found = [find({"must": [condition]}) for condition in CONDITIONS]
    assert found == [[1], [1, 2], [1], [1], [1, 2], [1], [2], [1], [1, 2]]


@pytest.mark.parametrize(("block", "expected"), [(1, [1]), (2, [2])])
def test_examples(block: int, expected: list[int]) -> None:
    assert find(json.loads(BLOCKS[block])) == expected


def test_the_command_line_example() -> None:
    (text,) = re.findall(r"--filter '(.*?)'", PAGE)
    assert find(json.loads(text)) == [1]


def test_inline_example() -> None:
    (text,) = re.findall(r"`(\{\"key\": \"tags\".*?\})` finds the first", PAGE)
    assert find({"must": json.loads(text)}) == [1]
