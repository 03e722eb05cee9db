"""Measuring a side that has been built: memory, recall and speed, filters, writes."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.peers.protocol import BATCH, BOUNDS, K, make_labels, read_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.peers.protocol import Ids, Raw, Setting, Side, Task, Vectors

MOST_SINGLE = 1000
"""Queries asked one by one, at most, and asked under filters."""
FILTER_RECALL = 0.98
"""Filters are measured at the cheapest setting that reaches this without one."""
WRITTEN = 1000
WRITES = 3


def serve(side: Side, task: Task) -> dict[str, Any]:
    """Open the store and measure memory, recall, speed, and filters if asked for."""
    start = read_memory()
    wall = time.perf_counter()
    more = side.open() or {}
    report: dict[str, Any] = {"load_seconds": time.perf_counter() - wall, **more}
    memory = {"start": start, "loaded": read_memory()}
    queries = task.load_queries()
    first = side.settings[0]
    ask(side, queries[: affordable(side, task, queries, first, None)], first, None)
    memory["asked"] = read_memory()  # a side that opens anew for a setting may keep both
    curve = measure_recall(side, task, queries)
    memory["queried"] = read_memory()
    report |= {"memory": memory, "settings": curve, "durable": side.durable}
    if "filters" in task.parts and side.filters:
        report["filters"] = measure_filters(side, task, queries, choose(curve))
    side.close()
    return report


def write(side: Side, task: Task) -> dict[str, Any]:
    """Open the store and measure writes into it.

    Raises:
        ValueError: the task has no setting for the searches among the writes.
    """
    if task.setting is None:
        message = "a task of stage `write` needs a setting"
        raise ValueError(message)
    side.open()
    report = measure_writes(side, task, task.load_queries(), task.setting)
    side.close()
    return report


def choose(curve: Sequence[dict[str, Any]]) -> Setting:
    """The fastest setting that reaches `FILTER_RECALL`, or the one of the best recall."""
    good = [point for point in curve if point["recall"] >= FILTER_RECALL]
    if good:
        best = max(good, key=lambda point: point["qps"])
    else:
        best = max(curve, key=lambda point: point["recall"])
    setting: Setting = best["setting"]
    return setting


def measure_recall(side: Side, task: Task, queries: Vectors) -> list[dict[str, Any]]:
    """One point a setting; the settings take turns, so that a busy minute hits them all."""
    truth = task.load_truth()
    counts = [affordable(side, task, queries, setting, None) for setting in side.settings]
    points: list[dict[str, Any]] = [
        {"setting": setting, "queries": count, "qps_all": [], "cpu_ms_all": []}
        for setting, count in zip(side.settings, counts, strict=True)
    ]
    for _ in range(task.repeats):
        for point in points:
            if point["qps_all"] and point["queries"] < len(queries):
                continue  # as much as the time allows was asked at once
            asked = queries[: point["queries"]]
            ask(side, asked[:1], point["setting"], None)  # some must open anew for a setting
            wall, cpu = time.perf_counter(), time.process_time()
            raws = ask(side, asked, point["setting"], None)
            seconds, cpu = time.perf_counter() - wall, time.process_time() - cpu
            point["qps_all"].append(len(asked) / seconds)
            point["cpu_ms_all"].append(1e3 * cpu / len(asked))
            point["recall"] = recall(read(side, raws), truth[: len(asked)])
    for point in points:
        point["qps"] = statistics.median(point["qps_all"])
        point["cpu_ms"] = statistics.median(point["cpu_ms_all"])
        asked = queries[: min(point["queries"], MOST_SINGLE)]
        point.update(time_single(side, asked, point["setting"], None)[0])
    return points


def measure_filters(
    side: Side, task: Task, queries: Vectors, setting: Setting
) -> list[dict[str, Any]]:
    """Recall and time under each filter, one by one and in batches."""
    labels = make_labels(task.rows)
    points = []
    for below in BOUNDS:
        truth = task.load_truth(below)
        count = min(affordable(side, task, queries, setting, below), len(truth), MOST_SINGLE)
        asked = queries[:count]
        times, single = time_single(side, asked, setting, below)
        wall = time.perf_counter()
        raws = ask(side, asked, setting, below)
        seconds = time.perf_counter() - wall
        batch = read(side, raws)
        found = single[single >= 0]
        points.append(
            {
                "keeps": below / 1000,
                "setting": setting,
                "queries": count,
                "recall": recall(single, truth[:count]),
                **times,
                "wrong": int(np.count_nonzero(labels[found] >= below)),
                "batch_recall": recall(batch, truth[:count]),
                "batch_qps": count / seconds,
            }
        )
    return points


def measure_writes(side: Side, task: Task, queries: Vectors, setting: Setting) -> dict[str, Any]:
    """Seconds to replace and to delete `WRITTEN` rows, and whether searches see it at once.

    The new vectors are the queries themselves, so each must find its own row first.
    """
    chosen = np.random.default_rng(21).permutation(task.rows)
    written = min(WRITTEN, len(queries), task.rows // (2 * WRITES))
    labels = make_labels(task.rows)
    upserts, deletes, seen, gone = [], [], [], []
    for turn in range(WRITES):
        ids = np.sort(chosen[turn * written : (turn + 1) * written])
        vectors = queries[:written]
        probes = range(0, written, max(1, written // 50))
        wall = time.perf_counter()
        side.upsert(ids, vectors, labels[ids])
        upserts.append(time.perf_counter() - wall)
        seen += [ids[p] in side.ids(side.one(vectors[p], setting, None))[0] for p in probes]
        wall = time.perf_counter()
        side.delete(ids)
        deletes.append(time.perf_counter() - wall)
        gone += [ids[p] not in side.ids(side.one(vectors[p], setting, None))[0] for p in probes]
    return {
        "rows": written,
        "upsert_seconds": statistics.median(upserts),
        "delete_seconds": statistics.median(deletes),
        "upsert_seconds_all": upserts,
        "delete_seconds_all": deletes,
        "seen_at_once": sum(seen) / len(seen),
        "gone_at_once": sum(gone) / len(gone),
        "durable": side.durable,
    }


def affordable(
    side: Side, task: Task, queries: Vectors, setting: Setting, below: int | None
) -> int:
    """How many of the queries one measurement may ask in its time, by asking some."""
    ask(side, queries[:1], setting, below)  # the first may read files, or open anew
    count, spent, rate = 4, 0.0, 0.0
    while spent < 0.5 and count <= len(queries):  # until the timing is worth something
        wall = time.perf_counter()
        ask(side, queries[:count], setting, below)
        spent = time.perf_counter() - wall
        rate, count = count / spent, 4 * count
    return int(min(len(queries), max(20, rate * task.seconds)))


def ask(side: Side, queries: Vectors, setting: Setting, below: int | None) -> list[Raw]:
    """Raw answers, in batches of `BATCH` queries."""
    starts = range(0, len(queries), BATCH)
    return [side.many(queries[start : start + BATCH], setting, below) for start in starts]


def read(side: Side, raws: Sequence[Raw]) -> Ids:
    """int64 (n, K) of raw answers."""
    return np.concatenate([side.ids(raw) for raw in raws])


def time_single(
    side: Side, queries: Vectors, setting: Setting, below: int | None
) -> tuple[dict[str, float], Ids]:
    """Milliseconds of queries asked one by one, and the answers, int64 (n, K)."""
    times: list[float] = []
    raws: list[Raw] = []
    ask(side, queries[:1], setting, below)
    for query in queries:
        wall = time.perf_counter()
        raws.append(side.one(query, setting, below))
        times.append(1e3 * (time.perf_counter() - wall))
    p50, p99 = np.percentile(times, [50, 99])
    return {"p50_ms": float(p50), "p99_ms": float(p99), "single": len(times)}, read(side, raws)


def recall(found: Ids, truth: Ids) -> float:
    """Share of the true neighbours (those not -1) that were found."""
    hits = (truth[:, :, None] == found[:, None, :K]) & (truth[:, :, None] >= 0)
    return float(np.count_nonzero(hits.any(axis=2)) / np.count_nonzero(truth >= 0))
