"""Single queries of a collection while a tenth of it is replaced and deleted and it optimises.

Run as `python -m benchmarks.peers.mixed TASK.json`, with a store built by `benchmarks.peers.meari`
that may be spoilt.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.peers.meari import MeariSide, add, create, optimize
from benchmarks.peers.protocol import K, Task, make_labels
from indexing.types import SearchRequest
from service.server import SWITCH_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.peers.protocol import Ids, Raw, Vectors
    from indexing.local import LocalCollection

CHANGED = 0.1
"""Share of the rows that are replaced, and as many deleted, half of it during `optimize`."""
BATCH = 100
PAUSE_S = 0.05
QUIET_S = 10.0
COMPARED = 500
SETTING = {"recall": 0.98}


class Writer:
    """The changes: which rows go, which come again with which vectors.

    Attributes:
        replaced: int64, rows written again.
        deleted: int64, rows deleted.
        vectors: float32, of the replaced rows, in their order.
    """

    def __init__(self, side: MeariSide, vectors: Vectors) -> None:
        rows = len(vectors)
        count = int(CHANGED * rows)
        chosen = np.random.default_rng(23).permutation(rows)
        self.replaced: Ids = chosen[:count]
        self.deleted: Ids = chosen[count : 2 * count]
        others = np.asarray(vectors[np.sort(chosen[-count:])])
        moved = vectors[self.replaced] + 0.5 * others
        self.vectors: Vectors = moved / np.linalg.norm(moved, axis=1, keepdims=True)
        self._side = side
        self._labels = make_labels(rows)

    def write(self, first: int, last: int) -> None:
        """Changes `first` to `last`-1, in batches with pauses between them."""
        for start in range(first, last, BATCH):
            part = slice(start, min(start + BATCH, last))
            ids = self.replaced[part]
            self._side.upsert(ids, self.vectors[part], self._labels[ids])
            self._side.delete(self.deleted[part])
            time.sleep(PAUSE_S)


def main() -> None:
    """Ask through four phases, then compare with a collection built afresh."""
    task = Task.read(Path(sys.argv[1]))
    sys.setswitchinterval(SWITCH_SECONDS)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: task.threads])
    vectors, queries = task.load_vectors(), task.load_queries()
    side = MeariSide(task)
    side.open()
    writer = Writer(side, vectors)
    half, all_ = len(writer.replaced) // 2, len(writer.replaced)
    report: dict[str, Any] = {
        "quiet": ask(side, queries, [lambda: time.sleep(QUIET_S)]),
        "writes": ask(side, queries, [lambda: writer.write(0, half)]),
        "optimize": ask(
            side,
            queries,
            [lambda: writer.write(half, all_), lambda: optimize(side.collection, task)],
        ),
        "after": ask(side, queries, [lambda: time.sleep(QUIET_S)]),
        "replaced": all_,
        "deleted": len(writer.deleted),
    }
    fresh = build_fresh(task, vectors, writer)
    report |= compare(side.collection, fresh, queries[:COMPARED])
    fresh.close()
    side.close()
    task.report.write_text(json.dumps(report, indent=1), encoding="utf-8")


def ask(side: MeariSide, queries: Vectors, works: list[Callable[[], None]]) -> dict[str, Any]:
    """Ask one query after another until the works, each in a thread, are done."""
    errors: Counter[str] = Counter()

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            errors[f"{type(error).__name__}: {error}"] += 1

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for place in range(50):
        side.one(queries[place % len(queries)], SETTING, None)
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    times: list[float] = []
    while any(thread.is_alive() for thread in threads):
        query = queries[len(times) % len(queries)]
        wall = time.perf_counter()
        try:
            short = count_found(side, side.one(query, SETTING, None)) < K
        except Exception as error:
            errors[f"{type(error).__name__}: {error}"] += 1
        else:
            times.append(1e3 * (time.perf_counter() - wall))
            errors["fewer matches than asked for"] += short
    p50, p99 = np.percentile(times, [50, 99])
    return {
        "seconds": time.perf_counter() - started,
        "queries": len(times),
        "p50_ms": float(p50),
        "p99_ms": float(p99),
        "max_ms": max(times),
        "errors": {message: count for message, count in errors.items() if count},
    }


def count_found(side: MeariSide, raw: Raw) -> int:
    """How many matches an answer has."""
    return int(np.count_nonzero(side.ids(raw) >= 0))


def build_fresh(task: Task, vectors: Vectors, writer: Writer) -> LocalCollection:
    """A new, optimised collection of what the changed one should hold."""
    labels = make_labels(task.rows)
    gone = np.concatenate([writer.replaced, writer.deleted])
    kept = np.setdiff1d(np.arange(task.rows), gone)
    fresh = create(task.store / "fresh", vectors.shape[1])
    add(fresh, kept.tolist(), np.asarray(vectors[kept]), labels)
    add(fresh, writer.replaced.tolist(), writer.vectors, labels)
    optimize(fresh, task)
    return fresh


def compare(used: LocalCollection, fresh: LocalCollection, queries: Vectors) -> dict[str, Any]:
    """Whether both hold the same: their exact answers; and what their indexes find of them."""
    same, differences = 0, []
    found: dict[str, list[float]] = {"used": [], "fresh": []}
    for query in queries:
        truth = find(fresh, query, exact=True)
        again = find(used, query, exact=True)
        same += list(truth) == list(again)
        differences.append(max(abs(truth[i] - again.get(i, 9.0)) for i in truth))
        for name, collection in (("used", used), ("fresh", fresh)):
            walked = find(collection, query, exact=False)
            found[name].append(len(walked.keys() & truth.keys()) / len(truth))
    return {
        "compared": len(queries),
        "counts": [used.count(), fresh.count()],
        "same_exact_answers": same / len(queries),
        "most_score_difference": max(differences),
        "recall_used": float(np.mean(found["used"])),
        "recall_fresh": float(np.mean(found["fresh"])),
    }


def find(collection: LocalCollection, query: Vectors, *, exact: bool) -> dict[str, float]:
    """Scores by id, best first."""
    recall = None if exact else SETTING["recall"]
    request = SearchRequest(vector=query, limit=K, mode="dense", exact=exact, recall=recall)
    return {m.document.id: m.score for m in collection.search(request).matches}


if __name__ == "__main__":
    main()
