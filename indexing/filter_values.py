"""The smallest parts of a filter: keys, scalars and the checks that refuse anything else."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from indexing.errors import InvalidFilterError

if TYPE_CHECKING:
    from collections.abc import Sequence

Number: TypeAlias = int | float

MAX_VALUES = 65_536
"""Values of one `any` or `except`, ids of one `has_id`."""
MAX_KEY_CHARACTERS = 512
MAX_KEY_STEPS = 16
"""Names and `[]` of one key."""

_WALK = "[]"
_UNSTORABLE = re.compile("[\\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Key:
    """A path into metadata.

    Attributes:
        steps: a string enters the member of an object by that name, None enters every element of
            an array; `a[].b` is `("a", None, "b")`. The first step is a name.
    """

    steps: tuple[str | None, ...]

    def __str__(self) -> str:
        return "".join(_WALK if step is None else f".{step}" for step in self.steps)[1:]


@dataclass(frozen=True, slots=True)
class Values:
    """A set of JSON scalars, apart by type because Python holds `True` and `1` to be equal.

    Attributes:
        strings: sorted, without duplicates.
        numbers: sorted, without duplicates; a float that is a 64-bit integer is stored as one.
        booleans: sorted, without duplicates.
    """

    strings: tuple[str, ...] = ()
    numbers: tuple[Number, ...] = ()
    booleans: tuple[bool, ...] = ()

    def to_json(self) -> list[str | Number]:
        """Strings, numbers, booleans, each in ascending order."""
        return [*self.strings, *self.numbers, *self.booleans]


def join_path(path: str, word: object) -> str:
    """`path.word`, made printable: words come from outside."""
    shown = _shorten(repr(word)[1:-1] if isinstance(word, str) else describe(word))
    return f"{path}.{shown}" if path else shown


def describe(value: object) -> str:
    """`value` in a few printable words for a message; containers are only named."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and not _is_int64(value):
        return "an integer beyond 64 bits"
    if isinstance(value, str | int | float):
        return _shorten(repr(value))
    if isinstance(value, list | tuple):
        return "a list"
    return "an object" if isinstance(value, Mapping) else f"a {type(value).__name__}"


def read_object(data: object, path: str, what: str, allowed: Sequence[str]) -> Mapping[str, object]:
    """`data` as an object of allowed words.

    Raises:
        InvalidFilterError: not an object, or an unknown word in it (at the path of the word).
    """
    if not isinstance(data, Mapping):
        words = ", ".join(allowed)
        message = f"{what} is {describe(data)}; it must be an object; allowed here: {words}"
        raise InvalidFilterError(message, path)
    for word in data:
        if word not in allowed:
            message = f"unknown word; allowed here: {', '.join(allowed)}"
            raise InvalidFilterError(message, join_path(path, word))
    return data


def read_list(data: object, path: str, what: str, limit: int) -> Sequence[object]:
    """`data` as a list of at most `limit` items.

    Raises:
        InvalidFilterError: not a list, or a longer one.
    """
    if not isinstance(data, list | tuple):
        message = f"{what} is {describe(data)}; it must be a list"
        raise InvalidFilterError(message, path)
    if len(data) > limit:
        message = f"{what} holds {len(data):,} items; at most {limit:,} are possible"
        raise InvalidFilterError(message, path)
    return data


def read_string(data: object, path: str, what: str) -> str:
    """`data` as a string that a document can hold.

    Raises:
        InvalidFilterError: not a string, or one with U+0000 or half a surrogate pair.
    """
    if not isinstance(data, str):
        message = f"{what} is {describe(data)}; it must be a string"
        raise InvalidFilterError(message, path)
    if _UNSTORABLE.search(data):
        message = f"{what} holds U+0000 or half a surrogate pair; no document can hold that"
        raise InvalidFilterError(message, path)
    return str(data)


def read_number(data: int | float, path: str, what: str) -> Number:
    """`data` as a finite number; a float that is a 64-bit integer becomes one.

    Raises:
        InvalidFilterError: NaN, infinity, or an integer beyond 64 bits.
    """
    if isinstance(data, float):
        if not math.isfinite(data):
            message = f"{what} is {data}; it must be finite"
            raise InvalidFilterError(message, path)
        return int(data) if data.is_integer() and _is_int64(int(data)) else float(data)
    if not _is_int64(data):
        message = f"{what} is an integer beyond 64 bits; write it as a float (1e20) or a string"
        raise InvalidFilterError(message, path)
    return int(data)


def read_key(data: object, path: str) -> Key:
    """A dotted key as its steps; only `[]` at the end of a segment is special.

    Raises:
        InvalidFilterError: not a string, too long, or with an empty segment.
    """
    text = read_string(data, path, "a key")
    if len(text) > MAX_KEY_CHARACTERS:
        message = f"a key of {len(text):,} characters; at most {MAX_KEY_CHARACTERS} are possible"
        raise InvalidFilterError(message, path)
    steps: list[str | None] = []
    for segment in text.split("."):
        name = segment
        while name.endswith(_WALK):
            name = name.removesuffix(_WALK)
        if not name:
            shown = _shorten(repr(text))
            message = f"key {shown} has a segment without a name; write a, a.b or a[].b"
            raise InvalidFilterError(message, path)
        steps += [name, *[None] * ((len(segment) - len(name)) // len(_WALK))]
    if len(steps) > MAX_KEY_STEPS:
        message = f"a key of {len(steps)} names and []; at most {MAX_KEY_STEPS} are possible"
        raise InvalidFilterError(message, path)
    return Key(tuple(steps))


def read_values(items: Sequence[object], paths: Sequence[str], what: str) -> Values:
    """Strings, numbers and booleans apart, `paths` in parallel.

    Raises:
        InvalidFilterError: an item of another type, or that `read_string` or `read_number` refuses.
    """
    strings: set[str] = set()
    numbers: set[Number] = set()
    booleans: set[bool] = set()
    for item, path in zip(items, paths, strict=True):
        if isinstance(item, bool):
            booleans.add(item)
        elif isinstance(item, int | float):
            numbers.add(read_number(item, path, what))
        elif isinstance(item, str):
            strings.add(read_string(item, path, what))
        else:
            remedy = "; for null use is_null" if item is None else ""
            message = f"{what} is {describe(item)}; it must be a string, number or boolean{remedy}"
            raise InvalidFilterError(message, path)
    return Values(tuple(sorted(strings)), tuple(sorted(numbers)), tuple(sorted(booleans)))


def list_words(words: Sequence[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _is_int64(number: int) -> bool:
    return -(2**63) <= number < 2**63


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
