"""What the documents of a map say of one field, so that points can be coloured by it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from analysis.errors import InvalidAnalysisError
from indexing.errors import InvalidFilterError
from indexing.filter_values import read_key
from indexing.instants import parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from indexing.local import LocalCollection

    Kind: TypeAlias = Literal["values", "numbers", "times"]

MOST_VALUES = 200
_PASS_ROWS = 4_096
_UNIX = 62_135_683_200
"""Seconds from where `Instant` begins, the day before 0001-01-01, to 1970-01-01."""


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One field of the documents of a map, by position.

    Attributes:
        key: as filters write it.
        kind: `numbers` if all that say something say numbers, `times` if they say RFC 3339 times
            or dates, otherwise `values`.
        values: for `values` the different ones, most frequent first and at most 200.
        codes: int32 (n,), places in `values`; -1 where a document says nothing, or something rarer.
        numbers: float64 (n,), NaN where a document says nothing; times are Unix seconds.
    """

    key: str
    kind: Kind
    values: tuple[str | int | float | bool, ...]
    codes: npt.NDArray[np.int32]
    numbers: npt.NDArray[np.float64]


def read_field(collection: LocalCollection, ids: Sequence[str], key: str) -> Field:
    """What documents say of a key today; of an array its first element.

    Args:
        collection: that holds them.
        ids: by position; those deleted since say nothing.
        key: `a`, `a.b` or `a[].b`.

    Raises:
        InvalidAnalysisError: a key that filters cannot say either.
    """
    try:
        steps = read_key(key, "key").steps
    except InvalidFilterError as error:
        raise InvalidAnalysisError(str(error), "key") from error
    places = {str(id): place for place, id in enumerate(ids)}
    said: list[Any] = [None] * len(places)
    for id, metadata in _documents(collection):
        place = places.get(id)
        if place is not None:
            said[place] = _first(metadata, steps)
    return _field_of(key, said)


def _documents(collection: LocalCollection) -> Iterable[tuple[str, Any]]:
    """Ids and metadata of all documents."""
    import orjson

    generation = collection.storage.generation
    rows = len(generation.snapshot.live)
    for first in range(0, rows, _PASS_ROWS):
        found = generation.documents.metadata(first, min(first + _PASS_ROWS, rows))
        numbers = np.fromiter((row for row, _ in found), dtype=np.int64, count=len(found))
        ids = generation.row_ids.of(numbers).tolist()
        for id, (_, text) in zip(ids, found, strict=True):
            yield id, orjson.loads(text)


def _first(value: Any, steps: Sequence[str | None]) -> Any:  # noqa: ANN401 - JSON
    """The first thing that the steps lead to, if it is a string, a number or a boolean."""
    for step in steps:
        if step is None:
            value = value[0] if isinstance(value, list) and value else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, str | int | float | bool) else None


def _field_of(key: str, said: Sequence[Any]) -> Field:
    known = [value for value in said if value is not None]
    n = len(said)
    codes, numbers = np.full(n, -1, dtype=np.int32), np.full(n, np.nan)
    if known and all(isinstance(v, int | float) and not isinstance(v, bool) for v in known):
        for place, value in enumerate(said):
            if value is not None:
                numbers[place] = value
        return Field(key, "numbers", (), codes, numbers)
    if known and all(isinstance(value, str) and _seconds(value) is not None for value in known):
        for place, value in enumerate(said):
            if value is not None:
                numbers[place] = _seconds(value)
        return Field(key, "times", (), codes, numbers)
    # True and 1 are equal, and so are 1 and 1.0: what they are goes with them
    counts = Counter((type(value).__name__, value) for value in known)
    frequent = sorted(counts, key=lambda each: (-counts[each], str(each[1]), each[0]))
    place_of = {each: place for place, each in enumerate(frequent[:MOST_VALUES])}
    for place, value in enumerate(said):
        codes[place] = place_of.get((type(value).__name__, value), -1)
    return Field(key, "values", tuple(value for _, value in place_of), codes, numbers)


def _seconds(text: str) -> float | None:
    instant = parse_instant(text)
    return None if instant is None else float(instant.seconds - _UNIX)
