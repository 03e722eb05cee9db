"""What Prometheus is told of backups: how old the newest of each collection is."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client.metrics_core import GaugeMetricFamily

from indexing.errors import IndexingError
from service.collection_gauges import MOST, OTHERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from indexing.backup.folder import BackupFolder
    from service.engine import Engine


class BackupGauges:
    """The newest backup of each collection there is; nothing where backups are kept nowhere.

    A manifest never changes, so each that can be read is read once.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._read: dict[str, tuple[str, float]] = {}

    def collect(self) -> Iterator[Metric]:
        """The metric of this moment; blocks."""
        engine = self._engine
        if engine.backups_path is None or engine.readiness.phase not in {"ready", "failed"}:
            return
        gauge = GaugeMetricFamily(
            "meari_backup_newest_timestamp_seconds",
            "Unix time of a collection's newest backup, 0 where there is none",
            labels=["collection"],
        )
        for name, newest in _bounded(self._newest()).items():
            gauge.add_metric([name], newest)
        yield gauge

    def _newest(self) -> dict[str, float]:
        """By collection, 0 for none."""
        found = dict.fromkeys(self._engine.folder.names(), 0.0)
        try:
            folder = self._engine.backups if self._engine.has_backups else None
        except IndexingError:  # the folder cannot be read: nobody can rely on what is in it
            folder = None
        for name, created in [] if folder is None else self._backups(folder):
            if name in found:
                found[name] = max(found[name], created)
        return found

    def _backups(self, folder: BackupFolder) -> list[tuple[str, float]]:
        """Collection and Unix time of each backup that can be read."""
        known = self._read  # of two that ask at once each makes its own
        found = {id_: known.get(id_) or _looked_up(folder, id_) for id_ in folder.ids()}
        self._read = {id_: backup for id_, backup in found.items() if backup is not None}
        return list(self._read.values())


def _looked_up(folder: BackupFolder, id_: str) -> tuple[str, float] | None:
    try:
        manifest = folder.manifest(id_)
    except IndexingError:  # gone meanwhile, or damaged
        return None
    return manifest.name, datetime.fromisoformat(manifest.created).timestamp()


def _bounded(newest: dict[str, float]) -> dict[str, float]:
    """Beyond so many collections those backed up last together, by the oldest of theirs."""
    if len(newest) <= MOST:
        return newest
    names = sorted(newest, key=lambda name: (newest[name], name))
    kept, others = names[:MOST], names[MOST:]
    return {name: newest[name] for name in kept} | {OTHERS: newest[others[0]]}
