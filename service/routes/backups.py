"""Keeping collections in the folder for backups, and bringing them back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Path

from indexing.errors import BackupNotFoundError, CollectionExistsError, DamagedError
from indexing.validation import check_name
from service.access.caller import CALLER
from service.routes.access import CollectionName, JsonAnswer, ReadyEngine, refusals, router
from service.routes.submitting import handed_in
from service.schemas.backups import BackupAnswer, BackupsAnswer, DrillBody, RestoreBody
from service.schemas.jobs import JobAnswer

if TYPE_CHECKING:
    from indexing.backup.manifest import Manifest
    from service.engine import Engine

routes = router("backups")

BackupId = Annotated[
    str, Path(description="The backup's id.", examples=["20261130T063150123456Z-f68c"])
]


@routes.get("/v1/backups", summary="List backups", responses=refusals(404, 409))
async def list_backups(engine: ReadyEngine) -> BackupsAnswer:
    """Those in the server's folder for backups, oldest first."""

    def work() -> BackupsAnswer:
        found, problems = engine.backups.manifests() if engine.has_backups else ([], {})
        sees = CALLER.get().sees
        told = {id_: engine.without_folder(problem) for id_, problem in problems.items()}
        return BackupsAnswer(
            backups=[BackupAnswer.of(each) for each in found if sees(each.name)],
            unreadable=told if CALLER.get().collections is None else {},
        )

    return await engine.read(work)


@routes.post(
    "/v1/collections/{collection}/backups",
    summary="Back a collection up",
    status_code=202,
    response_model=JobAnswer,
    responses=refusals(400, 404, 409, 507),
)
async def back_up_collection(collection: CollectionName, engine: ReadyEngine) -> JsonAnswer:
    """A job that keeps it as it is when the job begins; what is kept already is not written again.

    Its result is the backup. Searches and writes go on.
    """

    def work() -> JsonAnswer:
        engine.check_backups()
        with engine.using(collection):
            return handed_in(engine, "backup", collection, {})

    return await engine.write(work)


@routes.post(
    "/v1/backups/{backup}/restore",
    summary="Restore a backup",
    status_code=202,
    response_model=JobAnswer,
    responses=refusals(400, 404, 409, 415, 507),
)
async def restore_backup(backup: BackupId, body: RestoreBody, engine: ReadyEngine) -> JsonAnswer:
    """A job that makes it a collection of a name that is free, once every byte was checked."""

    def work() -> JsonAnswer:
        name = check_name(body.name)
        CALLER.get().check_collection(name)
        manifest = _seen(engine, backup)
        if name in engine.folder.names():
            message = f"collection {name!r} exists already; restore under another name, or drop it"
            raise CollectionExistsError(message)
        request = {"backup": backup, "collection": manifest.name, "rebuild": body.rebuild}
        return handed_in(engine, "restore", name, request)

    return await engine.write(work)


@routes.post(
    "/v1/backups/{backup}/drill",
    summary="Try a backup",
    status_code=202,
    response_model=JobAnswer,
    responses=refusals(400, 404, 409, 415, 507),
)
async def drill_backup(
    backup: BackupId, engine: ReadyEngine, body: DrillBody | None = None
) -> JsonAnswer:
    """A job that restores it aside, holds it against the collection, and removes it again.

    Its result is the report; `ok` says whether the backup can be relied on.
    """

    def work() -> JsonAnswer:
        manifest = _seen(engine, backup)
        asked = body or DrillBody()
        request = {"backup": backup, "queries": asked.queries, "seed": asked.seed}
        return handed_in(engine, "drill", manifest.name, request)

    return await engine.write(work)


def _seen(engine: Engine, id_: str) -> Manifest:
    """The backup of that id, if whoever asks may see its collection.

    Raises:
        BackupNotFoundError: there is none, or none it may see: a key that is bound to some
            collections is told the same of both.
    """
    caller = CALLER.get()
    try:
        manifest = engine.backups.manifest(id_)
        if caller.sees(manifest.name):
            return manifest
    except (BackupNotFoundError, DamagedError):  # which name other backups
        if caller.collections is None:
            raise
    message = f"no backup {id_[:80]!r}; GET /v1/backups lists those there are"
    raise BackupNotFoundError(message)
