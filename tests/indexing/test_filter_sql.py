# ruff: noqa: S608 - the compiled expression is what is tested
from __future__ import annotations

import json
import sqlite3
import unicodedata
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.filter_sql import compile_filter, register_functions
from indexing.filters import MAX_CONDITIONS, MAX_DEPTH, Filter
from tests.indexing.filter_cases import DOCUMENTS, FILTERS, KEYS, LEAVES, satisfies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Json: TypeAlias = Any


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as opened:
        opened.execute("CREATE TABLE documents (row INTEGER PRIMARY KEY, id TEXT, metadata TEXT)")
        register_functions(opened)
        yield opened


def select(
    connection: sqlite3.Connection, filter: object, metadata: Sequence[Mapping[str, Any]]
) -> list[int]:
    """Positions of the metadata that satisfy the filter; ids are `id-0`, `id-1`, ..."""
    connection.execute("DELETE FROM documents")
    connection.executemany(
        "INSERT INTO documents VALUES (?, ?, ?)",
        [
            (row, f"id-{row}", json.dumps(item, ensure_ascii=row % 2 == 0))
            for row, item in enumerate(metadata)
        ],
    )
    where, parameters = compile_filter(Filter.parse(filter))
    found = connection.execute(
        f"SELECT row, {where} FROM documents AS d ORDER BY row", parameters
    ).fetchall()
    assert {value for _, value in found} <= {0, 1}, "neither true nor false"
    rest = connection.execute(
        f"SELECT row FROM documents AS d WHERE row >= 0 AND NOT {where} ORDER BY row", parameters
    ).fetchall()
    assert [row for row, value in found if not value] == [row for (row,) in rest]
    return [row for row, value in found if value]


def matches(
    connection: sqlite3.Connection, test: Mapping[str, Any], values: list[Any]
) -> list[Any]:
    """Those of the values that satisfy the test as metadata `{"k": value}`."""
    rows = select(connection, {"must": [{"key": "k", **test}]}, [{"k": value} for value in values])
    return [values[row] for row in rows]


SCALARS = [None, True, False, 0, 1, 1.0, 1.5, "1", "true", "null", "", "가", "[1]", '{"x":1}']
NESTED = [[], [1], [True], ["1", "나"], [None], [[1]], {}, {"x": 1}, [{"x": 1}]]


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ({"value": 1}, [1, 1.0, [1]]),
        ({"value": 1.0}, [1, 1.0, [1]]),
        ({"value": 1.5}, [1.5]),
        ({"value": True}, [True, [True]]),
        ({"value": False}, [False]),
        ({"value": 0}, [0]),
        ({"value": "1"}, ["1", ["1", "나"]]),
        ({"value": "true"}, ["true"]),
        ({"value": "null"}, ["null"]),
        ({"value": ""}, [""]),
        ({"value": "나"}, [["1", "나"]]),
        ({"value": "[1]"}, ["[1]"]),
        ({"value": '{"x":1}'}, ['{"x":1}']),
        ({"any": []}, []),
        ({"any": ["가", True, 1.5]}, [True, 1.5, "가", [True]]),
        ({"any": ["1", 1]}, [1, 1.0, "1", [1], ["1", "나"]]),
        (
            {"except": ["1", 1, True]},
            # not null and not []; an array with one element that is something else; containers
            [False, 0, 1.5, "true", "null", "", "가", "[1]", '{"x":1}', *NESTED[3:4], *NESTED[5:]],
        ),
        (
            {"except": []},
            [value for value in SCALARS if value is not None]
            + [value for value in NESTED if value not in ([], [None])],
        ),
    ],
)
def test_match(
    connection: sqlite3.Connection, test: Mapping[str, Any], expected: list[Any]
) -> None:
    found = matches(connection, {"match": test}, SCALARS + NESTED)
    assert list(map(repr, found)) == list(map(repr, expected))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("대한", ["대한민국의 헌법", ["대한민국", "x"]]),
        ("헌법 대한", ["대한민국의 헌법"]),
        ("  헌법\u3000대한 ", ["대한민국의 헌법"]),
        (unicodedata.normalize("NFD", "민국"), ["대한민국의 헌법", ["대한민국", "x"]]),
        ("ㅎ", []),
        ("SEOUL", ["Seoul Station", "seoul"]),
        ("station seoul", ["Seoul Station"]),
        ("strasse", ["Straße", "STRASSE"]),
        ("STRAẞE", ["Straße", "STRASSE"]),
        ("café", ["CAFÉ", "cafe\u0301"]),
        ("\u0390", ["\u03aa\u0301"]),  # only folding tells that these are one letter
        ("%", ["100 %"]),
        ("1", ["100 %"]),
        ("x 대한", []),
    ],
)
def test_match_text(connection: sqlite3.Connection, text: str, expected: list[Any]) -> None:
    korean = ["대한민국의 헌법", ["대한민국", "x"], "민주", 100, None, {"대한": "대한"}]
    latin = [
        "Seoul Station",
        "seoul",
        "Straße",
        "STRASSE",
        "CAFÉ",
        "cafe\u0301",
        "cafe",
        "\u03aa\u0301",
        "100 %",
    ]
    decomposed = unicodedata.normalize("NFD", "대한민국의 헌법")
    assert matches(connection, {"match": {"text": text}}, korean + latin) == expected
    found = matches(connection, {"match": {"text": text}}, [decomposed])
    assert bool(found) == ("대한민국의 헌법" in expected)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ({"gt": 1}, [1.5, 2, [0, 9], 10**20]),
        ({"gte": 1}, [1, 1.5, 2, [0, 9], 10**20]),
        ({"lt": 1}, [-5, 0, [0, 9]]),
        ({"lte": 1.0}, [-5, 0, 1, [0, 9]]),
        ({"gt": 0, "lt": 2}, [1, 1.5]),  # no single element of [0, 9] lies between
        ({"gt": 2, "lt": 1}, []),
        ({"gte": -1e308, "lte": 1e308}, [-5, 0, 1, 1.5, 2, [0, 9], 10**20]),
    ],
)
def test_range_over_numbers(
    connection: sqlite3.Connection, test: Mapping[str, Any], expected: list[Any]
) -> None:
    values = [-5, 0, 1, 1.5, 2, [0, 9], 10**20, True, "1", "2025-04-02", None, [], {"x": 1}, [[1]]]
    assert matches(connection, {"range": test}, values) == expected


def test_integers_are_compared_exactly(connection: sqlite3.Connection) -> None:
    values = [2**53, 2**53 + 1, 2**63 - 1, -(2**63)]
    for value in values:
        assert matches(connection, {"match": {"value": value}}, values) == [value]
    assert matches(connection, {"range": {"gt": 2**53}}, values) == [2**53 + 1, 2**63 - 1]
    assert matches(connection, {"range": {"gt": float(2**53)}}, values) == [2**53 + 1, 2**63 - 1]


@settings(max_examples=300, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_is_found_by_its_own_value(value: float) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE documents (row INTEGER PRIMARY KEY, id TEXT, metadata)")
        for test in ({"match": {"value": value}}, {"range": {"gte": value, "lte": value}}):
            assert matches(connection, test, [value]) == [value]
        assert matches(connection, {"match": {"except": [value]}}, [value]) == []


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ({"gte": "2025-04-02"}, "bcdefgh"),
        ({"gt": "2025-04-02"}, "fgh"),
        ({"gt": "2025-04-01T23:59:59.9999999Z", "lt": "2025-04-02T00:00:00.0000001Z"}, "bcdef"),
        ({"lte": "2025-04-02T09:00:00+09:00"}, "abcdeh"),
        ({"gte": "2025-04-02T10:00:00", "lte": "2025-04-02T10:00:00Z"}, "g"),
        ({"lt": "0001-01-02"}, ""),
        ({"gte": "0001-01-01"}, "abcdefgh"),
    ],
)
def test_range_over_times(
    connection: sqlite3.Connection, test: Mapping[str, Any], expected: str
) -> None:
    values: dict[str, Any] = {
        "a": "2025-04-02T08:59:59+09:00",
        "b": "2025-04-02",
        "c": "2025-04-02T09:00:00+09:00",
        "d": "2025-04-01T19:00:00.000-05:00",
        "e": "2025-04-02 00:00",
        "f": "2025-04-02T00:00:00.000000001Z",
        "g": "2025-04-02T10:00:00.0Z",
        "h": ["1999-12-31", "2025-05-01"],
    }
    others: list[Any] = [
        20250402,
        1743552000,
        "20250402",
        "2025-02-30",
        "soon",
        None,
        True,
        [],
        {"t": "2025"},
    ]
    found = matches(connection, {"range": test}, [*values.values(), *others])
    assert "".join(name for name, value in values.items() if value in found) == expected
    assert len(found) == len(expected)


EMPTY_CASES: list[tuple[dict[str, Any], bool, bool]] = [
    # metadata, is_empty, is_null, of key k
    ({}, True, False),
    ({"other": 1}, True, False),
    ({"k": None}, True, True),
    ({"k": []}, True, False),
    ({"k": [None]}, False, True),
    ({"k": [1, None]}, False, True),
    ({"k": [[None]]}, False, False),
    ({"k": ""}, False, False),
    ({"k": "null"}, False, False),
    ({"k": 0}, False, False),
    ({"k": False}, False, False),
    ({"k": {}}, False, False),
    ({"k": [[]]}, False, False),
]


def test_is_empty_and_is_null(connection: sqlite3.Connection) -> None:
    metadata = [item for item, _, _ in EMPTY_CASES]
    empty = select(connection, {"must": {"is_empty": {"key": "k"}}}, metadata)
    null = select(connection, {"must": {"is_null": {"key": "k"}}}, metadata)
    assert empty == [row for row, case in enumerate(EMPTY_CASES) if case[1]]
    assert null == [row for row, case in enumerate(EMPTY_CASES) if case[2]]


PATHS: list[dict[str, Any]] = [
    {"a": {"b": 1}},
    {"a": [{"b": 1}, {"b": 2}]},
    {"a": [{"b": [1, 3]}, {"c": 1}]},
    {"a": [[1], [2]]},
    {"a": [1, 2]},
    {"a.b": 1},
    {"a": '{"b":1}'},
    {"a": None},
    {},
]


@pytest.mark.parametrize(
    ("key", "test", "expected"),
    [
        ("a.b", {"match": {"value": 1}}, [0]),
        ("a[].b", {"match": {"value": 1}}, [1, 2]),
        ("a[].b", {"match": {"value": 3}}, [2]),
        ("a[].b[]", {"match": {"value": 3}}, [2]),
        ("a[].b", {"match": {"except": [1]}}, [1, 2]),
        ("a", {"match": {"value": 1}}, [4]),
        ("a[]", {"match": {"value": 1}}, [3, 4]),
        ("a[][]", {"match": {"value": 1}}, [3]),
        ("a[][][]", {"match": {"value": 1}}, []),
        ("a[0]", {"match": {"value": 1}}, []),
        ("a.0", {"match": {"value": 1}}, []),
    ],
)
def test_paths(
    connection: sqlite3.Connection, key: str, test: Mapping[str, Any], expected: list[int]
) -> None:
    assert select(connection, {"must": {"key": key, **test}}, PATHS) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [("a.b", [1, 2, 3, 4, 5, 6, 7, 8]), ("a[].b", [0, 3, 4, 5, 6, 7, 8]), ("a", [5, 7, 8])],
)
def test_is_empty_of_paths(connection: sqlite3.Connection, key: str, expected: list[int]) -> None:
    assert select(connection, {"must": {"is_empty": {"key": key}}}, PATHS) == expected


@pytest.mark.parametrize(
    "name", [*KEYS, "'; DROP TABLE documents; --", "key", "?", ":a", "x" * 512]
)
def test_names_of_any_characters(connection: sqlite3.Connection, name: str) -> None:
    metadata: list[dict[str, Any]] = [
        {name: "v"},
        {name + "x": "v"},
        {"outer": {name: name}},
        {"v": name},
    ]
    for value, key, expected in (("v", name, [0]), (name, f"outer.{name}", [2])):
        if len(key) <= 512:
            filter = {"must": {"key": key, "match": {"value": value}}}
            assert select(connection, filter, metadata) == expected


def has(*ids: int) -> dict[str, Any]:
    return {"has_id": [f"id-{number}" for number in ids]}


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"must": [has()]}, []),
        ({"must": [{"has_id": ["id-1", "unknown", "ID-2", "1"]}]}, [1]),
        ({"must": [has(0, 1), has(1, 2)]}, [1]),
        ({"should": [has(0, 1), has(1, 2)]}, [0, 1, 2]),
        ({"must_not": [has(0, 1), has(1, 2)]}, [3, 4]),
        ({"must": has(0, 1, 2), "should": has(1, 2, 3), "must_not": has(2)}, [1]),
        ({"must": [{"must_not": [has(0)]}, {"should": [has(0), has(3), {}]}]}, [1, 2, 3, 4]),
        ({"must_not": [{"must_not": [has(0)]}]}, [0]),
        ({"must_not": [{}]}, []),
        ({"min_should": {"conditions": [has(0, 1), has(1, 2), has(1, 2)], "min_count": 2}}, [1, 2]),
        ({"min_should": {"conditions": [has(0, 1), has(1, 2), has(1, 2)], "min_count": 3}}, [1]),
        (
            {
                "must_not": has(1),
                "min_should": {"conditions": [{"must": has(0, 1)}, has(4)], "min_count": 1},
            },
            [0, 4],
        ),
    ],
)
def test_clauses(connection: sqlite3.Connection, filter: object, expected: list[int]) -> None:
    assert select(connection, filter, [{}] * 5) == expected


def test_nothing_from_a_filter_stands_in_the_sql() -> None:
    marks = ["mark_key", "mark_value", "mark_word", "mark_id", "7654321", "2001-02-03", "123457"]
    filter = {
        "must": [
            {"key": "mark_key.mark_key", "match": {"any": ["mark_value", 7654321, 123457.5]}},
            {"key": "mark_key[]", "match": {"text": "mark_word"}},
            {"key": "mark_key", "range": {"gt": "2001-02-03"}},
            {"key": "mark_key", "range": {"gt": 7654321}},
            {"is_empty": {"key": "mark_key"}},
            {"must": [{"has_id": ["mark_id"]}]},
        ],
    }
    where, parameters = compile_filter(Filter.parse(filter))
    assert not any(mark in where for mark in marks)
    assert where.count("?") == len(parameters)
    bound = json.dumps(parameters)
    assert all(mark in bound for mark in marks)


def test_many_ids_and_values(connection: sqlite3.Connection) -> None:
    numbers = range(0, 2 * 65_536, 2)
    for condition in (
        {"has_id": [f"id-{number}" for number in numbers]},
        {"key": "n", "match": {"any": list(numbers)}},
        {"key": "t", "match": {"any": [f"값 {number}" for number in numbers]}},
    ):
        assert len(compile_filter(Filter.parse({"must": condition}))[1]) <= 2
        metadata = [{"n": number, "t": f"값 {number}"} for number in range(200)]
        assert select(connection, {"must": condition}, metadata) == list(range(0, 200, 2))


def wrap_must(inner: dict[str, Any]) -> dict[str, Any]:
    return {"must": [inner, {"is_empty": {"key": "nothing"}}]}


def wrap_not(inner: dict[str, Any]) -> dict[str, Any]:
    return {"must_not": [{"should": [inner]}, {"has_id": []}]}


def wrap_count(inner: dict[str, Any]) -> dict[str, Any]:
    return {"min_should": {"conditions": [{"has_id": []}, inner, {}], "min_count": 2}}


@pytest.mark.parametrize("wrap", [wrap_must, wrap_not, wrap_count])
def test_the_deepest_filter_runs(
    connection: sqlite3.Connection, wrap: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    filter: dict[str, Any] = {"must": [{"key": "a[].b.c", "match": {"any": ["x", 1, True]}}]}
    levels = (MAX_DEPTH - 1) // (2 if wrap is wrap_not else 1)
    for _ in range(levels):
        filter = wrap(filter)
    metadata = [{"a": [{"b": {"c": "x"}}]}, {"a": [{"b": {"c": "y"}}]}]
    expected = [1] if wrap is wrap_not and levels % 2 else [0]
    assert select(connection, filter, metadata) == expected


@pytest.mark.parametrize("word", ["must", "should", "must_not", "min_should"])
def test_the_widest_filter_runs(connection: sqlite3.Connection, word: str) -> None:
    leaf = {"key": "k", "match": {"any": ["x", 1, True]}}
    clause: Json = [leaf] * MAX_CONDITIONS
    if word == "min_should":
        clause = {"conditions": clause, "min_count": MAX_CONDITIONS}
    expected = [1] if word == "must_not" else [0]
    assert select(connection, {word: clause}, [{"k": "x"}, {"k": 0}]) == expected


def test_a_deep_and_wide_filter_runs(connection: sqlite3.Connection) -> None:
    leaf = {"key": "k.k.k.k", "match": {"any": ["x", 1, True]}}
    filter: dict[str, Any] = {"should": [leaf] * 31}
    for _ in range(MAX_DEPTH - 1):
        counted = {"conditions": [*[leaf] * 8, filter], "min_count": 9}
        filter = {"must": [leaf] * 8, "should": [leaf] * 7, "min_should": counted}
        filter["must_not"] = [{"is_null": {"key": "k[].k"}}] * 7
    metadata: list[Json] = [{"k": {"k": {"k": {"k": "x"}}}}, {"k": {"k": {"k": {"k": "y"}}}}]
    assert select(connection, filter, metadata) == [0]


def test_the_longest_keys_run(connection: sqlite3.Connection) -> None:
    document: Json = "x"
    for _ in range(16):
        document = {"k": document}
    leaf = {"key": ".".join(["k"] * 16), "match": {"any": ["x", 1, True]}}
    assert select(connection, {"must": [leaf] * 128}, [document, {"k": 1}]) == [0]
    assert len(compile_filter(Filter.parse({"must": [leaf] * MAX_CONDITIONS}))[1]) <= 20_480


@settings(max_examples=500, deadline=None)
@given(st.one_of(LEAVES.map(lambda leaf: {"must": [leaf]}), FILTERS), DOCUMENTS)
def test_sql_agrees_with_plain_python(filter: Json, metadata: list[dict[str, Any]]) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE documents (row INTEGER PRIMARY KEY, id TEXT, metadata)")
        register_functions(connection)
        expected = [
            row for row, item in enumerate(metadata) if satisfies(filter, f"id-{row}", item)
        ]
        assert select(connection, filter, metadata) == expected
        assert select(connection, Filter.parse(filter).to_json(), metadata) == expected
