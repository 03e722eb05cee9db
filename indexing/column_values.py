"""Values of metadata as codes and numbers, which arrays can hold and compare."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from indexing.column_times import NO_INSTANT, read_ticks

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

    from indexing.filter_values import Key, Number

BoolArray = npt.NDArray[np.bool_]

ABSENT, NULL, NULL_INSIDE, FALSE, TRUE, NUMBER, OTHER, FIRST_STRING = range(8)
"""Codes of elements: nothing there, null, null in an array, ..., an object or an inner array.

Codes from NULL_INSIDE on fill a key (`is_empty` is false), codes from FALSE on are not null.
Every string has a code of its own from FIRST_STRING on.
"""

_LIMIT = 2**63
_MOST_TABLES = 32


@dataclass(frozen=True, slots=True, eq=False)
class Elements:
    """What a key leads to in some rows, arrays taken apart; all arrays have one length.

    Attributes:
        rows: int64, ascending once they are complete; a row stands once for each of its elements.
        codes: int32, never ABSENT.
        numbers: float64, the number nearest to the element; NaN for what is none.
        residues: int16, what an integer is above that number; 0 within 53 bits.
    """

    rows: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int32]
    numbers: npt.NDArray[np.float64]
    residues: npt.NDArray[np.int16]

    @classmethod
    def joined(cls, parts: Sequence[Elements]) -> Elements:
        """The elements of all parts, of which there is at least one, in their order."""
        return cls(
            np.concatenate([part.rows for part in parts]),
            np.concatenate([part.codes for part in parts]),
            np.concatenate([part.numbers for part in parts]),
            np.concatenate([part.residues for part in parts]),
        )

    def picked(self, places: npt.NDArray[np.int64]) -> Elements:
        """The elements at those places, in that order."""
        return Elements(
            self.rows[places], self.codes[places], self.numbers[places], self.residues[places]
        )


class Vocabulary:
    """The strings of one key, each with a code; grows only, any thread may read meanwhile.

    Attributes:
        codes: by string, FIRST_STRING and above; to be read only.
    """

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}
        self._strings: list[str] = []
        self._growing = threading.Lock()
        self._instants: npt.NDArray[np.int64] = np.full(FIRST_STRING, NO_INSTANT, dtype=np.int64)
        self._fine = False
        self._tables: OrderedDict[Hashable, BoolArray] = OrderedDict()
        self._keeping = threading.Lock()

    def add(self, string: str) -> int:
        """The string's code, a new one if it has none."""
        code = self.codes.get(string)
        if code is not None:
            return code
        with self._growing:
            code = self.codes.get(string)
            if code is None:
                code = FIRST_STRING + len(self._strings)
                self._strings.append(string)
                self.codes[string] = code
            return code

    def only(self, codes: npt.NDArray[np.int32]) -> tuple[Vocabulary, npt.NDArray[np.int32]]:
        """A vocabulary of the strings with those codes, and the codes as they are there.

        This very one while it holds fewer than twice as many.
        """
        size = self.size()
        there = np.zeros(size, dtype=bool)
        there[codes] = True
        used = FIRST_STRING + np.flatnonzero(there[FIRST_STRING:])
        if size - FIRST_STRING < 2 * len(used):
            return self, codes
        fresh = Vocabulary()
        table = np.arange(size, dtype=np.int32)
        table[used] = [fresh.add(self._strings[code - FIRST_STRING]) for code in used.tolist()]
        return fresh, table[codes]

    def find(self, strings: Sequence[str]) -> list[int]:
        """Codes of those of the strings that have one."""
        codes = map(self.codes.get, strings)
        return [code for code in codes if code is not None]

    def size(self) -> int:
        """One more than the greatest code."""
        return FIRST_STRING + len(self._strings)

    def table(self, name: Hashable, test: Callable[[str], bool]) -> BoolArray:
        """By code, bool: which strings satisfy the test; asked once of each string and `name`."""
        table = self._tables.get(name)
        known = FIRST_STRING if table is None else len(table)
        if table is None or known < FIRST_STRING + len(self._strings):
            fresh = self._strings[known - FIRST_STRING :]
            found = np.fromiter(map(test, fresh), dtype=bool, count=len(fresh))
            head = np.zeros(FIRST_STRING, dtype=bool) if table is None else table
            table = np.concatenate([head, found])
        with self._keeping:
            self._tables[name] = table
            self._tables.move_to_end(name)
            while len(self._tables) > _MOST_TABLES:
                self._tables.popitem(last=False)
        return table

    def instants(self) -> tuple[npt.NDArray[np.int64], bool]:
        """int64 ticks by code, NO_INSTANT for no time; True if a time is finer than a tick."""
        with self._keeping:
            known = len(self._instants)
            fresh = self._strings[known - FIRST_STRING :]
            if fresh:
                ticks, exact = read_ticks(fresh)
                self._fine |= not exact
                self._instants = np.concatenate([self._instants, ticks])
            return self._instants, self._fine


def split_number(number: Number) -> tuple[float, int]:
    """The nearest float and what is left of a 64-bit integer; pairs compare as numbers do.

    Integers beyond 64 bits are read as floats, as SQLite reads them.
    """
    try:
        nearest = float(number)
    except OverflowError:
        return (float("inf") if number > 0 else float("-inf")), 0
    if isinstance(number, float) or not -_LIMIT <= number < _LIMIT:
        return nearest, 0
    return nearest, number - int(nearest)


def read_elements(
    key: Key, metadata: Sequence[Mapping[str, Any]], vocabulary: Vocabulary
) -> Elements:
    """What the key leads to; row i is `metadata[i]`, as `json.loads` gives it."""
    reader = _Reader(vocabulary)
    name, below = str(key.steps[0]), key.steps[1:]
    for row, item in enumerate(metadata):
        if name not in item:
            continue
        if below:
            for end in _ends(item[name], below, 0):
                reader.add(row, end)
        else:
            reader.add(row, item[name])
    return reader.elements()


def _ends(value: object, steps: Sequence[str | None], place: int) -> Iterator[object]:
    """What the steps from `place` on lead to."""
    if place == len(steps):
        yield value
        return
    step = steps[place]
    if step is None:
        if isinstance(value, list):
            for item in value:
                yield from _ends(item, steps, place + 1)
    elif isinstance(value, dict) and step in value:
        yield from _ends(value[step], steps, place + 1)


class _Reader:
    """Collects the elements of one key."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._known = vocabulary.codes
        self._rows: list[int] = []
        self._codes: list[int] = []
        self._places: list[int] = []
        self._numbers: list[int | float] = []

    def add(self, row: int, value: object) -> None:
        """Take what the key leads to, an array as its elements."""
        if type(value) is str:  # as most are
            self._rows.append(row)
            self._codes.append(self._known.get(value) or self._vocabulary.add(value))
        elif isinstance(value, list):
            for item in value:
                self._take(row, item, NULL_INSIDE)
        else:
            self._take(row, value, NULL)

    def _take(self, row: int, value: object, null: int) -> None:
        if isinstance(value, str):
            code = self._vocabulary.add(value)
        elif value is None:
            code = null
        elif isinstance(value, bool):
            code = TRUE if value else FALSE
        elif isinstance(value, int | float):
            code = NUMBER
            self._places.append(len(self._codes))
            self._numbers.append(value)
        else:
            code = OTHER
        self._rows.append(row)
        self._codes.append(code)

    def elements(self) -> Elements:
        """Everything taken so far."""
        numbers = np.full(len(self._codes), np.nan)
        residues = np.zeros(len(self._codes), dtype=np.int16)
        if self._numbers:
            numbers[self._places] = [
                value if isinstance(value, float) else split_number(value)[0]
                for value in self._numbers
            ]
            if np.nanmax(np.abs(numbers)) >= 2**53:
                residues[self._places] = [split_number(value)[1] for value in self._numbers]
        rows = np.array(self._rows, dtype=np.int64)
        return Elements(rows, np.array(self._codes, dtype=np.int32), numbers, residues)
