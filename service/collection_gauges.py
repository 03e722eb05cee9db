"""What Prometheus is told of each collection as it stands."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from prometheus_client.metrics_core import Metric

    from indexing.local import LocalCollection

MOST = 100
"""Collections with series of their own: those with most documents. The others share one."""
OTHERS = "(others)"
"""What stands for them; no collection can be called so."""
_FIELDS = {
    "documents": "Documents that can be found",
    "rows": "Vectors on disk, those of deleted and replaced documents included",
    "tombstones": "Vectors of deleted and replaced documents",
    "indexed_rows": "Vectors in the sealed index",
    "tail": "Vectors behind the index, compared one by one in every search",
    "bytes": "Size of the folder",
    "recall": "Share of the true nearest neighbours the index finds, measured when it was built",
}
_SUMMED = ("documents", "rows", "tombstones", "indexed_rows", "tail", "bytes")


def told(readings: Sequence[Reading]) -> Iterator[Metric]:
    """The metrics of collections; of more than `MOST` the smallest as one."""
    readings = bounded(readings)
    for field, meaning in _FIELDS.items():
        gauge = GaugeMetricFamily(f"meari_collection_{field}", meaning, labels=["collection"])
        for reading in readings:
            gauge.add_metric([reading.name], reading.values[field])
        yield gauge
    yield from _samples(readings)


def bounded(readings: Sequence[Reading]) -> list[Reading]:
    """By name, and those beyond the largest in one behind them.

    Their sizes are summed, of their recalls the least is told.
    """
    ordered = sorted(readings, key=lambda each: (-each.values["documents"], each.name))
    kept, others = sorted(ordered[:MOST], key=lambda each: each.name), ordered[MOST:]
    if not others:
        return kept
    values = {field: sum(each.values[field] for each in others) for field in _SUMMED}
    values["recall"] = min(each.values["recall"] for each in others)
    sampled = [each.sampled for each in others if each.sampled is not None]
    samples = sum(each.samples for each in others)
    return [*kept, Reading(OTHERS, values, min(sampled, default=None), samples)]


@dataclass(frozen=True, slots=True)
class Reading:
    """One collection.

    Attributes:
        name: its name.
        values: by the fields of `_FIELDS`.
        sampled: share of the true neighbours found, over the latest live queries that were
            answered again; None if none was.
        samples: how many were.
    """

    name: str
    values: dict[str, float]
    sampled: float | None
    samples: int

    @classmethod
    def of(cls, collection: LocalCollection) -> Self:
        """Read without the database: `describe` counts all its rows, too much for every scrape."""
        snapshot = collection.storage.snapshot
        rows, sealed = len(snapshot.live), snapshot.sealed
        values = {
            "documents": snapshot.documents,
            "rows": rows,
            "tombstones": rows - snapshot.documents,
            "indexed_rows": 0 if sealed is None else sealed.rows,
            "tail": rows - (0 if sealed is None else sealed.rows),
            "bytes": _size(collection.folder),
            "recall": 1.0 if sealed is None else sealed.card.recall,
        }
        sampler = collection.storage.sampler
        return cls(collection.card.name, values, sampler.recall()[0], sampler.total)


def _samples(readings: Sequence[Reading]) -> Iterator[Metric]:
    """Recall of live queries; collections of which none was sampled have none."""
    recall = GaugeMetricFamily(
        "meari_recall_sampled",
        "Share of the true neighbours found, over the latest live queries answered again exactly",
        labels=["collection"],
    )
    total = CounterMetricFamily(
        "meari_recall_samples", "Live queries answered again exactly", labels=["collection"]
    )
    for reading in readings:
        total.add_metric([reading.name], reading.samples)
        if reading.sampled is not None:
            recall.add_metric([reading.name], reading.sampled)
    yield recall
    yield total


def _size(folder: Path) -> int:
    """Bytes of the files in the folder; those that vanish meanwhile count nothing."""
    size = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            size += path.stat().st_size
    return size
