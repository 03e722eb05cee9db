"""Where verbs find backups: in a folder, with the data folder beside it, or behind a server."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol, cast

from service.cli.errors import MisuseError
from service.cli.progress import Amount, metered
from service.cli.store import check_place, connect, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from indexing.backup.folder import BackupFolder
    from indexing.data_folder import DataFolder
    from service.client import Client, JsonObject
    from service.client.answers_structure import Job


class Backups(Protocol):
    """What keeps and brings back; every answer is the JSON object HTTP would give."""

    def list(self) -> JsonObject:
        """The backups there are."""

    def chosen(self, id: str | None, name: str | None) -> str:
        """The id, or that of the latest backup of the collection (None: of the only one)."""

    def back_up(self, name: str) -> JsonObject:
        """Keep a collection."""

    def restore(self, id: str, name: str, *, rebuild: bool = False) -> JsonObject:
        """Bring it back."""

    def drill(self, id: str, *, queries: int = 50, seed: int = 0) -> JsonObject:
        """Try it."""


class LocalBackups:
    """`Backups` in a folder.

    Args:
        backups: the folder.
        data: open; for writing, where something is restored. None: for listing alone.
        floor: bytes of a disk that have to stay free.
    """

    def __init__(self, backups: BackupFolder, data: DataFolder | None, floor: int = 0) -> None:
        self._backups = backups
        self._floor = floor
        self._data = data

    @property
    def _folder(self) -> DataFolder:
        if self._data is None:
            message = "these backups were opened without a data folder"
            raise TypeError(message)
        return self._data

    def list(self) -> JsonObject:
        """Read the manifests."""
        from service.schemas.backups import BackupAnswer, BackupsAnswer

        found, problems = self._backups.manifests()
        told = [BackupAnswer.of(manifest) for manifest in found]
        return BackupsAnswer(backups=told, unreadable=problems).model_dump(mode="json")

    def chosen(self, id: str | None, name: str | None) -> str:
        """Look it up."""
        return self._backups.latest(name).id if id is None else id

    def back_up(self, name: str) -> JsonObject:
        """Write it."""
        from indexing.backup.making import back_up
        from service.schemas.backups import BackupAnswer

        with told(f"backup of {name}") as tell:
            manifest = back_up(
                self._folder.collection(name), self._backups, tell, floor=self._floor
            )
        return BackupAnswer.of(manifest).model_dump(mode="json")

    def restore(self, id: str, name: str, *, rebuild: bool = False) -> JsonObject:
        """Read it."""
        from indexing.backup.restoring import restore
        from service.schemas.backups import RestoredAnswer

        manifest = self._backups.manifest(id)
        with told(f"restoring {name}") as tell:
            restored = restore(
                self._backups,
                manifest,
                self._folder.path,
                name,
                rebuild=rebuild,
                adopt=self._folder.adopt,
                told=tell,
                floor=self._floor,
            )
        return RestoredAnswer.of(restored).model_dump(mode="json")

    def drill(self, id: str, *, queries: int = 50, seed: int = 0) -> JsonObject:
        """Try it beside the data folder's collections."""
        from indexing.backup.drill import drill
        from service.schemas.backups import DrillAnswer, DrillBody

        asked = DrillBody(queries=queries, seed=seed)
        manifest = self._backups.manifest(id)
        data = self._folder
        is_there = manifest.name in data.names()
        live = data.collection(manifest.name) if is_there else None
        with told(f"drill of {manifest.name}") as tell:
            report = drill(
                self._backups,
                manifest,
                data.path,
                live,
                queries=asked.queries,
                seed=asked.seed,
                told=tell,
                floor=self._floor,
            )
        return DrillAnswer.of(report).model_dump(mode="json")


class RemoteBackups:
    """`Backups` of a server, made and brought back by its jobs.

    Args:
        client: of it.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self) -> JsonObject:
        """Ask for them."""
        return cast("JsonObject", self._client.backups())

    def chosen(self, id: str | None, name: str | None) -> str:
        """Look through the list."""
        from indexing.backup.folder import latest_of

        if id is not None:
            return id
        there = self._client.backups()["backups"]
        pairs = [(each["collection"], each["id"]) for each in there]
        return latest_of(pairs, name, "the server's folder")

    def back_up(self, name: str) -> JsonObject:
        """Hand in a job and wait for it."""
        return waited(self._client, self._client.back_up(name))

    def restore(self, id: str, name: str, *, rebuild: bool = False) -> JsonObject:
        """Hand in a job and wait for it."""
        return waited(self._client, self._client.restore_backup(id, name, rebuild=rebuild))

    def drill(self, id: str, *, queries: int = 50, seed: int = 0) -> JsonObject:
        """Hand in a job and wait for it."""
        return waited(self._client, self._client.drill_backup(id, queries=queries, seed=seed))


def waited(client: Client, job: Job) -> JsonObject:
    """What came of a server's job; Ctrl-C calls it off."""
    with told(f"{job['kind']} of {job['collection']}") as tell:

        def follow(now: Job) -> None:
            progress = now["progress"]
            tell(progress["stage"] or "waiting", progress["done"], progress["total"])

        try:
            return client.wait(job, progress=follow)["result"] or {}
        except KeyboardInterrupt:
            client.cancel_job(job["id"])
            raise


@contextmanager
def opened_backups(
    folder: Path | None,
    data: Path | None,
    url: str | None,
    *,
    mode: Literal["read", "write"] = "read",
    creates: bool = False,
    reads_data: bool = True,
) -> Iterator[Backups]:
    """Backups in a folder, or those of a server; given back when the block ends.

    Args:
        folder: of the backups; None takes the environment's.
        data: data folder; None takes the environment's or `./meari-data`.
        url: a server, which has a folder of its own.
        mode: how the data folder is opened.
        creates: make the folder if it is missing.
        reads_data: False looks at backups alone.

    Raises:
        MisuseError: a folder together with a server, or none at all.
    """
    check_place(data, url)
    if url is not None:
        if folder is not None:
            message = f"a server keeps backups where it was told to; leave {folder} or --url out"
            raise MisuseError(message)
        with connect(url) as client:
            yield RemoteBackups(client)
        return
    if not reads_data:
        yield LocalBackups(backups_folder(folder), None)
        return
    from indexing.data_folder import DataFolder

    chosen = settings(data=data)
    with DataFolder.open(
        chosen.data,
        mode=mode,
        create=mode == "write",
        device=chosen.device,
        maintain=False,
        sample_rate=0.0,
    ) as opened:
        place = backups_folder(folder, creates=creates, beside=opened.path)
        yield LocalBackups(place, opened, chosen.disk_floor)


def backups_folder(
    folder: Path | None, *, creates: bool = False, beside: Path | None = None
) -> BackupFolder:
    """The folder of backups that was named, or the environment's.

    Raises:
        MisuseError: neither is there.
        BackupNotFoundError: it holds no backups, and is not to be made.
        InvalidRequestError: it holds other things, or is inside the data folder `beside`.
    """
    from indexing.backup.folder import BackupFolder

    chosen = folder or settings().backups
    if chosen is None:
        message = "no folder for backups; name one, or set MEARI_BACKUPS"
        raise MisuseError(message)
    path = chosen.expanduser()
    return BackupFolder.create(path, beside=beside) if creates else BackupFolder(path)


@contextmanager
def told(what: str) -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each stage on a terminal, a line every few seconds elsewhere."""
    with metered(what) as tell:

        def take_note(stage: str, done: int, total: int) -> None:
            tell(Amount(done, total or None, stage=stage))

        yield take_note
