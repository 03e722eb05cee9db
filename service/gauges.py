"""What Prometheus is told as it stands at the moment it asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.metrics_core import GaugeMetricFamily

from service.access.caller import as_the_service
from service.collection_gauges import Reading, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client.metrics_core import Metric

    from service.engine import Engine


class Gauges:
    """What waits and works, what is left of memory and disk, and what each collection holds.

    Collections are told of once the service is up. One that is being dropped, or that cannot be
    opened, is left out: `/health` has the reason.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """The metrics of this moment; blocks."""
        engine = self._engine
        threads = engine.threads
        yield _by(
            "meari_requests_waiting",
            "Requests that wait for a thread",
            "threads",
            engine.waiting,
        )
        yield _by(
            "meari_threads_busy",
            "Threads at work",
            "threads",
            {kind: busy for kind, (busy, _) in threads.items()},
        )
        yield _by(
            "meari_threads",
            "Threads there are",
            "threads",
            {kind: number for kind, (_, number) in threads.items()},
        )
        yield _by("meari_jobs_unfinished", "Jobs by what they do", "state", engine.unfinished_jobs)
        yield _one(
            "meari_streams_open", "Answers that go on, as of jobs that run", len(engine.streams)
        )
        yield from self._resources()
        yield from told(self._read() if engine.readiness.phase in {"ready", "failed"} else [])

    def _resources(self) -> Iterator[Metric]:
        resources = self._engine.resources
        yield _one(
            "meari_memory_used_bytes",
            "Memory that is no file's, of this process and of its jobs",
            resources.memory_used,
        )
        yield _one(
            "meari_memory_held_bytes",
            "Memory counted on by requests that write or are large, until they are answered",
            resources.memory_held,
        )
        if resources.memory_allowed is not None:
            yield _one(
                "meari_memory_allowed_bytes",
                "Memory that may be used; what writes or is large is refused beyond",
                resources.memory_allowed,
            )
        size, free = resources.disk
        yield _one("meari_disk_size_bytes", "Size of the data folder's disk", size)
        yield _one("meari_disk_free_bytes", "Bytes of it that are free", free)
        yield _one("meari_disk_floor_bytes", "Bytes of it that stay free", resources.disk_floor)

    def _read(self) -> list[Reading]:
        with as_the_service():
            return self._engine.for_each(Reading.of, wait=False)


def _by(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    gauge = GaugeMetricFamily(name, meaning, labels=[label])
    for key, value in values.items():
        gauge.add_metric([key], value)
    return gauge


def _one(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)
