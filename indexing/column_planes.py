"""Arrays of elements: what a block of a column is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from indexing.column_values import ABSENT, NUMBER, Elements

if TYPE_CHECKING:
    from indexing.column_values import Vocabulary

Codes: TypeAlias = npt.NDArray[np.integer[Any]]
Places: TypeAlias = npt.NDArray[np.int64]
_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(slots=True, eq=False)
class Plane:
    """At most one element of each row, or any elements with their rows beside them.

    Never changed once made, but for `instants`, which is filled in.

    Attributes:
        codes: uint8, uint16 or int32, as wide as the greatest needs.
        numbers: float64, NaN where there is no number; None if there is none at all.
        residues: int16, see `Elements`; None if all are 0.
        rows: None, element i being of row i; or int64 in any order.
        instants: int64 ticks, kept from the first range over times on.
    """

    codes: Codes
    numbers: npt.NDArray[np.float64] | None
    residues: npt.NDArray[np.int16] | None
    rows: Places | None
    instants: npt.NDArray[np.int64] | None = None

    @classmethod
    def of(cls, elements: Elements, places: Places, rows: int | None) -> Plane:
        """The elements at `places`, laid out over so many rows; None keeps rows beside them."""
        codes, numbers = elements.codes[places], elements.numbers[places]
        residues, at = elements.residues[places], elements.rows[places]
        if rows is not None:
            codes = _lay_out(codes, at, np.full(rows, ABSENT, dtype=np.int32))
            numbers = _lay_out(numbers, at, np.full(rows, np.nan))
            residues = _lay_out(residues, at, np.zeros(rows, dtype=np.int16))
        return cls(
            codes.astype(_width(int(codes.max(initial=0)))),
            numbers if (codes == NUMBER).any() else None,
            residues if residues.any() else None,
            None if rows is not None else at,
        )

    @classmethod
    def blank(cls, rows: int) -> Plane:
        """No element in any row."""
        return cls(np.full(rows, ABSENT, dtype=np.uint8), None, None, None)

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        arrays = (self.codes, self.numbers, self.residues, self.rows, self.instants)
        return sum(array.nbytes for array in arrays if array is not None)

    def elements(self) -> Elements:
        """The elements, in the order of the arrays."""
        places = np.flatnonzero(self.codes != ABSENT)
        return Elements(
            places if self.rows is None else self.rows[places],
            self.codes[places].astype(np.int32),
            _fill(self.numbers, len(self.codes), np.float64(np.nan))[places],
            _fill(self.residues, len(self.codes), np.int16(0))[places],
        )

    def ticks(self, vocabulary: Vocabulary) -> npt.NDArray[np.int64]:
        """int64 ticks of the elements that are times, NO_INSTANT for others."""
        if self.instants is None:
            by_code, _ = vocabulary.instants()
            self.instants = by_code.take(self.codes)
        return self.instants

    def joined(self, other: Plane) -> Plane:
        """These elements and the other's behind them; rows stay as they are."""
        rows = None
        if self.rows is not None and other.rows is not None:
            rows = np.concatenate([self.rows, other.rows])
        here, there = len(self.codes), len(other.codes)
        nan, zero = np.float64(np.nan), np.int16(0)
        return Plane(
            np.concatenate([self.codes, other.codes]),
            _join(self.numbers, other.numbers, here, there, nan),
            _join(self.residues, other.residues, here, there, zero),
            rows,
        )

    def moved(self, rows: Places) -> Plane:
        """These elements in other rows."""
        return replace(self, rows=rows)

    def without(self, rows: Places) -> Plane | None:
        """The elements that are not in those rows; None if all are. `rows` is not None."""
        kept = np.flatnonzero(~np.isin(self._rows(), rows))
        if not len(kept):
            return None
        return Plane(
            self.codes[kept],
            None if self.numbers is None else self.numbers[kept],
            None if self.residues is None else self.residues[kept],
            self._rows()[kept],
        )

    def overwritten(self, places: Places, fresh: Plane) -> Plane:
        """Row `places[i]` holding what row i of `fresh` holds; both are laid out by row."""
        wide, count = self.joined(fresh), len(self.codes)
        return Plane(
            _overwrite(wide.codes, places, count),
            None if wide.numbers is None else _overwrite(wide.numbers, places, count),
            None if wide.residues is None else _overwrite(wide.residues, places, count),
            None,
        )

    def _rows(self) -> Places:
        return np.arange(len(self.codes)) if self.rows is None else self.rows


def _width(greatest: int) -> type[np.integer[Any]]:
    if greatest <= np.iinfo(np.uint8).max:
        return np.uint8
    return np.uint16 if greatest <= np.iinfo(np.uint16).max else np.int32


def _lay_out(
    values: npt.NDArray[_Scalar], at: Places, blank: npt.NDArray[_Scalar]
) -> npt.NDArray[_Scalar]:
    blank[at] = values
    return blank


def _fill(array: npt.NDArray[_Scalar] | None, count: int, blank: _Scalar) -> npt.NDArray[_Scalar]:
    return np.full(count, blank, dtype=type(blank)) if array is None else array


def _join(
    first: npt.NDArray[_Scalar] | None,
    second: npt.NDArray[_Scalar] | None,
    here: int,
    there: int,
    blank: _Scalar,
) -> npt.NDArray[_Scalar] | None:
    if first is None and second is None:
        return None
    return np.concatenate([_fill(first, here, blank), _fill(second, there, blank)])


def _overwrite(values: npt.NDArray[_Scalar], places: Places, count: int) -> npt.NDArray[_Scalar]:
    """The first `count` values, what stands behind them put at `places`."""
    values[places] = values[count:]
    return values[:count]
