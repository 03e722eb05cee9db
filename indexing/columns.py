"""Metadata in memory, a column for each key that a filter named, so that filters read arrays."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from indexing.column_blocks import Column
from indexing.column_cache import MaskCache
from indexing.column_masks import Masker, keys_of
from indexing.column_values import Vocabulary
from indexing.filters import Filter
from indexing.row_mask import RowMask

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from indexing.column_values import BoolArray
    from indexing.filter_conditions import HasId
    from indexing.filter_values import Key
    from indexing.types import Ids

MAX_COLUMNS = 256
"""Keys kept in memory; the one not asked for longest goes first."""
_PASS_ROWS = 1024
"""Documents read at once: few enough that they are gone before the collector of garbage looks."""

_Change: TypeAlias = "dict[int, Any]"
"""Rows and the metadata that they have now."""


class Source(Protocol):
    """Where columns come from: a `DocumentStore`."""

    def metadata(self, first: int, stop: int) -> list[tuple[int, str]]:
        """Rows from `first` to `stop` - 1 that hold documents, ascending, and their JSON."""

    def rows(self, filter: Filter | None = None) -> Ids:
        """int64, ascending: the rows of documents that satisfy the filter."""


@dataclass(frozen=True, slots=True)
class _State:
    """Columns that agree with each other; replaced whole.

    Attributes:
        version: another number after each change to rows that were there.
        epoch: another number after each `forget`.
    """

    columns: Mapping[Key, Column] = field(default_factory=dict)
    version: int = 0
    epoch: int = 0


class MetadataColumns:
    """Which rows satisfy a filter, as an array, in microseconds to milliseconds.

    Derived from the documents and disposable. A key's column is read from the documents when a
    filter first names it, all of a filter's new keys in one pass; `append`, `relabel` and `forget`
    keep columns in step with committed writes. Any number of threads may ask for masks, which
    takes no lock unless something has to be read first; one at a time may write. Deleted
    documents stay: masks are to be joined with what is live.

    Conditions hold as `indexing.filter_sql` has it, but that floats compare exactly, where SQLite
    before 3.42 may read a decimal fraction as its neighbour.

    Args:
        source: the documents.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._state = _State()
        self._changing = threading.Lock()
        self._loading = threading.Lock()
        self._told: list[_Change] | None = None
        self._clock = count()
        self._used: dict[Key, int] = {}
        self._cache = MaskCache()

    @property
    def columns(self) -> Mapping[Key, Column]:
        """The columns in memory, by key."""
        return self._state.columns

    @property
    def nbytes(self) -> int:
        """Bytes of the columns' arrays; dictionaries of strings and kept masks not counted."""
        return sum(column.nbytes for column in self._state.columns.values())

    def mask(self, filter: Filter, rows: int) -> RowMask:
        """Which of rows 0 to `rows` - 1 satisfy the filter, deleted ones among them.

        Args:
            filter: any.
            rows: at most as many as are committed.
        """
        name = (filter, rows, self._state.version)
        kept = self._cache.get(name)
        if kept is None:
            kept = RowMask(self._find(filter, rows))
            self._cache.put(name, kept)
        return kept

    def live_mask(self, filter: Filter, live: BoolArray) -> RowMask:
        """Which rows satisfy the filter and are True in `live`.

        Args:
            filter: any.
            live: bool (rows,), an array that is never written to again: the answer is kept for
                as long as this very array is.
        """
        name = (filter, id(live), self._state.version)
        kept = self._cache.get(name, live)
        if kept is None:
            allowed = self._find(filter, len(live))
            allowed &= live
            kept = RowMask(allowed)
            self._cache.put(name, kept, live)
        return kept

    def load(self, keys: Iterable[Key], rows: int) -> None:
        """Read the columns of those keys now, not when a filter names them."""
        self._columns(set(keys), rows)

    def append(self, first: int, metadata: Sequence[Mapping[str, Any]]) -> None:
        """Take in the metadata of new rows from `first` on, once they are committed.

        Columns that are not that far yet read the rows themselves when they are asked for them.
        """
        with self._changing:
            columns = dict(self._state.columns)
            plain = _plain(metadata) if columns else []
            for key, column in columns.items():
                if first <= column.rows < first + len(plain):
                    columns[key] = column.extended(plain[column.rows - first :])
            self._state = replace(self._state, columns=columns)

    def relabel(self, rows: Sequence[int], metadata: Sequence[Mapping[str, Any]]) -> None:
        """Take in that rows have other metadata now, once that is committed."""
        if not rows:
            return
        change = dict(zip(map(int, rows), _plain(metadata), strict=True))
        with self._changing:
            if self._told is not None:
                self._told.append(change)
            state = self._state
            columns = {key: _relabelled(column, change) for key, column in state.columns.items()}
            self._state = replace(state, columns=columns, version=state.version + 1)

    def forget(self) -> None:
        """Drop all columns: rows have other numbers now, or other documents."""
        with self._changing:
            self._state = _State({}, self._state.version + 1, self._state.epoch + 1)
            self._used = {}
        self._cache.clear()

    def selected(self, source: Source, kept: Ids) -> MetadataColumns:
        """The same keys over a copy in which row i is row `kept[i]` of here.

        Args:
            source: the copy's documents.
            kept: int64, ascending.
        """
        fresh = MetadataColumns(source)
        columns = {key: column.selected(kept) for key, column in self._state.columns.items()}
        fresh._used, fresh._clock = dict(self._used), self._clock
        fresh._state = _State(columns)
        return fresh

    def forget_masks(self) -> None:
        """Drop what is kept of earlier answers; columns stay."""
        self._cache.clear()

    def _find(self, filter: Filter, rows: int) -> BoolArray:
        columns = self._columns(keys_of(filter), rows)
        return Masker(rows, columns, self._rows_of).mask(filter)

    def _rows_of(self, condition: HasId) -> Ids:
        return self._source.rows(Filter(must=(condition,)))

    def _columns(self, keys: set[Key], rows: int) -> Mapping[Key, Column]:
        """Columns of those keys, from one moment, of at least so many rows."""
        for key in keys:
            self._used[key] = next(self._clock)
        while True:
            columns = self._state.columns
            if not _missing(columns, keys, rows):
                return columns
            with self._loading:
                self._load(keys, rows)

    def _load(self, keys: set[Key], rows: int) -> None:
        """Read what is missing; the caller holds `_loading`.

        Writers go on meanwhile: new metadata they tell of is applied to what was read.
        """
        with self._changing:
            state = self._state
            missing = _missing(state.columns, keys, rows)
            if not missing:
                return  # somebody else read it meanwhile
            self._told = []
        try:
            fresh = self._read(missing, rows)
        except BaseException:
            with self._changing:
                self._told = None
            raise
        with self._changing:
            told, self._told = self._told or [], None
            if self._state.epoch == state.epoch:
                self._publish(fresh, told)

    def _read(self, columns: Mapping[Key, Column], rows: int) -> dict[Key, Column]:
        """The columns, extended to that many rows in one pass over the documents."""
        fresh = dict(columns)
        first = min(column.rows for column in fresh.values())
        while first < rows:
            stop = min(first + _PASS_ROWS, rows)
            metadata = self._metadata(first, stop)
            for key, column in fresh.items():
                if column.rows < stop:
                    fresh[key] = column.extended(metadata[column.rows - first :])
            first = stop
        return fresh

    def _metadata(self, first: int, stop: int) -> list[Any]:
        """Metadata of rows `first` to `stop` - 1; {} where no document is any more."""
        found = self._source.metadata(first, stop)
        values = json.loads(f"[{','.join(text for _, text in found)}]")
        if len(found) == stop - first:
            return list(values)
        metadata: list[Any] = [{}] * (stop - first)
        for (row, _), value in zip(found, values, strict=True):
            metadata[row - first] = value
        return metadata

    def _publish(self, fresh: Mapping[Key, Column], told: Iterable[_Change]) -> None:
        """Let readers see what was read; the caller holds `_changing`."""
        columns = dict(self._state.columns)
        for key, column in fresh.items():
            known = columns.get(key)
            if known is None or known.rows < column.rows:
                columns[key] = reduce(_relabelled, told, column)
        by_use = sorted(columns, key=lambda key: self._used.get(key, -1), reverse=True)
        for key in by_use[max(MAX_COLUMNS, len(fresh)) :]:
            del columns[key]
            self._used.pop(key, None)
        self._state = replace(self._state, columns=columns)


def _missing(columns: Mapping[Key, Column], keys: set[Key], rows: int) -> dict[Key, Column]:
    """The columns of those keys that are not there or not of so many rows, new ones empty."""
    found = {key: columns.get(key) or Column(key, Vocabulary()) for key in keys}
    return {
        key: column for key, column in found.items() if key not in columns or column.rows < rows
    }


def _plain(metadata: Iterable[Mapping[str, Any]]) -> list[Any]:
    """As the documents' JSON is read: names are strings, arrays are lists."""
    plain: list[Any] = json.loads(json.dumps([dict(item) for item in metadata]))
    return plain


def _relabelled(column: Column, change: _Change) -> Column:
    """Rows that the column has not read yet are left out; it will find them changed."""
    rows = [row for row in change if 0 <= row < column.rows]
    if not rows:
        return column
    return column.relabelled(np.array(rows, dtype=np.int64), [change[row] for row in rows])
