# ruff: noqa: S608 - the compiled expression is the oracle
from __future__ import annotations

import json
import sqlite3
import sys
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from indexing import column_blocks, column_cache, columns
from indexing.column_values import FIRST_STRING
from indexing.columns import MetadataColumns
from indexing.filter_sql import compile_filter, register_functions
from indexing.filter_values import read_key
from indexing.filters import Filter
from indexing.row_mask import RowMask
from tests.indexing.filter_cases import DOCUMENTS, FILTERS, LEAVES, satisfies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy.typing as npt

Json: TypeAlias = Any


class Table:
    """Documents `id-0`, `id-1`, ... in SQLite, and what SQL says of them."""

    def __init__(self, metadata: Sequence[Mapping[str, Any]] = ()) -> None:
        self.connection = sqlite3.connect(":memory:", check_same_thread=False)
        self.connection.execute(
            "CREATE TABLE documents (row INTEGER PRIMARY KEY, id TEXT, metadata TEXT)"
        )
        register_functions(self.connection)
        self.passes = 0
        self.put(0, metadata)

    def put(self, first: int, metadata: Sequence[Mapping[str, Any]]) -> None:
        self.connection.executemany(
            "INSERT OR REPLACE INTO documents VALUES (?, ?, ?)",
            [
                (row, f"id-{row}", json.dumps(item, ensure_ascii=row % 2 == 0))
                for row, item in enumerate(metadata, start=first)
            ],
        )

    def metadata(self, first: int, stop: int) -> list[tuple[int, str]]:
        self.passes += 1
        query = "SELECT row, metadata FROM documents WHERE row >= ? AND row < ? ORDER BY row"
        return self.connection.execute(query, (first, stop)).fetchall()

    def rows(self, filter: Filter | None = None) -> npt.NDArray[np.int64]:
        where, parameters = compile_filter(filter or Filter())
        query = f"SELECT row FROM documents AS d WHERE {where} ORDER BY row"
        found = [row for (row,) in self.connection.execute(query, parameters)]
        return np.array(found, dtype=np.int64)


@contextmanager
def small_blocks(rows: int, sparse: int) -> Iterator[None]:
    """Blocks of so many rows; planes are laid out where one row in `sparse` has an element."""
    with (
        patch.object(column_blocks, "BLOCK_ROWS", rows),
        patch.object(column_blocks, "_SPARSE", sparse),
        patch.object(column_blocks, "_MOST_PLANES", 2),
        patch.object(columns, "_PASS_ROWS", rows + 1),
    ):
        yield


def found(source: MetadataColumns, filter: Json, rows: int) -> list[int]:
    mask = source.mask(Filter.parse(filter), rows)
    assert mask.allowed.shape == (rows,)
    assert mask.allowed.dtype == bool
    assert mask.count == np.count_nonzero(mask.allowed)
    return np.flatnonzero(mask.allowed).tolist()


def must(key: str, **test: Json) -> dict[str, Any]:
    return {"must": [{"key": key, **test}]}


@pytest.mark.parametrize(("rows", "sparse"), [(65_536, 16), (2, 16), (3, 1)])
def test_columns_agree_with_sql_and_with_plain_python(rows: int, sparse: int) -> None:
    @settings(max_examples=300, deadline=None)
    @given(st.one_of(LEAVES.map(lambda leaf: {"must": [leaf]}), FILTERS), DOCUMENTS)
    def check(filter: Json, metadata: list[dict[str, Any]]) -> None:
        table = Table(metadata)
        with closing(table.connection), small_blocks(rows, sparse):
            rows_found = found(MetadataColumns(table), filter, len(metadata))
            assert rows_found == table.rows(Filter.parse(filter)).tolist()
        assert rows_found == [
            row for row, item in enumerate(metadata) if satisfies(filter, f"id-{row}", item)
        ]

    check()


NUMBERS = (
    st.integers(-(2**63), 2**63 - 1)
    | st.integers(2**53 - 3, 2**53 + 3)
    | st.integers(2**63 - 600, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([2.0**53, 2.0**63, -(2.0**63), 0.1, 1e300, -0.0])
)


@settings(max_examples=300, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=20), st.data())
def test_numbers_compare_exactly(numbers: list[float], data: st.DataObject) -> None:
    bound = data.draw(st.sampled_from(numbers) | NUMBERS)
    some = data.draw(st.lists(st.sampled_from(numbers) | NUMBERS, max_size=12))
    table = Table([{"n": number} for number in numbers])
    with closing(table.connection):
        memory = MetadataColumns(table)

        def places(test: Callable[[float], bool]) -> list[int]:
            return [place for place, number in enumerate(numbers) if test(number)]

        def ask(**test: Json) -> list[int]:
            return found(memory, must("n", **test), len(numbers))

        assert ask(range={"gt": bound}) == places(lambda number: number > bound)
        assert ask(range={"gte": bound}) == places(lambda number: number >= bound)
        assert ask(range={"lt": bound}) == places(lambda number: number < bound)
        assert ask(range={"lte": bound}) == places(lambda number: number <= bound)
        assert ask(match={"value": bound}) == places(lambda number: number == bound)
        assert ask(match={"any": some}) == places(lambda number: number in some)
        assert ask(match={"except": some}) == places(lambda number: number not in some)


def test_integers_beyond_64_bits_are_read_as_floats() -> None:
    table = Table([{"n": 10**20}, {"n": -(10**400)}, {"n": 10**20 + 1}, {"n": 2**63}])
    with closing(table.connection):
        memory = MetadataColumns(table)
        for filter in (
            must("n", match={"value": 1e20}),
            must("n", range={"gt": 1e20}),
            must("n", range={"lt": -1e308}),
            must("n", range={"gte": 2.0**63}),
        ):
            assert found(memory, filter, 4) == table.rows(Filter.parse(filter)).tolist()
        assert found(memory, must("n", match={"value": 1e20}), 4) == [0, 2]


def test_more_values_than_are_looked_for_one_by_one() -> None:
    metadata = [{"s": f"값 {row % 300}", "n": row % 300, "f": row / 2} for row in range(1000)]
    wanted = set(range(0, 300, 3))
    table = Table(metadata)
    with closing(table.connection):
        memory = MetadataColumns(table)
        expected = [row for row in range(1000) if row % 300 in wanted]
        names = [f"값 {number}" for number in wanted]
        assert found(memory, must("s", match={"any": names}), 1000) == expected
        assert found(memory, must("n", match={"any": sorted(wanted)}), 1000) == expected
        others = [row for row in range(1000) if row % 300 not in wanted]
        assert found(memory, must("n", match={"except": sorted(wanted)}), 1000) == others
        assert found(memory, must("s", match={"except": names}), 1000) == others
        assert found(memory, must("f", match={"any": [*range(100)]}), 1000) == [*range(0, 200, 2)]


def test_blocks_of_full_size() -> None:
    """Values of every width of code, a rare key, and tags that need planes and more."""
    count = 70_000
    metadata: list[dict[str, Any]] = [
        {"few": f"v{row % 9}", "many": str(row), "tags": [f"t{row % 7}"] * (row % 12)}
        for row in range(count)
    ]
    for row in range(0, count, 1000):
        metadata[row]["rare"] = row
    table = Table(metadata)
    with closing(table.connection):
        memory = MetadataColumns(table)
        assert found(memory, must("few", match={"value": "v3"}), count) == [*range(3, count, 9)]
        assert found(memory, must("many", match={"value": "69999"}), count) == [69_999]
        assert found(memory, must("many", match={"value": "65536"}), count) == [65_536]
        assert found(memory, must("rare", range={"gte": 65_000, "lt": 67_000}), count) == [
            65_000,
            66_000,
        ]
        tagged = [row for row in range(count) if row % 7 == 2 and row % 12]
        assert found(memory, must("tags", match={"value": "t2"}), count) == tagged
        assert found(memory, {"must": {"is_empty": {"key": "tags"}}}, count) == [
            *range(0, count, 12)
        ]
        assert memory.nbytes < count * (1 + 4 + 9 + 8)
        kept = np.arange(1, count, 2)
        table.connection.execute("DELETE FROM documents")
        half = memory.selected(table, kept)
        assert found(half, must("many", match={"value": "65537"}), len(kept)) == [32_768]
        expected = [place for place, row in enumerate(kept) if row % 7 == 2 and row % 12]
        assert found(half, must("tags", match={"value": "t2"}), len(kept)) == expected
        empty = memory.selected(table, kept[:0])
        assert found(empty, must("tags", match={"value": "t2"}), 0) == []


def test_times_finer_than_a_tick() -> None:
    times = ["2025-04-02T00:00:00.00000011Z", "2025-04-02T00:00:00.0000001Z", "2025-04-02", "soon"]
    table = Table([{"t": time} for time in times])
    with closing(table.connection):
        memory = MetadataColumns(table)
        assert found(memory, must("t", range={"gt": times[1]}), 4) == [0]
        assert found(memory, must("t", range={"lte": times[0]}), 4) == [0, 1, 2]
        assert found(memory, must("t", range={"lt": times[0]}), 4) == [1, 2]


def test_new_rows_are_taken_in_or_read_when_asked_for() -> None:
    table = Table([{"a": 1}, {"a": 2}])
    with closing(table.connection):
        memory = MetadataColumns(table)
        is_one = must("a", match={"value": 1})
        assert found(memory, is_one, 2) == [0]
        read = table.passes
        table.put(2, [{"a": 1}, {"b": 1}])
        memory.append(2, [{"a": 1}, {"b": 1}])
        assert found(memory, is_one, 4) == [0, 2]
        assert found(memory, is_one, 2) == [0]
        assert table.passes == read
        table.put(4, [{"a": 1}])  # nobody tells
        assert found(memory, is_one, 5) == [0, 2, 4]
        memory.append(4, [{"a": 1}])  # told late
        assert found(memory, is_one, 5) == [0, 2, 4]


def test_what_is_told_need_not_be_plain_json() -> None:
    table = Table([{"a": 0}])
    with closing(table.connection):
        memory = MetadataColumns(table)
        assert found(memory, must("a.1", match={"value": "x"}), 1) == []
        memory.append(1, [{"a": {1: ("x",)}}])
        assert found(memory, must("a.1", match={"value": "x"}), 2) == [1]


def test_all_keys_of_a_filter_are_read_in_one_pass() -> None:
    table = Table([{"a": 1, "b": {"c": 2}}])
    with closing(table.connection):
        memory = MetadataColumns(table)
        filter = {"must": [{"key": "a", "match": {"value": 1}}, {"is_null": {"key": "b.c"}}]}
        assert found(memory, filter, 1) == []
        assert table.passes == 1
        memory.load([read_key("b", ""), read_key("a", "")], 1)
        assert table.passes == 2
        assert {str(key) for key in memory.columns} == {"a", "b", "b.c"}


def test_keys_not_asked_for_longest_go_first() -> None:
    table = Table([{}])
    with closing(table.connection), patch.object(columns, "MAX_COLUMNS", 2):
        memory = MetadataColumns(table)
        for name in ("a", "b", "a", "c"):
            assert found(memory, {"must": {"is_empty": {"key": name}}}, 1) == [0]
            memory.forget_masks()
        assert {str(key) for key in memory.columns} == {"a", "c"}
        wide = {"must": [{"is_empty": {"key": f"k{number}"}} for number in range(5)]}
        assert found(memory, wide, 1) == [0]
        assert len(memory.columns) == 5


def test_strings_of_rows_that_are_gone_are_let_go() -> None:
    table = Table([{"a": f"v{row}", "b": f"w{row % 2}"} for row in range(1000)])
    with closing(table.connection):
        memory = MetadataColumns(table)
        assert found(memory, must("a", match={"value": "v901"}), 1000) == [901]
        assert found(memory, must("b", match={"value": "w1"}), 1000) == [*range(1, 1000, 2)]
        kept = np.arange(900, 1000)
        few = memory.selected(table, kept)
        assert found(few, must("a", match={"value": "v901"}), 100) == [1]
        assert found(few, must("a", match={"value": "v1"}), 100) == []
        assert found(few, must("b", match={"value": "w1"}), 100) == [*range(1, 100, 2)]
        sizes = {str(key): column.vocabulary.size() for key, column in few.columns.items()}
        assert sizes == {"a": 100 + FIRST_STRING, "b": 2 + FIRST_STRING}
        assert found(memory, must("a", match={"value": "v1"}), 1000) == [1]


def test_masks_are_kept_until_rows_change() -> None:
    table = Table([{"a": 1}, {"a": 2}])
    with closing(table.connection):
        memory = MetadataColumns(table)
        filter = Filter.parse(must("a", match={"value": 1}))
        first = memory.mask(filter, 2)
        assert memory.mask(Filter.parse(filter.to_json()), 2) is first
        assert first.allowed.tolist() == [True, False]
        with pytest.raises(ValueError, match="read-only"):
            first.allowed[0] = False
        table.put(1, [{"a": 1}])
        memory.relabel([1], [{"a": 1}])
        assert memory.mask(filter, 2).allowed.tolist() == [True, True]
        table.put(0, [{"a": 1}, {"a": 3}, {"a": 1}])
        memory.forget()
        assert memory.mask(filter, 3).allowed.tolist() == [True, False, True]


def test_masks_of_live_rows_are_kept_with_them() -> None:
    table = Table([{"a": 1}, {"a": 1}, {"a": 2}])
    with closing(table.connection):
        memory = MetadataColumns(table)
        filter = Filter.parse(must("a", match={"value": 1}))
        live = np.array([True, False, True])
        mask = memory.live_mask(filter, live)
        assert (mask.allowed.tolist(), mask.count) == ([True, False, False], 1)
        assert memory.live_mask(filter, live) is mask
        assert memory.live_mask(filter, live.copy()) is not mask
        assert memory.live_mask(filter, np.array([True, True, True])).count == 2
        assert mask.allowed.flags.writeable is False
        assert live.tolist() == [True, False, True]


def test_kept_masks_are_bounded() -> None:
    table = Table([{"a": row} for row in range(100)])
    with closing(table.connection), patch.object(column_cache, "CACHE_BYTES", 300):
        memory = MetadataColumns(table)
        filters = [Filter.parse(must("a", match={"value": value})) for value in range(4)]
        masks = [memory.mask(filter, 100) for filter in filters]
        assert memory.mask(filters[3], 100) is masks[3]
        assert memory.mask(filters[2], 100) is masks[2]
        assert memory.mask(filters[0], 100) is not masks[0]


def test_bits_are_as_faiss_reads_them() -> None:
    allowed = np.arange(21) % 3 == 0
    mask = RowMask(allowed.copy())
    assert mask.count == 7
    assert mask.bits.dtype == np.uint8
    assert [bool(mask.bits[row // 8] >> (row % 8) & 1) for row in range(21)] == allowed.tolist()
    assert mask.bits is mask.bits


class Interrupted(Table):
    """Something happens after the first pass over some rows, before it is made use of."""

    def __init__(self, metadata: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(metadata)
        self.happening: Callable[[], None] | None = None

    def metadata(self, first: int, stop: int) -> list[tuple[int, str]]:
        read = super().metadata(first, stop)
        if self.happening is not None:
            happening, self.happening = self.happening, None
            happening()
        return read


def test_rows_that_change_while_they_are_read() -> None:
    table = Interrupted([{"a": 1}, {"a": 2}, {"a": 3}])
    with closing(table.connection), small_blocks(2, 1):
        memory = MetadataColumns(table)

        def change() -> None:
            table.put(0, [{"a": 3}])
            memory.relabel([0], [{"a": 3}])
            table.put(3, [{"a": 3}])
            memory.append(3, [{"a": 3}])

        table.happening = change
        assert found(memory, must("a", match={"value": 3}), 3) == [0, 2]
        assert found(memory, must("a", match={"value": 3}), 4) == [0, 2, 3]


def test_rows_that_are_renumbered_while_they_are_read() -> None:
    table = Interrupted([{"a": 1}, {"a": 2}, {"a": 3}])
    with closing(table.connection):
        memory = MetadataColumns(table)

        def renumber() -> None:
            table.put(0, [{"a": 3}, {"a": 3}])
            memory.forget()

        table.happening = renumber
        assert found(memory, must("a", match={"value": 3}), 2) == [0, 1]


def test_a_pass_that_fails_leaves_nothing_behind() -> None:
    table = Interrupted([{"a": 1}])
    with closing(table.connection):
        memory = MetadataColumns(table)

        def fail() -> None:
            raise OSError("disk")

        table.happening = fail
        with pytest.raises(OSError, match="disk"):
            found(memory, must("a", match={"value": 1}), 1)
        assert memory.columns == {}
        assert found(memory, must("a", match={"value": 1}), 1) == [0]


class Changes(RuleBasedStateMachine):
    """Appends, relabels, deletions and renumberings between filters."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Table()
        self.memory = MetadataColumns(self.table)
        self.rows = 0
        self.live: list[bool] = []
        self.asked: list[Filter] = []
        self.blocks = small_blocks(3, 2)
        self.blocks.__enter__()

    def teardown(self) -> None:
        self.blocks.__exit__(None, None, None)
        self.table.connection.close()

    @rule(metadata=DOCUMENTS, told=st.booleans())
    def append(self, metadata: list[dict[str, Any]], told: bool) -> None:
        self.table.put(self.rows, metadata)
        if told:
            self.memory.append(self.rows, metadata)
        self.rows += len(metadata)
        self.live += [True] * len(metadata)

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), metadata=DOCUMENTS)
    def relabel(self, data: st.DataObject, metadata: list[dict[str, Any]]) -> None:
        rows = data.draw(st.lists(st.integers(0, self.rows - 1), unique=True, max_size=6))
        those = [row for row in rows if self.live[row]][: len(metadata)]
        for row, item in zip(those, metadata, strict=False):
            self.table.put(row, [item])
        self.memory.relabel(those, metadata[: len(those)])

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        row = data.draw(st.integers(0, self.rows - 1))
        self.table.connection.execute("DELETE FROM documents WHERE row = ?", (row,))
        self.live[row] = False

    @rule(select=st.booleans())
    def renumber(self, select: bool) -> None:
        stored = self.table.metadata(0, self.rows)
        rows = [row for row, _ in stored]
        self.table.connection.execute("DELETE FROM documents")
        self.table.put(0, [json.loads(text) for _, text in stored])
        self.rows, self.live = len(rows), [True] * len(rows)
        if select:
            self.memory = self.memory.selected(self.table, np.array(rows, dtype=np.int64))
        else:
            self.memory.forget()

    @rule(filter=st.one_of(LEAVES.map(lambda leaf: {"must": [leaf]}), FILTERS))
    def ask(self, filter: Json) -> None:
        self.asked.append(Filter.parse(filter))

    @invariant()
    def agrees(self) -> None:
        live = np.array(self.live, dtype=bool)
        for filter in self.asked[-4:]:
            expected = self.table.rows(filter).tolist()
            assert np.flatnonzero(self.memory.live_mask(filter, live).allowed).tolist() == expected
            mask = self.memory.mask(filter, self.rows)
            assert np.flatnonzero(mask.allowed & live).tolist() == expected


TestChanges = Changes.TestCase
TestChanges.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)


def test_a_new_key_asked_for_by_many_is_read_once() -> None:
    table = Interrupted([{"a": row % 3} for row in range(100)])
    begun, go_on = threading.Event(), threading.Event()
    answers: list[list[int]] = []

    def wait() -> None:
        begun.set()
        assert go_on.wait(60)

    with closing(table.connection):
        memory = MetadataColumns(table)
        table.happening = wait

        def ask(value: int) -> None:
            answers.append(found(memory, must("a", match={"value": value}), 100))

        readers = [threading.Thread(target=ask, args=(value,)) for value in (0, 1, 2)]
        for reader in readers:
            reader.start()
        assert begun.wait(60)
        go_on.set()
        for reader in readers:
            reader.join()
        assert table.passes == 1
    assert sorted(answers) == [[*range(value, 100, 3)] for value in range(3)]


@pytest.fixture
def hurry() -> Iterator[None]:
    """Threads take turns a thousand times as often as usual."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("hurry")
def test_readers_while_rows_are_added_and_changed() -> None:
    """Both keys of a row always hold the same, and row r holds r or more from its first moment."""
    table = Table([{"a": row, "b": row, "s": str(row)} for row in range(500)])
    rows, wrong = [500], []
    done = threading.Event()
    with closing(table.connection), small_blocks(97, 16):
        memory = MetadataColumns(table)
        memory.load([read_key(name, "") for name in ("a", "b", "s")], 500)

        def read(seed: int) -> None:
            draw = np.random.default_rng(seed)
            while not done.is_set():
                there = rows[0]
                bound = int(draw.integers(0, there))
                value = str(bound)
                above = found(memory, must("a", range={"gte": bound}), there)
                same = [{"key": key, "match": {"value": value}} for key in ("s",)]
                differ = {
                    "must": [{"key": "a", "range": {"gte": bound}}],
                    "must_not": [{"key": "b", "range": {"gte": bound}}],
                }
                if above[-(there - bound) :] != [*range(bound, there)]:
                    wrong.append(("above", bound, there))
                if found(memory, differ, there):
                    wrong.append(("differ", bound, there))
                if found(memory, {"must": same}, there) not in ([bound], []):
                    wrong.append(("same", bound, there))

        readers = [threading.Thread(target=read, args=(seed,)) for seed in range(3)]
        for reader in readers:
            reader.start()
        draw = np.random.default_rng(9)
        for first in range(500, 1500, 10):
            values = range(first, first + 10)
            memory.append(first, [{"a": row, "b": row, "s": str(row)} for row in values])
            rows[0] = first + 10
            changed = draw.choice(first, 5, replace=False).tolist()
            memory.relabel(changed, [{"a": 10**6, "b": 10**6, "s": "x"}] * 5)
        done.set()
        for reader in readers:
            reader.join()
    assert wrong == []
