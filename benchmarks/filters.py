r"""Filters by SQL, by roaring bitmaps and by columns: from a filter to bits that FAISS reads.

    python -m benchmarks.filters [--documents 200000] [--repeats 21]

Documents are made up: keywords of 2, 10, 100 and 1,000 values, a price, a time, up to four tags
of 50. Times are CPU milliseconds, medians:

- first: a filter that names a key for the first time, reading the documents included;
- new: another filter over the same key, answers given before forgotten;
- again: the same filter again.

Roaring bitmaps are measured where `pyroaring` can be imported; they are no part of the project.
Bitmaps are kept by value, for prices and times beside the sorted values.
"""

from __future__ import annotations

import importlib
import json
import operator
import random
import statistics
import tempfile
import time
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from benchmarks.record import save
from indexing.columns import MetadataColumns
from indexing.documents import DOCUMENTS_FILE, DocumentStore
from indexing.filters import Filter
from indexing.instants import parse_instant
from indexing.types import Document, StoredDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

BLOCK = 20_000
TEXT = "메아리는 문서를 뜻으로 찾습니다. " * 12


def main(
    documents: Annotated[int, typer.Option(min=1000, help="How many.")] = 200_000,
    repeats: Annotated[int, typer.Option(min=1, help="Of new and again.")] = 21,
    sql_repeats: Annotated[int, typer.Option(min=1, help="Of SQL, which is slow.")] = 3,
) -> None:
    """Measure, print and save under `benchmarks/results`."""
    with tempfile.TemporaryDirectory() as folder:
        store = DocumentStore(Path(folder) / DOCUMENTS_FILE, writable=True)
        fill(store, documents)
        result: dict[str, Any] = {"documents": documents, "milliseconds": {}}
        counts: dict[str, dict[str, int]] = {}
        for name, way in ways(store, documents).items():
            number = sql_repeats if name == "sql" else repeats
            result["milliseconds"][name], counts[name] = measure(way, number)
            show(name, result["milliseconds"][name])
            if isinstance(way, ByColumns):
                result["column_bytes"] = way.columns.nbytes
        if len({json.dumps(found) for found in counts.values()}) != 1:
            message = f"the ways disagree: {counts}"
            raise RuntimeError(message)
        result["matches"] = counts["sql"]
        store.close()
    print(f"saved {save(f'filters_{documents}', result)}")


def ways(store: DocumentStore, rows: int) -> dict[str, Any]:
    """What is compared, by name."""
    try:
        roaring = importlib.import_module("pyroaring")
    except ImportError:
        print("pyroaring is not there: roaring bitmaps are left out")
        return {"sql": BySql(store, rows), "columns": ByColumns(store, rows)}
    return {
        "sql": BySql(store, rows),
        "roaring": ByRoaring(store, rows, roaring),
        "columns": ByColumns(store, rows),
    }


def conditions(number: int) -> dict[str, list[dict[str, Any]]]:
    """Filters by name; each number gives other values."""
    month, price = 1 + number % 11, float(number % 40 * 20)
    lang = {"key": "lang", "match": {"value": ("ko", "en")[number % 2]}}
    ten = {"key": "ten", "match": {"value": f"v{number % 10}"}}
    costs = {"key": "price", "range": {"gte": price, "lt": price + 100}}
    tag = {"key": "tags", "match": {"value": f"t{number % 50}"}}
    some = [f"v{(number * 7 + value) % 1000}" for value in range(20)]
    since = {"gte": f"2025-{month:02}-05T00:00:00Z", "lt": f"2025-{month + 1:02}-05T00:00:00Z"}
    return {
        "keyword of 2": [lang],
        "keyword of 10": [ten],
        "keyword of 100": [{"key": "hundred", "match": {"value": f"v{number % 100}"}}],
        "keyword of 1,000": [{"key": "thousand", "match": {"value": f"v{number % 1000}"}}],
        "20 of 1,000": [{"key": "thousand", "match": {"any": some}}],
        "price": [costs],
        "time": [{"key": "time", "range": since}],
        "tag": [tag],
        "keyword, price and tag": [ten, costs, tag],
    }


def fill(store: DocumentStore, rows: int) -> None:
    """Put the documents into the store."""
    draw = random.Random(0)
    for first in range(0, rows, BLOCK):
        with store.transaction() as change:
            change.insert(
                StoredDocument(
                    Document(f"d{row}", f"{TEXT}{row}", metadata=metadata(draw)), row, 40, False, 0
                )
                for row in range(first, min(first + BLOCK, rows))
            )


def metadata(draw: random.Random) -> dict[str, Any]:
    """One document's."""
    day = f"2025-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}"
    clock = f"{draw.randrange(24):02}:{draw.randrange(60):02}:{draw.randrange(60):02}"
    return {
        "lang": draw.choice(["ko", "en"]),
        "ten": f"v{draw.randrange(10)}",
        "hundred": f"v{draw.randrange(100)}",
        "thousand": f"v{draw.randrange(1000)}",
        "price": round(draw.uniform(0, 1000), 2),
        "time": f"{day}T{clock}Z",
        "tags": [f"t{tag}" for tag in draw.sample(range(50), draw.randrange(5))],
    }


class BySql:
    """Rows from SQLite, made bits."""

    def __init__(self, store: DocumentStore, rows: int) -> None:
        self._store = store
        self._rows = rows

    def bits(self, filter: Filter) -> npt.NDArray[np.uint8]:
        """Of the rows that satisfy the filter."""
        allowed = np.zeros(self._rows, dtype=bool)
        allowed[self._store.rows(filter)] = True
        return np.packbits(allowed, bitorder="little")

    def forget(self) -> None:
        """Answers given before: none are kept."""


class ByColumns:
    """`MetadataColumns`."""

    def __init__(self, store: DocumentStore, rows: int) -> None:
        self.columns = MetadataColumns(store)
        self._rows = rows

    def bits(self, filter: Filter) -> npt.NDArray[np.uint8]:
        """Of the rows that satisfy the filter."""
        return self.columns.mask(filter, self._rows).bits

    def forget(self) -> None:
        """Answers given before."""
        self.columns.forget_masks()


class ByRoaring:
    """A bitmap for each value of a key, read when a filter first names it; `must` alone."""

    def __init__(self, store: DocumentStore, rows: int, roaring: Any) -> None:  # noqa: ANN401
        self._store = store
        self._rows = rows
        self._roaring = roaring
        self._bitmaps: dict[str, dict[Any, Any]] = {}
        self._sorted: dict[str, tuple[Any, Any]] = {}

    def bits(self, filter: Filter) -> npt.NDArray[np.uint8]:
        """Of the rows that satisfy the filter."""
        parts = map(self._find, filter.to_json()["must"])
        found = reduce(operator.and_, parts)
        allowed = np.zeros(self._rows, dtype=bool)
        allowed[np.asarray(found.to_array())] = True
        return np.packbits(allowed, bitorder="little")

    def forget(self) -> None:
        """Answers given before: none are kept."""

    def _find(self, condition: dict[str, Any]) -> Any:  # noqa: ANN401
        key = condition["key"]
        if "range" in condition:
            return self._between(key, condition["range"])
        if key not in self._bitmaps:
            rows: dict[str, list[int]] = {}
            for row, value in self._values(key):
                for item in value if isinstance(value, list) else [value]:
                    rows.setdefault(item, []).append(row)
            self._bitmaps[key] = {
                value: self._roaring.BitMap(those) for value, those in rows.items()
            }
        match, empty = condition["match"], self._roaring.BitMap()
        wanted = match["any"] if "any" in match else [match["value"]]
        return self._roaring.BitMap.union(
            empty, *(self._bitmaps[key].get(value, empty) for value in wanted)
        )

    def _between(self, key: str, bounds: dict[str, Any]) -> Any:  # noqa: ANN401
        if key not in self._sorted:
            values = np.array([_number(value) for _, value in self._values(key)])
            order = np.argsort(values, kind="stable")
            self._sorted[key] = (values[order], order.astype(np.uint32))
        values, order = self._sorted[key]
        start, stop = np.searchsorted(values, [_number(bounds["gte"]), _number(bounds["lt"])])
        return self._roaring.BitMap(order[start:stop])

    def _values(self, key: str) -> Iterator[tuple[int, Any]]:
        for first in range(0, self._rows, 1024):
            found = self._store.metadata(first, min(first + 1024, self._rows))
            items = json.loads(f"[{','.join(text for _, text in found)}]")
            for (row, _), item in zip(found, items, strict=True):
                yield row, item[key]


def _number(value: float | str) -> float:
    if not isinstance(value, str):
        return value
    instant = parse_instant(value)
    return 0.0 if instant is None else float(instant.seconds)


def measure(
    way: BySql | ByRoaring | ByColumns, repeats: int
) -> tuple[dict[str, dict[str, float]], dict[str, int]]:
    """Milliseconds of first, new and again for each filter, and how many rows match it."""
    times: dict[str, dict[str, float]] = {}
    matches: dict[str, int] = {}
    for name in conditions(0):
        filters = [
            Filter.parse({"must": conditions(number)[name]}) for number in range(repeats + 1)
        ]
        first, bits = timed(partial(way.bits, filters[0]))
        new = []
        for filter in filters[1:]:
            way.forget()
            new.append(timed(partial(way.bits, filter))[0])
        way.bits(filters[0])
        again = [timed(partial(way.bits, filters[0]))[0] for _ in filters[1:]]
        times[name] = {
            "first": round(first, 3),
            "new": round(statistics.median(new), 4),
            "again": round(statistics.median(again), 4),
        }
        matches[name] = int(np.unpackbits(bits).sum())
    return times, matches


def timed(call: Callable[[], npt.NDArray[np.uint8]]) -> tuple[float, npt.NDArray[np.uint8]]:
    """CPU milliseconds of this thread, and the answer."""
    started = time.thread_time()
    answer = call()
    return 1e3 * (time.thread_time() - started), answer


def show(way: str, times: dict[str, dict[str, float]]) -> None:
    """Print one way's figures."""
    for name, figures in times.items():
        line = "  ".join(f"{word} {figures[word]:10.3f}" for word in ("first", "new", "again"))
        print(f"{way:<8}  {name:<24}{line}")


if __name__ == "__main__":
    typer.run(main)
