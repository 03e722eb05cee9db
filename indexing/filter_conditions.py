"""What a filter asks of one document: the conditions, read from JSON and written back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from indexing.errors import InvalidFilterError
from indexing.filter_values import (
    MAX_VALUES,
    Key,
    Number,
    Values,
    describe,
    join_path,
    list_words,
    read_key,
    read_list,
    read_number,
    read_object,
    read_string,
    read_values,
)
from indexing.instants import parse_instant

if TYPE_CHECKING:
    from collections.abc import Mapping

Bound: TypeAlias = Number | str
"""A number, or a string that `parse_instant` understands."""

FIELD_WORDS = ("key", "match", "range")
LEAF_WORDS = (*FIELD_WORDS, "is_empty", "is_null", "has_id")

_MATCH_WORDS = ("value", "any", "except", "text")
_RANGE_WORDS = ("gt", "gte", "lt", "lte")


@dataclass(frozen=True, slots=True)
class Match:
    """Exact comparison with scalars.

    Satisfied if the value, or any element of it if it is an array, is among `values` (`value`,
    `any`) or is neither among them nor null (`except`). A missing key satisfies none.

    Attributes:
        word: `value` holds exactly one value, the other two any number.
    """

    key: Key
    word: Literal["value", "any", "except"]
    values: Values

    def to_json(self) -> dict[str, Any]:
        """As `read_condition` reads it."""
        values = self.values.to_json()
        return _field(self.key, match={self.word: values[0] if self.word == "value" else values})


@dataclass(frozen=True, slots=True)
class MatchText:
    """Every word of `text`, cut at blanks, occurs in one string value; case is ignored, in NFC."""

    key: Key
    text: str

    def to_json(self) -> dict[str, Any]:
        """As `read_condition` reads it."""
        return _field(self.key, match={"text": self.text})


@dataclass(frozen=True, slots=True)
class Range:
    """A number, or a time, within all bounds given; at least one is, and all are of one kind.

    Attributes:
        gt: the value is greater (later).
        gte: greater or equal.
        lt: less (earlier).
        lte: less or equal.
    """

    key: Key
    gt: Bound | None = None
    gte: Bound | None = None
    lt: Bound | None = None
    lte: Bound | None = None

    @property
    def bounds(self) -> dict[str, Bound]:
        """The bounds given, by word, in the order gt, gte, lt, lte."""
        pairs = zip(_RANGE_WORDS, (self.gt, self.gte, self.lt, self.lte), strict=True)
        return {word: bound for word, bound in pairs if bound is not None}

    def to_json(self) -> dict[str, Any]:
        """As `read_condition` reads it."""
        return _field(self.key, range=self.bounds)


@dataclass(frozen=True, slots=True)
class IsEmpty:
    """Nothing is there: the key leads nowhere, or only to null and empty arrays."""

    key: Key

    def to_json(self) -> dict[str, Any]:
        """As `read_condition` reads it."""
        return {"is_empty": {"key": str(self.key)}}


@dataclass(frozen=True, slots=True)
class IsNull:
    """The key is there and leads to null, or to an array with null among its elements."""

    key: Key

    def to_json(self) -> dict[str, Any]:
        """As `read_condition` reads it."""
        return {"is_null": {"key": str(self.key)}}


@dataclass(frozen=True, slots=True)
class HasId:
    """The document's id is one of these, sorted and without duplicates."""

    ids: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As `read_condition` reads it."""
        return {"has_id": list(self.ids)}


Leaf: TypeAlias = Match | MatchText | Range | IsEmpty | IsNull | HasId


def read_leaf(data: Mapping[str, object], path: str) -> Leaf:
    """The condition of an object whose words are all among `LEAF_WORDS`.

    Raises:
        InvalidFilterError: words that cannot stand together, a missing or an impossible one.
    """
    for word in ("is_empty", "is_null", "has_id"):
        if word not in data:
            continue
        for other in data:
            if other != word:
                message = f"cannot stand beside {word}; make it a condition of its own"
                raise InvalidFilterError(message, join_path(path, other))
        below = join_path(path, word)
        if word == "has_id":
            return _read_ids(data[word], below)
        field = read_object(data[word], below, word, ("key",))
        key = read_key(_pick_one(field, below, ("key",), word)[1], join_path(below, "key"))
        return IsEmpty(key) if word == "is_empty" else IsNull(key)
    if "key" not in data:
        message = 'a condition without key; write {"key": "...", "match" or "range": {...}}'
        raise InvalidFilterError(message, path)
    key = read_key(data["key"], join_path(path, "key"))
    tests = {word: test for word, test in data.items() if word != "key"}
    word, test = _pick_one(tests, path, FIELD_WORDS[1:], "a condition")
    below = join_path(path, word)
    return _read_match(key, test, below) if word == "match" else _read_range(key, test, below)


def _read_match(key: Key, data: object, path: str) -> Match | MatchText:
    words = read_object(data, path, "match", _MATCH_WORDS)
    word, value = _pick_one(words, path, _MATCH_WORDS, "match")
    below = join_path(path, word)
    if word == "text":
        text = read_string(value, below, "text")
        if not text.strip():
            message = "text is empty or blank; give at least one word"
            raise InvalidFilterError(message, below)
        return MatchText(key, text)
    if word == "value":
        return Match(key, "value", read_values([value], [below], "value"))
    items = read_list(value, below, word, MAX_VALUES)
    values = read_values(items, [f"{below}[{place}]" for place in range(len(items))], "a value")
    return Match(key, "any" if word == "any" else "except", values)


def _read_range(key: Key, data: object, path: str) -> Range:
    bounds = read_object(data, path, "range", _RANGE_WORDS)
    if not bounds:
        message = f"range has no bound; give one or more of {', '.join(_RANGE_WORDS)}"
        raise InvalidFilterError(message, path)
    read: dict[str, Bound] = {}
    for word, value in bounds.items():
        below = join_path(path, word)
        read[word] = _read_bound(value, below)
        first = next(iter(read))
        if isinstance(read[word], str) != isinstance(read[first], str):
            message = (
                f"{word} is {describe(value)} but {first} is {describe(read[first])}; one range is "
                "over numbers or over times"
            )
            raise InvalidFilterError(message, below)
    return Range(key, **read)


def _read_bound(value: object, path: str) -> Bound:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return read_number(value, path, "a bound")
    if isinstance(value, str) and parse_instant(value) is not None:
        return str(value)
    message = (
        f"a bound is {describe(value)}; it must be a number or an RFC 3339 time such as "
        "2025-04-02T09:30:00+09:00 or 2025-04-02"
    )
    raise InvalidFilterError(message, path)


def _read_ids(data: object, path: str) -> HasId:
    items = read_list(data, path, "has_id", MAX_VALUES)
    ids = {read_string(item, f"{path}[{place}]", "an id") for place, item in enumerate(items)}
    return HasId(tuple(sorted(ids)))


def _pick_one(
    words: Mapping[str, object], path: str, allowed: tuple[str, ...], what: str
) -> tuple[str, object]:
    """The only item of `words`.

    Raises:
        InvalidFilterError: none (at `path`), or a second one (at the path of it).
    """
    items = iter(words.items())
    found = next(items, None)
    if found is None:
        message = f"{what} is incomplete; it needs {list_words(allowed)}"
        raise InvalidFilterError(message, path)
    second = next(items, None)
    if second is not None:
        message = f"cannot stand beside {found[0]}; {what} takes one of {', '.join(allowed)}"
        raise InvalidFilterError(message, join_path(path, second[0]))
    return found


def _field(key: Key, **test: Mapping[str, Any]) -> dict[str, Any]:
    return {"key": str(key), **test}
