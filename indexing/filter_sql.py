"""Filters as SQLite expressions over documents and their JSON metadata."""
# ruff: noqa: S608 - what is put together here is fixed text; values and keys are bound

from __future__ import annotations

import json
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from indexing.filter_conditions import HasId, IsEmpty, IsNull, Match, MatchText, Range
from indexing.filters import Filter
from indexing.instants import parse_instant

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from indexing.filter_conditions import Leaf
    from indexing.filter_values import Key, Values
    from indexing.filters import Condition, MinShould

_Sql: TypeAlias = tuple[str, list[object]]
"""An expression of value 0 or 1, never NULL, that binds tighter than AND; and its parameters."""

_GROUP = 4
"""Terms of one chain: SQLite allows a depth of 1,000 in all, and a chain of n terms is n deep."""

_TYPE = "CASE s.type WHEN 'array' THEN e.type ELSE s.type END"
_VALUE = "CASE s.type WHEN 'array' THEN e.value ELSE s.value END"
_COMPARE = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def compile_filter(filter: Filter) -> tuple[str, list[object]]:
    """A WHERE expression and its parameters for the table aliased `d`.

    The table has `id` (TEXT) and `metadata` (TEXT, a JSON object); the connection needs
    `register_functions`. The expression is 1 or 0, never NULL, and stands safely beside AND, OR
    and NOT. Everything that comes from the filter is bound: at most 20,480 parameters.
    """
    compiler = _Compiler()
    expression, parameters = compiler.compile(filter)
    if not compiler.nested:
        return expression, parameters
    named = ", ".join(f"{name} AS (SELECT {nested[0]} AS ok)" for name, nested in compiler.nested)
    before = [parameter for _, nested in compiler.nested for parameter in nested[1]]
    return f"EXISTS (WITH {named} SELECT 1 WHERE {expression})", before + parameters


def register_functions(connection: sqlite3.Connection) -> None:
    """Give the connection the SQL functions that compiled filters call; both are deterministic."""
    connection.create_function("contains_words", 2, contains_words, deterministic=True)
    connection.create_function("is_time_within", 5, is_time_within, deterministic=True)


class _Compiler:
    """Compiles one filter.

    A nested filter becomes a common table expression of one value rather than an expression in
    brackets: SQLite's parser holds 100 symbols (before 3.46), which brackets 20 deep can fill.

    Attributes:
        nested: name and expression of each nested filter; it refers to earlier ones only.
    """

    def __init__(self) -> None:
        self.nested: list[tuple[str, _Sql]] = []

    def compile(self, filter: Filter) -> _Sql:
        parts: list[_Sql] = []
        must_not = (_negate(term) for term in self._terms(filter.must_not))
        parts += [*self._terms(filter.must), *must_not]
        if filter.should:
            parts.append(_chain(self._terms(filter.should), "OR"))
        if filter.min_should is not None:
            parts.append(self._count(filter.min_should))
        return _chain(parts, "AND") if parts else ("1", [])

    def _terms(self, conditions: Sequence[Condition]) -> list[_Sql]:
        """The conditions compiled, leaves first: they are cheaper to be decided by."""
        leaves = [_leaf(condition) for condition in conditions if not isinstance(condition, Filter)]
        filters = [condition for condition in conditions if isinstance(condition, Filter)]
        return [*leaves, *(self._nest(filter) for filter in filters)]

    def _nest(self, filter: Filter) -> _Sql:
        compiled = self.compile(filter)
        name = f"nested_{len(self.nested)}"
        self.nested.append((name, compiled))
        return f"(SELECT ok FROM {name})", []

    def _count(self, part: MinShould) -> _Sql:
        total, parameters = _chain(self._terms(part.conditions), "+")
        return f"({total} >= ?)", [*parameters, part.min_count]


def _chain(terms: Sequence[_Sql], operator: str) -> _Sql:
    """The terms joined by an operator; long chains as chains of bracketed ones."""
    while len(terms) > _GROUP:
        groups = [terms[start : start + _GROUP] for start in range(0, len(terms), _GROUP)]
        terms = [_chain(group, operator) for group in groups]
    expression = f" {operator} ".join(term for term, _ in terms)
    parameters = [parameter for _, values in terms for parameter in values]
    return (expression if len(terms) == 1 else f"({expression})"), parameters


def _negate(term: _Sql) -> _Sql:
    return f"(NOT {term[0]})", term[1]


def _leaf(condition: Leaf) -> _Sql:
    if isinstance(condition, HasId):
        ids = json.dumps(condition.ids, ensure_ascii=False)
        return "(d.id IN (SELECT value FROM json_each(?)))", [ids]
    if isinstance(condition, Match):
        return _any_element(condition.key, _match_test(condition))
    if isinstance(condition, MatchText):
        test = f"{_TYPE} = 'text' AND contains_words({_VALUE}, ?)"
        return _any_element(condition.key, (test, [condition.text]))
    if isinstance(condition, Range):
        return _any_element(condition.key, _range_test(condition))
    if isinstance(condition, IsNull):
        return _any_element(condition.key, (f"{_TYPE} = 'null'", []))
    return _is_empty(condition)


def _any_element(key: Key, test: _Sql) -> _Sql:
    """Whether the test holds for what the key leads to, or for an element of it if an array."""
    tables, (names, parameters) = _walk(key)
    elements = "json_each(CASE s.type WHEN 'array' THEN s.value ELSE '[]' END) AS e"
    expression = f"EXISTS (SELECT 1 FROM {tables} LEFT JOIN {elements} WHERE {names} AND {test[0]})"
    return expression, parameters + test[1]


def _is_empty(condition: IsEmpty) -> _Sql:
    tables, (names, parameters) = _walk(condition.key)
    filled = "s.type <> 'null' AND NOT (s.type = 'array' AND json_array_length(s.value) = 0)"
    return f"(NOT EXISTS (SELECT 1 FROM {tables} WHERE {names} AND {filled}))", parameters


def _walk(key: Key) -> tuple[str, _Sql]:
    """FROM terms, the last `s`, and a condition; a row for each value that the key leads to.

    Names are compared with json_each's `key` instead of being put into a JSON path: paths cannot
    name a key with a quote in it before SQLite 3.45, and compare escapes as they are written.
    """
    aliases = [*(f"s{place}" for place in range(len(key.steps) - 1)), "s"]
    tables = [f"json_each(d.metadata) AS {aliases[0]}"]
    for alias, inner, step in zip(aliases, aliases[1:], key.steps[1:], strict=False):
        kind, other = ("array", "[]") if step is None else ("object", "{}")
        source = f"CASE {alias}.type WHEN '{kind}' THEN {alias}.value ELSE '{other}' END"
        tables.append(f"json_each({source}) AS {inner}")
    named: list[_Sql] = [
        (f"{alias}.key = ?", [step])
        for alias, step in zip(aliases, key.steps, strict=True)
        if step is not None
    ]
    return " JOIN ".join(tables), _chain(named, "AND")


def _match_test(condition: Match) -> _Sql:
    expression, parameters = _is_among(condition.values)
    if condition.word != "except":
        return expression, parameters
    return f"{_TYPE} <> 'null' AND NOT {expression}", parameters


def _is_among(values: Values) -> _Sql:
    """Numbers are bound as JSON so that they are read by the routine that reads the documents'.

    SQLite's own reading of decimal fractions may differ from Python's in the last bit.
    """
    listed = f"{_VALUE} IN (SELECT value FROM json_each(?))"
    terms: list[_Sql] = []
    if values.strings:
        text = json.dumps(values.strings, ensure_ascii=False)
        terms.append((f"({_TYPE} = 'text' AND {listed})", [text]))
    if values.numbers:
        text = json.dumps(values.numbers)
        terms.append((f"({_TYPE} IN ('integer', 'real') AND {listed})", [text]))
    terms += [(f"({_TYPE} = ?)", [json.dumps(boolean)]) for boolean in values.booleans]
    return _chain(terms, "OR") if terms else ("0", [])


def _range_test(condition: Range) -> _Sql:
    bounds = condition.bounds
    if any(isinstance(bound, str) for bound in bounds.values()):
        test = f"{_TYPE} = 'text' AND is_time_within({_VALUE}, ?, ?, ?, ?)"
        return test, [bounds.get(word) for word in _COMPARE]
    tests = [f"{_VALUE} {_COMPARE[word]} json_extract(?, '$')" for word in bounds]
    numeric = " AND ".join([f"{_TYPE} IN ('integer', 'real')", *tests])
    return numeric, [json.dumps(bound) for bound in bounds.values()]


def contains_words(value: object, text: str) -> bool:
    """Whether `value` is a string in which every word of `text` occurs; see `MatchText`."""
    if not isinstance(value, str):
        return False
    folded = _fold(value)
    return all(word in folded for word in _words(text))


@lru_cache(maxsize=64)
def _words(text: str) -> tuple[str, ...]:
    return tuple(_fold(text).split())


def _fold(text: str) -> str:
    """Case folded and in NFC; folding can undo NFC, so it is composed again."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def is_time_within(
    value: object, gt: str | None, gte: str | None, lt: str | None, lte: str | None
) -> bool:
    """Whether `value` is a time within the bounds, all of which are times; see `Range`."""
    instant = parse_instant(value) if isinstance(value, str) else None
    if instant is None:
        return False
    after, from_, before, until = (bound and parse_instant(bound) for bound in (gt, gte, lt, lte))
    return (
        (not after or instant > after)
        and (not from_ or instant >= from_)
        and (not before or instant < before)
        and (not until or instant <= until)
    )
