"""A folder of collections, owned by one process."""

from __future__ import annotations

import shutil
import threading
from collections import defaultdict
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from indexing.card import CARD_FILE, CollectionCard
from indexing.errors import (
    CollectionClosedError,
    CollectionExistsError,
    CollectionNotFoundError,
    InvalidRequestError,
    StorageFailedError,
    StorageFullError,
)
from indexing.exchange import JOURNAL, Exchange, finish_exchange
from indexing.files import reporting_full_disk, sync_folder, withdrawn
from indexing.local import LocalCollection
from indexing.lock import FolderLock
from indexing.room import Room
from indexing.types import Metric
from indexing.validation import check_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

    from embeddings.reranker import Reranker
    from embeddings.types import Encoder

_DROPPED = ".dropped-"
ASIDE = ".restoring-"
"""With a name behind it: where a collection is restored before it appears."""
_NAME_LOCKS = 64
_RERANKER = "\0reranker"
"""Its lock among those of the encoders, of which none has that name."""


class DataFolder:
    """Collections by name, and the encoders they share; safe to use from several threads.

    Use `open`, and `close` in the end (or `with`).
    """

    def __init__(
        self,
        path: Path,
        *,
        mode: Literal["read", "write"],
        lock: FolderLock,
        device: str | None,
        default_encoder: str | None,
        reranker: str | Path | None,
        maintain: bool = True,
        memory: int | None = None,
        sample_rate: float | None = None,
        disk_floor: int = 0,
    ) -> None:
        self.path = path
        self._mode = mode
        self._lock = lock
        self._device = device
        self._default_encoder = default_encoder
        self._reranker = None if reranker is None else Path(reranker).expanduser()
        self._maintain = maintain
        self._memory = memory
        self._sample_rate = sample_rate
        self._disk_floor = disk_floor
        self._loaded_reranker: Reranker | None = None
        self._collections: dict[str, LocalCollection] = {}
        self._encoders: dict[str, Encoder] = {}
        self._loading: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._guard = threading.RLock()
        self._names = [threading.Lock() for _ in range(_NAME_LOCKS)]
        self._closed = False
        self._cut_short: Exchange | None = None
        if mode == "write":
            for leftover in (*path.glob(f"{_DROPPED}*"), *path.glob(f"{ASIDE}*")):
                shutil.rmtree(leftover, ignore_errors=True)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        mode: Literal["read", "write"] = "write",
        owner: str = "meari",
        create: bool = True,
        device: str | None = None,
        default_encoder: str | None = None,
        reranker: str | Path | None = None,
        maintain: bool = True,
        memory: int | None = None,
        sample_rate: float | None = None,
        disk_floor: int = 0,
    ) -> Self:
        """The data folder at `path`.

        Args:
            path: the folder.
            mode: `read` shares it with other readers and changes nothing, `write` owns it.
            owner: who holds it, told to others who want it.
            create: make the folder if it is missing.
            device: where encoders compute; None takes a GPU where there is one.
            default_encoder: the encoder of new collections; None is `meari-ko-en`.
            reranker: folder of a reranker, for searches that ask to be reranked; it is loaded
                when first needed (see `reranker`).
            maintain: let collections compact and index in the background when it is due.
            memory: bytes that an index built from now on may keep in memory, where the collection
                has no bound of its own; None: no bound.
            sample_rate: share of the approximate answers that are checked exactly, 0 to 1; None is
                `indexing.sampling`'s.
            disk_floor: bytes of the disk that have to stay free; what would take them is refused.

        Raises:
            CollectionNotFoundError: no such folder, and `create` is False.
            InvalidRequestError: a file stands at the path, or in its way.
            FolderLockedError: another process owns it.
            DamagedError: an exchange of collections was cut short and cannot be finished here.
        """
        folder = Path(path).expanduser()
        _check_no_file(folder)
        if create and mode == "write":
            folder.mkdir(parents=True, exist_ok=True)
        if not folder.is_dir():
            message = f"no data folder {folder}; `meari index` makes one, --data names another"
            raise CollectionNotFoundError(message)
        lock = FolderLock(folder, mode, owner=owner)
        try:
            finish_exchange(folder, writable=mode == "write")
        except BaseException:
            lock.release()
            raise
        return cls(
            folder,
            mode=mode,
            lock=lock,
            device=device,
            default_encoder=default_encoder,
            reranker=reranker,
            maintain=maintain,
            memory=memory,
            sample_rate=sample_rate,
            disk_floor=disk_floor,
        )

    def close(self) -> None:
        """Close every collection and free the lock; a second call does nothing."""
        with self._guard:
            self._closed = True
            for collection in self._collections.values():
                collection.close()
            self._collections.clear()
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def names(self) -> list[str]:
        """Names of the collections, sorted; also of one that is between two places."""
        with suppress(StorageFullError, StorageFailedError):
            self._settle()
        found = {
            path.parent.name
            for path in self.path.glob(f"*/{CARD_FILE}")
            if not path.parent.name.startswith(".")
        }
        if (exchange := self._cut_short) is not None:
            found.add(exchange.name)
        return sorted(found)

    def collection(self, name: str) -> LocalCollection:
        """The collection of that name, opened when first asked for and kept.

        Raises:
            CollectionNotFoundError: there is none; the message lists those there are.
            DamagedError: its files cannot be read.
            StorageFullError, StorageFailedError: the disk keeps an exchange that it is part of from
                being finished.
        """
        name = check_name(name)
        with self._changing(name):
            opened = self._collections.get(name)
            if opened is not None:
                return opened
            self._settle_for(name)
            if name not in self.names():
                raise CollectionNotFoundError(self._missing(name))
            opened = LocalCollection.open(
                self.path / name,
                mode=self._mode,
                locked=True,
                load_encoder=self.encoder,
                load_reranker=self._reranker_loader(),
                maintain=self._maintain,
            )
            self._keep(name, opened)
            return opened

    def opened(self, name: str) -> LocalCollection | None:
        """The collection of that name if it is open; waits for nobody."""
        return self._collections.get(name)

    def create(
        self,
        name: str,
        *,
        encoder: str | None = None,
        metric: Metric = Metric.COSINE,
        analyzer: str = "auto",
    ) -> LocalCollection:
        """A new, empty collection.

        Args:
            name: letters, digits, `-`, `_` and `.`.
            encoder: its name; None is the folder's default.
            metric: how vectors are compared.
            analyzer: how words are found in text.

        Raises:
            CollectionExistsError: one of that name stands already.
            InvalidNameError: a name that cannot be a folder's.
            EncoderNotFoundError: no such encoder.
        """
        name = check_name(name)
        self._check_writable()
        self._settle()
        self._check_free(name)
        loaded = self.encoder(encoder)
        with self._changing(name):
            self._check_free(name)
            card = CollectionCard.new(name, loaded.card, metric, analyzer)
            with reporting_full_disk(self.path / name), _taking_back(self.path / name):
                collection = LocalCollection.create(
                    self.path / name,
                    card,
                    load_encoder=self.encoder,
                    load_reranker=self._reranker_loader(),
                    maintain=self._maintain,
                )
                sync_folder(self.path)
            self._keep(name, collection)
            return collection

    def adopt(self, aside: Path, name: str) -> None:
        """Let a whole collection in another folder of this disk be the one of that name.

        Raises:
            CollectionExistsError: one of that name stands already.
            InvalidNameError: a name that cannot be a folder's.
        """
        name = check_name(name)
        self._check_writable()
        self._settle()
        with self._changing(name):
            adopted(aside, self.path / name)

    def exchange(self, name: str, shadow: str, retired: str, last: Callable[[], object]) -> None:
        """Let one collection take the name of another, which keeps a third name.

        Both are closed; whoever holds one has to ask for it again.

        Args:
            name: of the one that gives its name up.
            shadow: of the one that takes it.
            retired: a free name.
            last: called while nobody can write to the first any more.

        Raises:
            CollectionNotFoundError: one of the two is not there.
            CollectionExistsError: the third is.
            StorageFullError: the disk is full; nothing happened.
            StorageFailedError: the disk failed; nothing happened, unless the message says so or
                the first refuses writes from now on: then it happens when the data folder is used
                or opened again.
        """
        self._check_writable()
        exchange = Exchange(check_name(name), check_name(shadow), check_name(retired))
        first, second = self.collection(name), self.collection(shadow)
        places = {hash(each) % len(self._names) for each in (name, shadow, retired)}
        with first.resting(), second.resting(), ExitStack() as held:
            for place in sorted(places):
                held.enter_context(self._names[place])
            self._check_free(retired)
            with first.storage.writing:
                last()
                before = first.storage.broken
                first.storage.broken = "another takes its place; open the data folder again"
                try:
                    exchange.commit(self.path)
                except BaseException:
                    if withdrawn(self.path / JOURNAL):
                        first.storage.broken = before
                    raise
                first.storage.broken = "another took its place; open the collection again"
            self._collections.pop(name, None)
            self._collections.pop(shadow, None)
            first.close()
            second.close()
            self._cut_short = exchange
            self._settle()

    def _settle(self) -> None:
        """Finish an exchange that the disk cut short, before anybody meets what is in between."""
        with self._guard:
            if self._cut_short is not None:
                self._cut_short.perform(self.path)
                self._cut_short = None

    def _settle_for(self, name: str) -> None:
        """The same, for a collection that may be part of it."""
        exchange = self._cut_short
        if exchange and name in {exchange.name, exchange.shadow, exchange.retired}:
            self._settle()

    def _changing(self, name: str) -> threading.Lock:
        """Held while the collection of that name is opened, made or dropped.

        Others go on meanwhile, except for the few that share its lock: with one for every name
        that was ever asked for, names of nothing would fill the memory.
        """
        return self._names[hash(name) % len(self._names)]

    def _keep(self, name: str, collection: LocalCollection) -> None:
        """Have a collection that was just opened.

        Raises:
            CollectionClosedError: the folder was closed meanwhile.
        """
        self._configure(collection)
        with self._guard:
            if not self._closed:
                self._collections[name] = collection
                return
        collection.close()
        message = f"{self.path} was closed while collection {name!r} was being opened"
        raise CollectionClosedError(message)

    def _configure(self, collection: LocalCollection) -> None:
        """Hand on what the folder was opened with."""
        storage = collection.storage
        storage.room = Room(storage.folder, self._disk_floor)
        if self._memory is not None and storage.sealer.wish.memory is None:
            storage.sealer.wish = replace(storage.sealer.wish, memory=self._memory)
        if self._sample_rate is not None:
            storage.sampler.one_in = round(1 / self._sample_rate) if self._sample_rate else 0

    def drop(self, name: str) -> None:
        """Remove a collection with all its documents.

        Raises:
            CollectionNotFoundError: there is none of that name.
            StorageFullError, StorageFailedError: the disk keeps an exchange that it is part of from
                being finished.
        """
        name = check_name(name)
        with self._changing(name):
            self._check_writable()
            self._settle_for(name)
            if name not in self.names():
                raise CollectionNotFoundError(self._missing(name))
            if opened := self._collections.pop(name, None):
                opened.close()
            dropped = self.path / f"{_DROPPED}{name}"
            shutil.rmtree(dropped, ignore_errors=True)
            with reporting_full_disk(self.path / name):
                (self.path / name).rename(dropped)
                sync_folder(self.path)
            shutil.rmtree(dropped, ignore_errors=True)  # what stays goes when the folder is opened

    def encoder(self, name: str | None = None) -> Encoder:
        """The encoder of that name (None: the default), loaded when first asked for and kept."""
        from embeddings.load import DEFAULT_ENCODER, load_encoder

        name = name or self._default_encoder or DEFAULT_ENCODER
        with self._guard:
            loading = self._loading[name]
        with loading:  # who wants another encoder, or none, does not wait for this one
            if name not in self._encoders:
                self._encoders[name] = load_encoder(name, device=self._device)
            return self._encoders[name]

    def loaded_encoder(self, name: str) -> Encoder | None:
        """The encoder of that name if it is loaded; waits for nobody."""
        return self._encoders.get(name)

    def reranker(self) -> Reranker | None:
        """The reranker, loaded when first asked for and kept; None if none is configured.

        Raises:
            EncoderNotFoundError: its folder holds no model.
            EncoderRefusedError: it asks for code or pickle, or is no reranker.
        """
        if self._reranker is None:
            return None
        with self._guard:
            loading = self._loading[_RERANKER]
        with loading:
            if self._loaded_reranker is None:
                from embeddings.reranker import load_reranker

                self._loaded_reranker = load_reranker(self._reranker, device=self._device)
            return self._loaded_reranker

    def _reranker_loader(self) -> Callable[[], Reranker | None] | None:
        return None if self._reranker is None else self.reranker

    def _check_writable(self) -> None:
        if self._mode != "write":
            message = f"{self.path} is open for reading alone"
            raise InvalidRequestError(message, "mode")

    def _check_free(self, name: str) -> None:
        if (self.path / name / CARD_FILE).exists():
            message = f"collection {name!r} exists already; drop it first, or use its name"
            raise CollectionExistsError(message)

    def _missing(self, name: str) -> str:
        there = ", ".join(self.names()) or "none"
        return f"no collection {name!r} (there: {there})"


def adopted(aside: Path, target: Path) -> None:
    """Have the folder under its new name, on disk.

    Raises:
        CollectionExistsError: there is something of that name.
    """
    with reporting_full_disk(target):
        try:
            aside.rename(target)
        except OSError as error:
            if target.exists():
                message = f"collection {target.name!r} was made meanwhile; choose another name"
                raise CollectionExistsError(message) from error
            raise
        sync_folder(target.parent)


@contextmanager
def _taking_back(folder: Path) -> Iterator[None]:
    """A collection that the block does not finish making goes again, its card first."""
    fresh = not folder.exists()
    try:
        yield
    except BaseException:
        with suppress(OSError):
            (folder / CARD_FILE).unlink(missing_ok=True)
            if fresh:
                shutil.rmtree(folder)
        raise


def _check_no_file(folder: Path) -> None:
    """Refuse a path at which, or above which, stands something that is no folder."""
    there = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    if there.exists() and not there.is_dir():
        message = f"data folder {folder} cannot be: {there} is a file; name a folder"
        raise InvalidRequestError(message, "data")
