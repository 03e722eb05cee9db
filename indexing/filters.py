"""Filters: conditions on metadata and ids, read once from JSON (Qdrant's grammar) into a tree.

    {"must": [...], "should": [...], "must_not": [...],
     "min_should": {"conditions": [...], "min_count": 2}}

A condition is one of `{"key": "a.b", "match": {...}}`, `{"key": "a.b", "range": {...}}`,
`{"is_empty": {"key": "a"}}`, `{"is_null": {"key": "a"}}`, `{"has_id": [...]}` and a filter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from indexing.errors import InvalidFilterError
from indexing.filter_conditions import LEAF_WORDS, Leaf, read_leaf
from indexing.filter_values import describe, join_path, read_list, read_object

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_DEPTH = 32
"""Filters inside one another, the outermost counted."""
MAX_CONDITIONS = 1_024
"""Conditions of one filter, those of nested filters and the nested filters themselves counted."""

_LIST_WORDS = ("must", "should", "must_not")
_FILTER_WORDS = (*_LIST_WORDS, "min_should")
_MIN_SHOULD_WORDS = ("conditions", "min_count")


@dataclass(frozen=True, slots=True)
class MinShould:
    """At least `min_count`, 1 to all, of the conditions are satisfied."""

    conditions: tuple[Condition, ...]
    min_count: int

    def to_json(self) -> dict[str, Any]:
        """As `Filter.parse` reads it."""
        return {"conditions": _list_json(self.conditions), "min_count": self.min_count}


@dataclass(frozen=True, slots=True)
class Filter:
    """Satisfied where all of its parts are; an empty part, and so an empty filter, always is.

    Filters are hashable; two that read alike (order of words, ids and values aside) are equal.

    Attributes:
        must: all of these.
        should: at least one of these.
        must_not: none of these.
        min_should: at least so many of these.
    """

    must: tuple[Condition, ...] = ()
    should: tuple[Condition, ...] = ()
    must_not: tuple[Condition, ...] = ()
    min_should: MinShould | None = None

    @classmethod
    def parse(cls, data: object) -> Filter:
        """The filter of decoded JSON; a single condition may stand where a list is expected.

        Raises:
            InvalidFilterError: an unknown word, a wrong type, an impossible value, more than 32
                filters inside one another, 1,024 conditions, or 65,536 values of one condition;
                its `path` says where (`must[0].range.gte`).
        """
        if isinstance(data, Mapping):
            for word in data:
                if word in LEAF_WORDS:
                    message = (
                        'a condition stands in a list of a filter: write {"must": [{...}]}; '
                        f"allowed here: {', '.join(_FILTER_WORDS)}"
                    )
                    raise InvalidFilterError(message, word)
        return _Reader().read_filter(data, "", 1)

    def to_json(self) -> dict[str, Any]:
        """Canonical JSON values: empty parts left out, ids and values sorted; `parse`'s inverse."""
        lists = zip(_LIST_WORDS, (self.must, self.should, self.must_not), strict=True)
        data: dict[str, Any] = {word: _list_json(part) for word, part in lists if part}
        if self.min_should is not None:
            data["min_should"] = self.min_should.to_json()
        return data


Condition: TypeAlias = Leaf | Filter


class _Reader:
    """Reads one filter, counting its conditions."""

    def __init__(self) -> None:
        self._conditions = 0

    def read_filter(self, data: object, path: str, depth: int) -> Filter:
        words = read_object(data, path, "a filter", _FILTER_WORDS)
        if depth > MAX_DEPTH:
            message = f"filters stand more than {MAX_DEPTH} deep inside one another; flatten them"
            raise InvalidFilterError(message, path)
        must, should, must_not = (
            self._read_conditions(words.get(word, ()), join_path(path, word), depth)
            for word in _LIST_WORDS
        )
        min_should = None
        if "min_should" in words:
            below = join_path(path, "min_should")
            min_should = self._read_min_should(words["min_should"], below, depth)
        return Filter(must, should, must_not, min_should)

    def _read_min_should(self, data: object, path: str, depth: int) -> MinShould:
        words = read_object(data, path, "min_should", _MIN_SHOULD_WORDS)
        for word in _MIN_SHOULD_WORDS:
            if word not in words:
                message = f"min_should is incomplete; it needs {' and '.join(_MIN_SHOULD_WORDS)}"
                raise InvalidFilterError(message, path)
        below = join_path(path, "conditions")
        conditions = self._read_conditions(words["conditions"], below, depth)
        count = words["min_count"]
        if isinstance(count, bool) or not isinstance(count, int):
            message = f"min_count is {describe(count)}; it must be an integer"
            raise InvalidFilterError(message, join_path(path, "min_count"))
        if not 1 <= count <= len(conditions):
            message = (
                f"min_count is {describe(count)}; it must be from 1 to the number of conditions, "
                f"{len(conditions)}"
            )
            raise InvalidFilterError(message, join_path(path, "min_count"))
        return MinShould(conditions, int(count))

    def _read_conditions(self, data: object, path: str, depth: int) -> tuple[Condition, ...]:
        if isinstance(data, Mapping):
            return (self._read_condition(data, path, depth),)
        items = read_list(data, path, "a list of conditions", MAX_CONDITIONS)
        return tuple(
            self._read_condition(item, f"{path}[{place}]", depth)
            for place, item in enumerate(items)
        )

    def _read_condition(self, data: object, path: str, depth: int) -> Condition:
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            message = (
                f"more than {MAX_CONDITIONS:,} conditions in one filter; compare a key with many "
                "values by match.any, ids by has_id"
            )
            raise InvalidFilterError(message, path)
        words = read_object(data, path, "a condition", (*LEAF_WORDS, *_FILTER_WORDS))
        filters = [word for word in words if word in _FILTER_WORDS]
        if not words or len(filters) == len(words):
            return self.read_filter(words, path, depth + 1)
        if filters:
            other = next(word for word in words if word not in _FILTER_WORDS)
            message = f'cannot stand beside {filters[0]}; make it a condition inside "must"'
            raise InvalidFilterError(message, join_path(path, other))
        return read_leaf(words, path)


def _list_json(conditions: Sequence[Condition]) -> list[Mapping[str, Any]]:
    return [condition.to_json() for condition in conditions]
