"""Measuring what an index finds at which cost, with and without filters."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from indexing.index import Effort
from indexing.index.exact import nearest, nearest_among
from indexing.row_mask import RowMask
from indexing.tuning import FILTERED_RECALL, MEASURED_AT, FilteredPoint, Point, Tuning, aim

if TYPE_CHECKING:
    from collections.abc import Callable

    from embeddings.types import Vectors
    from indexing.index import VectorIndex
    from indexing.types import Hits, Ids, Metric, Scores

_FILTERED_AIM = 1 - (1 - FILTERED_RECALL) / 5
"""Few queries are measured with, and questions find less."""
_SHARES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
"""Shares of rows that filters keep, at which filtered searches are measured."""
_QUERIES = 384
_ENOUGH_ASKED = 100
"""Questions that were asked are measured with alone if there are so many."""
_FILTERED_QUERIES = 96
_SINGLE_QUERIES = 16
_TARGETS = (0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)
_MOST_STEPS = 4
_LONG = 0.2
"""Seconds; what takes less is done twice and the less of two times counts."""
_GAIN = 0.002
"""Recall that twice the reach must add to be worth trying on."""
_ENOUGH = 0.999
_SEED = 20_261
_TIE = 1e-6


def held_back(live: Ids) -> Ids:
    """int64, ascending: rows to ask with, which are put into the index after measuring it."""
    generator = np.random.default_rng(_SEED)
    size = min(_QUERIES, len(live) // 10)
    return np.sort(generator.choice(live, size=size, replace=False))


def tune(
    index: VectorIndex,
    vectors: Vectors,
    rows: Ids,
    queries: Vectors,
    metric: Metric,
    *,
    asked: Vectors | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Tuning:
    """Measure recall@10 and time over efforts, with and without filters.

    Args:
        index: over `rows` of the vectors.
        vectors: float32 (n, dim), `comparable` under the metric.
        rows: int64, ascending, the rows in the index.
        queries: float32 (m, dim), `comparable`, none of them among the rows.
        metric: how vectors are compared.
        asked: float32 (m, dim), `comparable`: questions that were asked; a hundred of them are
            better to measure with.
        stop: asked now and then; True ends the measuring with what there is.
    """
    started = time.perf_counter()
    by_questions = asked is not None and len(asked) >= _ENOUGH_ASKED
    if asked is not None and by_questions:
        queries = asked
    efforts = index.efforts(MEASURED_AT)
    if len(rows) <= MEASURED_AT or not len(queries) or not efforts:
        return Tuning(())
    inside = RowMask.of_rows(rows, len(vectors))
    least = _kth_best(vectors, queries, metric, inside)
    reaches = sorted({effort.reach for effort in efforts})
    points: list[Point] = []
    best = 0.0
    for reach in reaches:
        if stop():
            break
        tried = [effort for effort in efforts if effort.reach == reach]
        found = _measured(index, queries, least, tried)
        points += found
        reached = max(point.recall for point in found)
        if reached >= _ENOUGH or (reached > 0.95 and reached - best < _GAIN):
            break
        best = max(best, reached)
    for target in _TARGETS:
        if not stop():
            wanted = aim(target, asked=by_questions)
            points += _landed(index, queries, least, _frontier(points), wanted)
    curve = _frontier(points)
    row_time = _row_microseconds(vectors, rows, queries, metric)
    filtered = _filtered(index, vectors, inside, queries, metric, curve, stop)
    seconds = round(time.perf_counter() - started, 3)
    return Tuning(curve, filtered, round(row_time, 4), len(queries), by_questions, seconds)


def _landed(
    index: VectorIndex, queries: Vectors, least: Scores, curve: tuple[Point, ...], wanted: float
) -> list[Point]:
    """Points ever closer to the first that reaches the recall wanted."""
    above = next((point for point in curve if point.recall >= wanted), None)
    if above is None:
        return []
    below = max((p.effort.reach for p in curve if p.recall < wanted), default=0)
    low, high = min(below, above.effort.reach), above.effort.reach
    points: list[Point] = []
    while high - low > max(1, high // 16) and len(points) < _MOST_STEPS:
        middle = (low + high) // 2
        points.append(_point(index, queries, least, Effort(middle, above.effort.candidates)))
        low, high = (low, middle) if points[-1].recall >= wanted else (middle, high)
    return points


def _point(index: VectorIndex, queries: Vectors, least: Scores, effort: Effort) -> Point:
    """What an effort finds, and the time it takes."""
    hits, spent = _timed(index, queries, effort)
    if spent < _LONG:
        spent = min(spent, _timed(index, queries, effort)[1])
    return Point(effort, _recall(hits.scores, least), round(1e6 * spent / len(queries), 2))


def _timed(index: VectorIndex, queries: Vectors, effort: Effort) -> tuple[Hits, float]:
    """What is found, and in how many seconds."""
    started = time.perf_counter()
    hits = index.search(queries, MEASURED_AT, effort=effort)
    return hits, time.perf_counter() - started


def _measured(
    index: VectorIndex, queries: Vectors, least: Scores, efforts: list[Effort]
) -> list[Point]:
    """Points of efforts of one reach, from few candidates to many, until more change nothing."""
    points: list[Point] = []
    for effort in efforts:
        points.append(_point(index, queries, least, effort))
        if len(points) > 1 and points[-1].recall - points[-2].recall < _GAIN / 2:
            break
    return points


def _frontier(points: list[Point]) -> tuple[Point, ...]:
    """Points none of which is beaten in both recall and time, by rising recall.

    Times are first smoothed over efforts, so that a moment in which the machine had other things
    to do drops no point and raises none.
    """
    kept: list[Point] = []
    for point in sorted(_smoothed(points), key=lambda point: (point.microseconds, -point.recall)):
        if not kept or point.recall > kept[-1].recall:
            kept.append(point)
    return tuple(kept)


def _smoothed(points: list[Point]) -> list[Point]:
    """The points with times that grow linearly in reach and candidates, by least squares."""
    if not points:
        return []
    efforts = np.array([[1, p.effort.reach, p.effort.candidates] for p in points], dtype=float)
    times = np.array([point.microseconds for point in points])
    weights = 1 / np.maximum(times, 1e-9)  # relative errors count: small times matter as large do
    factors = np.linalg.lstsq(efforts * weights[:, None], times * weights, rcond=None)[0]
    smooth = efforts @ np.maximum(factors, 0.0)
    return [
        replace(point, microseconds=round(float(time_), 2))
        for point, time_ in zip(points, smooth, strict=True)
    ]


def _filtered(
    index: VectorIndex,
    vectors: Vectors,
    inside: RowMask,
    queries: Vectors,
    metric: Metric,
    curve: tuple[Point, ...],
    stop: Callable[[], bool],
) -> tuple[FilteredPoint, ...]:
    """By falling share the least effort that reaches `FILTERED_RECALL` under random filters."""
    generator = np.random.default_rng(_SEED)
    some = queries[:_FILTERED_QUERIES]
    draw = generator.random(len(inside))
    efforts = index.efforts(MEASURED_AT)
    deep = sorted({effort.candidates for effort in efforts})[-2:]
    least_reach = max((point.effort.reach for point in curve), default=0)
    wider = {e for e in efforts if e.reach >= least_reach and e.candidates in deep}
    ladder = sorted({point.effort for point in curve} | wider)
    found: list[FilteredPoint] = []
    for share in _SHARES:
        mask = RowMask((draw < share) & inside.allowed)
        if stop() or mask.count <= MEASURED_AT:
            break
        least = _kth_best(vectors, some, metric, mask)
        while ladder:
            hits = index.search(some, MEASURED_AT, allowed=mask, effort=ladder[0])
            recall = _recall(hits.scores, least)
            if recall >= _FILTERED_AIM or len(ladder) == 1:
                break
            ladder = ladder[1:]
        spent = _alone(index, some, mask, ladder[0])
        found.append(FilteredPoint(share, ladder[0], recall, round(spent, 1)))
    return tuple(found)


def _alone(index: VectorIndex, queries: Vectors, mask: RowMask, effort: Effort) -> float:
    """Microseconds of a query asked alone, the median."""
    spent = []
    for place in range(min(_SINGLE_QUERIES, len(queries))):
        started = time.perf_counter()
        index.search(queries[place : place + 1], MEASURED_AT, allowed=mask, effort=effort)
        spent.append(time.perf_counter() - started)
    return 1e6 * float(np.median(spent))


def _row_microseconds(vectors: Vectors, rows: Ids, queries: Vectors, metric: Metric) -> float:
    """Time to compare one of some thousand rows that lie apart and in no cache, the median."""
    asked = queries[:_SINGLE_QUERIES]
    step = max(1, len(rows) // 4000)
    spent = []
    for place in range(len(asked)):
        some = np.ascontiguousarray(rows[place % step :: step])
        started = time.perf_counter()
        nearest_among(vectors, asked[place : place + 1], some, MEASURED_AT, metric)
        spent.append((time.perf_counter() - started) / len(some))
    return 1e6 * float(np.median(spent))


def _kth_best(vectors: Vectors, queries: Vectors, metric: Metric, mask: RowMask) -> Scores:
    """float32 (n, 1): the least score that counts as one of the 10 nearest."""
    everything = mask.count == len(mask)
    allowed = None if everything else mask.allowed
    k = min(MEASURED_AT, mask.count)
    hits = nearest(vectors[: len(mask)], queries, k, metric, allowed=allowed)
    least: Scores = hits.scores[:, -1:]
    return least


def _recall(scores: Scores, least: Scores) -> float:
    """Share of hits that are as good as the true ones; a tie with the last of them counts."""
    good = scores >= least - _TIE * np.maximum(1, np.abs(least))
    return round(float(good.mean()), 5)
