"""Filters answered by columns: which rows satisfy one, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from indexing.column_times import to_ticks
from indexing.column_values import (
    FALSE,
    NULL,
    NULL_INSIDE,
    TRUE,
    BoolArray,
    split_number,
)
from indexing.filter_conditions import HasId, IsEmpty, IsNull, Match, MatchText, Range
from indexing.filter_sql import contains_words, is_time_within
from indexing.filters import Filter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from indexing.column_blocks import Column
    from indexing.column_planes import Plane
    from indexing.column_values import Vocabulary
    from indexing.filter_conditions import Leaf
    from indexing.filter_values import Key, Number
    from indexing.filters import Condition

Test: TypeAlias = "Callable[[Plane], BoolArray]"
"""Which of a plane's elements satisfy a condition."""

_FEW = 8
"""Values looked for one after the other; more are looked up."""
_COMPARE: Mapping[str, tuple[np.ufunc, np.ufunc, np.ufunc]] = {
    "gt": (np.greater, np.greater_equal, np.greater),
    "gte": (np.greater, np.greater_equal, np.greater_equal),
    "lt": (np.less, np.less_equal, np.less),
    "lte": (np.less, np.less_equal, np.less_equal),
}
"""How numbers compare without those equal to the bound and with them, and how residues compare."""


def keys_of(filter: Filter) -> set[Key]:
    """The keys that the filter's conditions name."""
    return {leaf.key for leaf in _leaves(filter) if not isinstance(leaf, HasId)}


def _leaves(filter: Filter) -> Iterator[Leaf]:
    counted = filter.min_should.conditions if filter.min_should is not None else ()
    for condition in (*filter.must, *filter.should, *filter.must_not, *counted):
        if isinstance(condition, Filter):
            yield from _leaves(condition)
        else:
            yield condition


@dataclass(frozen=True, slots=True)
class Masker:
    """Answers filters for rows 0 to `rows` - 1.

    Attributes:
        columns: of every key of the filters, of at least so many rows.
        rows_of: the rows of documents with those ids, int64 in any order.
    """

    rows: int
    columns: Mapping[Key, Column]
    rows_of: Callable[[HasId], npt.NDArray[np.int64]]

    def mask(self, filter: Filter) -> BoolArray:
        """Which rows, bool (rows,), satisfy the filter."""
        masks = [self._condition(condition) for condition in filter.must]
        if filter.should:
            masks.append(self._any(filter.should))
        if filter.must_not:
            excluded = self._any(filter.must_not)
            masks.append(np.logical_not(excluded, out=excluded))
        if filter.min_should is not None:
            counts = np.zeros(self.rows, dtype=np.uint16)
            for condition in filter.min_should.conditions:
                counts += self._condition(condition)
            masks.append(counts >= filter.min_should.min_count)
        allowed = masks[0] if masks else np.ones(self.rows, dtype=bool)
        for mask in masks[1:]:
            allowed &= mask
        return allowed

    def _any(self, conditions: Sequence[Condition]) -> BoolArray:
        found = self._condition(conditions[0])
        for condition in conditions[1:]:
            found |= self._condition(condition)
        return found

    def _condition(self, condition: Condition) -> BoolArray:
        """A new array for each condition, so that the caller may write to it."""
        if isinstance(condition, Filter):
            return self.mask(condition)
        if isinstance(condition, HasId):
            mask = np.zeros(self.rows, dtype=bool)
            rows = self.rows_of(condition)
            mask[rows[(rows >= 0) & (rows < self.rows)]] = True
            return mask
        column = self.columns[condition.key]
        mask = self._elements(column, _test(condition, column.vocabulary))
        return np.logical_not(mask, out=mask) if isinstance(condition, IsEmpty) else mask

    def _elements(self, column: Column, test: Test) -> BoolArray:
        """Rows with an element that satisfies the test."""
        mask = np.zeros(self.rows, dtype=bool)
        for first, block in column.parts(self.rows):
            view = mask[first : first + block.rows]
            for place, plane in enumerate(block.dense):
                found = test(plane)[: len(view)]
                if place:
                    view |= found
                else:
                    view[:] = found
            if block.sparse is not None and block.sparse.rows is not None:
                rows = block.sparse.rows[test(block.sparse)]
                view[rows[rows < len(view)]] = True
        return mask


def _test(condition: Leaf, vocabulary: Vocabulary) -> Test:
    """What an element has to satisfy; for `is_empty`, what none may."""
    if isinstance(condition, IsEmpty):
        return lambda plane: plane.codes >= NULL_INSIDE
    if isinstance(condition, IsNull):
        return lambda plane: (plane.codes == NULL) | (plane.codes == NULL_INSIDE)
    if isinstance(condition, MatchText):
        text = condition.text
        table = vocabulary.table(condition, lambda string: contains_words(string, text))
        return lambda plane: table.take(plane.codes)
    if isinstance(condition, Range):
        bounds = condition.bounds
        if any(isinstance(bound, str) for bound in bounds.values()):
            return _time_test(condition, vocabulary)
        pairs = [
            (word, *split_number(bound))
            for word, bound in bounds.items()
            if not isinstance(bound, str)
        ]
        return lambda plane: _within(plane, pairs)
    if isinstance(condition, Match):
        return _match_test(condition, vocabulary)
    message = f"no test for {condition!r}"
    raise TypeError(message)


def _time_test(condition: Range, vocabulary: Vocabulary) -> Test:
    """Whole ticks are compared; were a time or a bound finer, the strings are, each once."""
    _, fine = vocabulary.instants()
    bounds = {word: to_ticks(str(bound)) for word, bound in condition.bounds.items()}
    if fine or not all(exact for _, exact in bounds.values()):
        words = [condition.gt, condition.gte, condition.lt, condition.lte]
        gt, gte, lt, lte = (None if bound is None else str(bound) for bound in words)
        table = vocabulary.table(condition, lambda string: is_time_within(string, gt, gte, lt, lte))
        return lambda plane: table.take(plane.codes)
    above = [ticks + (word == "gt") for word, (ticks, _) in bounds.items() if word[0] == "g"]
    below = [ticks - (word == "lt") for word, (ticks, _) in bounds.items() if word[0] == "l"]
    first = max(above, default=0)

    def test(plane: Plane) -> BoolArray:
        ticks = plane.ticks(vocabulary)
        found: BoolArray = ticks >= first
        if below:
            found &= ticks <= min(below)
        return found

    return test


def _within(plane: Plane, bounds: Sequence[tuple[str, float, int]]) -> BoolArray:
    found = np.zeros(len(plane.codes), dtype=bool)
    if plane.numbers is None:
        return found
    for place, (word, bound, residue) in enumerate(bounds):
        beyond, level, onward = _COMPARE[word]
        if plane.residues is None:
            hits = (level if onward(0, residue) else beyond)(plane.numbers, bound)
        else:
            tied = (plane.numbers == bound) & onward(plane.residues, residue)
            hits = beyond(plane.numbers, bound) | tied
        found = np.logical_and(found, hits) if place else hits
    return found


def _match_test(condition: Match, vocabulary: Vocabulary) -> Test:
    values = condition.values
    codes = [TRUE if boolean else FALSE for boolean in values.booleans]
    codes += vocabulary.find(values.strings)
    table: BoolArray | None = None
    if len(codes) > _FEW:
        table = np.zeros(vocabulary.size(), dtype=bool)
        table[codes] = True
    numbers = _numbers_test(values.numbers)

    def test(plane: Plane) -> BoolArray:
        found = table.take(plane.codes) if table is not None else _equal_any(plane.codes, codes)
        if plane.numbers is not None and values.numbers:
            found |= numbers(plane)
        if condition.word == "except":
            found = (plane.codes >= FALSE) & ~found
        return found

    return test


def _equal_any(array: npt.NDArray[np.generic], values: Sequence[int | float]) -> BoolArray:
    if not values:
        return np.zeros(len(array), dtype=bool)
    found: BoolArray = array == values[0]
    for value in values[1:]:
        found |= array == value
    return found


def _numbers_test(values: Sequence[Number]) -> Test:
    """Equality with one of the numbers, for planes that hold numbers."""
    pairs = {split_number(value) for value in values}
    whole = sorted(nearest for nearest, residue in pairs if not residue)
    nearest = np.array(sorted({nearest for nearest, _ in pairs}))

    def test(plane: Plane) -> BoolArray:
        numbers = plane.numbers if plane.numbers is not None else np.empty(0)
        if plane.residues is None:
            return _equal_any(numbers, whole) if len(whole) <= _FEW else _among(numbers, whole)
        found = _among(numbers, nearest)
        places = np.flatnonzero(found)
        candidates = zip(numbers[places].tolist(), plane.residues[places].tolist(), strict=True)
        found[places] = [pair in pairs for pair in candidates]
        return found

    return test


def _among(
    numbers: npt.NDArray[np.float64], values: npt.NDArray[np.float64] | Sequence[float]
) -> BoolArray:
    """Which numbers are among the sorted values; NaN is not."""
    ordered = np.asarray(values, dtype=np.float64)
    places = np.searchsorted(ordered, numbers)
    found: BoolArray = ordered[np.minimum(places, len(ordered) - 1)] == numbers
    return found
