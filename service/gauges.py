"""What Prometheus is told as it stands at the moment it asks."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

from service.access.caller import as_the_service

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from prometheus_client.metrics_core import Metric

    from indexing.local import LocalCollection
    from service.engine import Engine

_COLLECTION = {
    "documents": "Documents that can be found",
    "rows": "Vectors on disk, those of deleted and replaced documents included",
    "tombstones": "Vectors of deleted and replaced documents",
    "indexed_rows": "Vectors in the sealed index",
    "tail": "Vectors behind the index, compared one by one in every search",
    "bytes": "Size of the folder",
    "recall": "Share of the true nearest neighbours the index finds, measured when it was built",
}


class Gauges:
    """Requests that wait, and what each collection holds.

    Collections are told of once the service is up. One that is being dropped, or that cannot be
    opened, is left out: `/health` has the reason.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """The metrics of this moment; blocks."""
        waiting = GaugeMetricFamily(
            "meari_requests_waiting", "Requests that wait for a thread", labels=["threads"]
        )
        for threads, number in self._engine.waiting.items():
            waiting.add_metric([threads], number)
        yield waiting
        jobs = GaugeMetricFamily("meari_jobs_unfinished", "Jobs by what they do", labels=["state"])
        for state, number in self._engine.unfinished_jobs.items():
            jobs.add_metric([state], number)
        yield jobs
        readings = self._read() if self._engine.readiness.phase in {"ready", "failed"} else []
        for field, told in _COLLECTION.items():
            gauge = GaugeMetricFamily(f"meari_collection_{field}", told, labels=["collection"])
            for reading in readings:
                gauge.add_metric([reading.name], reading.values[field])
            yield gauge
        yield from _samples(readings)

    def _read(self) -> list[_Reading]:
        with as_the_service():
            return self._engine.for_each(_Reading.of, wait=False)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A collection's name and its numbers by the fields of `_COLLECTION`."""

    name: str
    values: dict[str, float]
    sampled: float | None
    samples: int

    @classmethod
    def of(cls, collection: LocalCollection) -> _Reading:
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


def _samples(readings: Sequence[_Reading]) -> Iterator[Metric]:
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
