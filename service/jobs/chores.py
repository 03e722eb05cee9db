"""Jobs that find nothing out about a collection, but keep it or bring it back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.jobs.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.jobs.worker import Worker


def back_up(worker: Worker, name: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Keep the collection of that name; the backup."""
    from indexing.backup.cut import Cut
    from indexing.backup.folder import BackupFolder
    from indexing.backup.making import keep
    from service.schemas.backups import BackupAnswer

    del request
    folder = BackupFolder.create(_folder(worker), beside=Path(worker.given["data"]))
    with worker.opening(name, Cut) as cut:
        manifest = keep(
            cut,
            folder,
            Pace(worker.tell),
            floor=worker.given["disk_floor"],
            permitted=worker.permit,
        )
    return BackupAnswer.of(manifest).model_dump(mode="json")


def restore(worker: Worker, name: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Bring a backup back under that name; the collection."""
    from indexing.backup.folder import BackupFolder
    from indexing.backup.restoring import restore as bring_back
    from service.schemas.backups import RestoredAnswer

    folder = BackupFolder(_folder(worker))
    restored = bring_back(
        folder,
        folder.manifest(request["backup"]),
        Path(worker.given["data"]),
        name,
        rebuild=request["rebuild"],
        adopt=worker.adopt,
        told=Pace(worker.tell),
        floor=worker.given["disk_floor"],
    )
    return RestoredAnswer.of(restored).model_dump(mode="json")


def drill(worker: Worker, name: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Try a backup of the collection of that name, which may be gone; the report."""
    from indexing.backup.drill import drill as try_out
    from indexing.backup.folder import BackupFolder
    from indexing.card import CARD_FILE
    from service.schemas.backups import DrillAnswer

    folder = BackupFolder(_folder(worker))
    manifest = folder.manifest(request["backup"])
    data = Path(worker.given["data"])
    live = worker.open(name, indexed=True) if (data / name / CARD_FILE).exists() else None
    report = try_out(
        folder,
        manifest,
        data,
        live,
        queries=request["queries"],
        seed=request["seed"],
        told=Pace(worker.tell),
        floor=worker.given["disk_floor"],
    )
    return DrillAnswer.of(report).model_dump(mode="json")


CHORES = {"backup": back_up, "restore": restore, "drill": drill}
"""By kind of job."""


def _folder(worker: Worker) -> Path:
    """Where backups are kept.

    Raises:
        NoBackupsError: nowhere, as where the job waited for a start without a folder.
    """
    from service.errors import NoBackupsError

    if worker.given["backups"] is None:
        raise NoBackupsError
    return Path(worker.given["backups"])
