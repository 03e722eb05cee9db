"""What the search benchmark asks of a side, and what a side must be able to do.

Needs NumPy alone, for it is imported in the environments of all peers. A side is a script,
`python -m benchmarks.peers.NAME TASK.json`, started for each stage in a process of its own: to
build its store, to answer from it, to write into a copy of it. It leaves a report where the task
says.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Vectors = npt.NDArray[np.float32]
    Ids = npt.NDArray[np.int64]

Setting = dict[str, float]
"""How hard a side looks (`{"ef": 64}`), by the names its library uses."""
Raw = Any
"""Whatever the library answers; `Side.ids` reads it outside the measured time."""

K = 10
BATCH = 1000
BOUNDS = (1, 10, 100, 500)
"""Filters `g < bound`, that keep 0.1, 1, 10 and 50 % of the rows."""
LABELS = 1000


@dataclass(frozen=True, slots=True)
class Task:
    """What one process of a side does.

    Attributes:
        stage: `build` makes the store, `serve` answers from it, `write` changes it.
        vectors: folder of `sentences.npy` and `queries.npy`, float32 of length 1.
        truth: folder of the exact answers, see `benchmarks.search_truth`.
        store: folder of this side alone.
        report: file to write.
        rows: the first so many sentences are searched.
        queries: the first so many queries are asked.
        threads: cores the process may use.
        repeats: how often a measurement is repeated.
        seconds: at most, for one measurement of one setting; fewer queries where too slow.
        parts: `filters` measures those too.
        setting: that searches use among writes; None where searching is what is measured.
        options: of the side (`{"factory": "HNSW32"}`).
    """

    stage: str
    vectors: Path
    truth: Path
    store: Path
    report: Path
    rows: int
    queries: int
    threads: int
    repeats: int
    seconds: float
    parts: tuple[str, ...]
    setting: Setting | None
    options: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Task:
        """The task written by `write`."""
        task = cls(**json.loads(path.read_text(encoding="utf-8")))
        return replace(
            task,
            vectors=Path(task.vectors),
            truth=Path(task.truth),
            store=Path(task.store),
            report=Path(task.report),
            parts=tuple(task.parts),
        )

    def write(self, path: Path) -> None:
        """Write the task as JSON."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        path.write_text(json.dumps(fields, default=str, indent=1), encoding="utf-8")

    def load_vectors(self) -> Vectors:
        """float32 (rows, dim), mapped."""
        vectors: Vectors = np.load(self.vectors / "sentences.npy", mmap_mode="r")
        return vectors[: self.rows]

    def load_queries(self) -> Vectors:
        """float32 (queries, dim)."""
        queries: Vectors = np.load(self.vectors / "queries.npy")
        return np.ascontiguousarray(queries[: self.queries])

    def load_truth(self, below: int | None = None) -> Ids:
        """int64 (n, K), padded with -1: the true neighbours (under the filter) of the queries."""
        name = f"{self.rows}.npy" if below is None else f"{self.rows}-below-{below}.npy"
        truth: Ids = np.load(self.truth / name)
        return truth[: self.queries]


class Side(Protocol):
    """A library with vectors in it; rows are known by their numbers from 0."""

    @property
    def packages(self) -> tuple[str, ...]:
        """Whose versions are reported."""

    @property
    def filters(self) -> bool:
        """Whether it can search under `g < bound`."""

    @property
    def durable(self) -> str | None:
        """What makes a finished write safe; None if rows cannot be replaced in place."""

    @property
    def settings(self) -> tuple[Setting, ...]:
        """How hard it may look, from cheap to dear."""

    def build(self, vectors: Vectors, labels: Ids) -> dict[str, Any] | None:
        """Fill the empty store; may return more to report."""

    def open(self) -> dict[str, Any] | None:
        """Make the store ready for searching; may return more to report."""

    def many(self, queries: Vectors, setting: Setting, below: int | None) -> Raw:
        """The `K` best of each query, by a batch call on all threads where there is one."""

    def one(self, query: Vectors, setting: Setting, below: int | None) -> Raw:
        """The `K` best of one query (dim,)."""

    def ids(self, raw: Raw) -> Ids:
        """int64 (n, K) of what `many` answered, or (1, K) of what `one` did, padded with -1."""

    def upsert(self, ids: Ids, vectors: Vectors, labels: Ids) -> None:
        """Replace rows, as durably as the library can."""

    def delete(self, ids: Ids) -> None:
        """Delete rows, as durably as the library can."""

    def close(self) -> None:
        """Give everything back."""


def make_labels(rows: int) -> Ids:
    """The attribute `g` of rows 0 to rows-1: int64, uniform in 0 to 999, seed 20."""
    return np.random.default_rng(20).integers(0, LABELS, rows)


def pad(rows: list[list[int]]) -> Ids:
    """int64 (n, K) of lists of at most K ids."""
    padded = np.full((len(rows), K), -1, dtype=np.int64)
    for place, row in enumerate(rows):
        padded[place, : len(row)] = row[:K]
    return padded


def spread(ask: Callable[[Vectors], Raw], queries: Vectors, threads: int) -> list[Raw]:
    """Answers of a library without a batch call, asked from that many threads."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(ask, queries))


def read_memory() -> dict[str, int]:
    """Bytes of this process that are resident: `anonymous`, of `file`s, and the most of both."""
    names = {"RssAnon": "anonymous", "RssFile": "file", "VmHWM": "peak"}
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    parts = [line.split() for line in lines]
    return {names[p[0][:-1]]: int(p[1]) * 1024 for p in parts if p[0][:-1] in names}


def read_disk(folder: Path) -> int:
    """Bytes that the files below a folder take on the disk."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def build(side: Side, task: Task) -> dict[str, Any]:
    """Build the store; seconds by the wall and of all cores, bytes a vector on the disk."""
    vectors, labels = np.ascontiguousarray(task.load_vectors()), make_labels(task.rows)
    task.store.mkdir(parents=True, exist_ok=True)
    wall, cpu = time.perf_counter(), time.process_time()
    more = side.build(vectors, labels) or {}
    report = {
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        **more,
        "peak_bytes": read_memory()["peak"],
    }
    side.close()
    return {**report, "bytes_per_vector": read_disk(task.store) / task.rows}


def main(make: Callable[[Task], Side]) -> None:
    """Do the task named on the command line and leave the report.

    The cores are limited first, and so before the library is imported by `make`: most count
    them only once.
    """
    task = Task.read(Path(sys.argv[1]))
    from benchmarks.peers import measuring

    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: task.threads])
    side = make(task)
    stages = {"build": build, "serve": measuring.serve, "write": measuring.write}
    report = stages[task.stage](side, task)
    report["versions"] = {name: importlib.metadata.version(name) for name in side.packages}
    task.report.write_text(json.dumps(report, indent=1), encoding="utf-8")
