"""The data folder, the threads that work on it, and whether they are ready."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, ParamSpec, TypeVar

from embeddings.errors import AnalyzerError, EncoderRefusedError
from embeddings.load import choose_computing
from indexing.backup.folder import MARKER, BackupFolder
from indexing.data_folder import DataFolder
from indexing.errors import (
    CollectionClosedError,
    CollectionNotFoundError,
    DamagedError,
    IndexingError,
)
from indexing.index.threads import limit_processors
from indexing.validation import check_name
from service.access.caller import CALLER
from service.analyses.kept import Shelf
from service.batching import Batcher
from service.classifiers import Classifiers
from service.encoders import encoder_named
from service.errors import NoBackupsError, NotReadyError
from service.jobs.opening import open_jobs
from service.leases import Leases, TakenError
from service.metrics import Metrics
from service.models import FOLDER as MODELS
from service.queries import encode_queries
from service.resources import Resources, allowed_memory
from service.searches import Searches
from service.streams import Streams
from service.threads import Threads
from service.warming import warm
from service.word_models import WordModels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from embeddings.types import Encoder, EncoderCard, Encoding, Role
    from indexing.card import CollectionCard
    from indexing.local import LocalCollection
    from indexing.types import Metric, SearchRequest, SearchResult
    from service.jobs.desk import Jobs
    from service.settings import Settings

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
_MOST_STREAMS = 100
Phase = Literal["starting", "ready", "failed", "stopping"]


@dataclass(frozen=True, slots=True)
class Readiness:
    """Where the service stands.

    Attributes:
        phase: `starting` until encoder and collections are loaded; `failed` if the encoder
            cannot be.
        reason: a sentence; empty when ready.
    """

    phase: Phase
    reason: str = ""


def open_folder(settings: Settings) -> DataFolder:
    """The data folder of the settings, owned; its lock tells others where the service is.

    Raises:
        FolderLockedError: another process owns it.
    """
    return DataFolder.open(
        settings.data,
        owner=f"meari serve at {settings.url}",
        device=settings.device,
        default_encoder=settings.encoder,
        reranker=settings.reranker,
        memory=settings.memory,
        sample_rate=settings.sample_rate,
        disk_floor=settings.disk_floor,
    )


class Engine:
    """Runs what blocks (encoding, searching, the disk) in threads of its own.

    Reads and writes have separate threads, so that slow writes never keep searches waiting, and
    whoever watches the service has one that neither can fill.
    `start` and `stop` bracket every other call.

    Args:
        settings: the installation's choices.
        folder: the data folder, if it is open already.

    Attributes:
        started: Unix time at which this was made.
        readiness: where it stands.
        metrics: what was counted.
        problems: why collections cannot be opened, by name; they keep no others from answering.
        words: the word vectors in the data folder.
        classifiers: those in the data folder.
        streams: answers that go on.
        resources: what is left of memory and disk.
        job_processes: numbers of the processes that do jobs now.
        shelf: what was found about collections and is being looked at.
    """

    def __init__(self, settings: Settings, folder: DataFolder | None = None) -> None:
        self.settings = settings
        self.started = int(time.time())
        self.readiness = Readiness("starting", "the data folder is being opened")
        self.metrics = Metrics()
        self.problems: Mapping[str, str] = {}
        self.streams = Streams(_MOST_STREAMS)
        self.job_processes: set[int] = set()
        self.resources = Resources(
            settings.data.expanduser().absolute(),
            memory=allowed_memory(settings.process_memory),
            disk=settings.disk_floor,
            processes=lambda: self.job_processes,
        )
        self.shelf = Shelf()
        models = settings.data.expanduser() / MODELS
        self.words = WordModels(models)
        self.classifiers = Classifiers(models, device=settings.device, shared=self._encoder)
        self._searchers = Threads("search", settings.searches_at_once, settings.max_waiting)
        self._readers = Threads("read", settings.read_threads, settings.max_waiting)
        self._writers = Threads("write", settings.write_threads, settings.max_waiting)
        self._watchers = Threads("watch", 1, settings.max_waiting)
        self._batcher = Batcher(
            tokens=settings.batch_tokens,
            wait=settings.batch_wait_ms / 1000,
            most_waiting=settings.max_waiting,
            threads=settings.encode_threads,
            cached=settings.query_cache,
            metrics=self.metrics,
        )
        self._leases = Leases()
        self._searches = Searches(
            self._searchers,
            at_once=max(1, settings.searches_at_once // 2),  # queries are encoded by all processors
            encode=partial(encode_queries, self),
            using=self.using,
            metrics=self.metrics,
        )
        self._folder = folder
        self._jobs: Jobs | None = None
        self._warming: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Own the data folder; encoder and collections are loaded behind it, in a thread.

        Raises:
            FolderLockedError: another process owns it.
        """
        choose_computing(self.settings.computing)
        limit_processors(self.settings.threads)
        if self._folder is None:
            self._folder = await self.write(open_folder, self.settings)
        self._jobs = await self.write(open_jobs, self, self._folder)
        self.readiness = Readiness("starting", f"encoder {self.settings.encoder!r} is being loaded")
        self._warming = asyncio.create_task(self.write(self._warm))

    def begin_stopping(self) -> None:
        """Refuse new work from now on; what was begun goes on, but for streams."""
        self.readiness = Readiness("stopping", "the service is stopping")
        self.streams.end()

    async def stop(self) -> None:
        """Wait for what is running, then close the collections and free the folder."""
        self.begin_stopping()
        if self._warming is not None:
            await asyncio.wait([self._warming])
        if self._jobs is not None:
            await asyncio.to_thread(self._jobs.stop)
        self._batcher.close()
        self._searches.close()
        await asyncio.to_thread(self._close)

    def _warm(self) -> None:
        """Load what the first request would otherwise wait for; readiness follows."""

        def tell(problem: str | None) -> None:
            if self.readiness.phase == "starting":
                self.readiness = Readiness("failed", problem) if problem else Readiness("ready")

        warm(self, tell)

    def _close(self) -> None:
        self._batcher.shut_down()
        for threads in (self._searchers, self._readers, self._writers, self._watchers):
            threads.shut_down()
        if self._folder is not None:
            self._folder.close()

    def check_ready(self) -> None:
        """Refuse work while loading or stopping; a failed encoder stops only what needs it.

        Raises:
            NotReadyError: with the reason.
        """
        if self.readiness.phase in {"starting", "stopping"}:
            message = f"not ready: {self.readiness.reason}; try again in a moment"
            raise NotReadyError(message)

    async def search(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of the call, made in a thread for searches.

        Raises:
            BusyError: too many searches wait already.
        """
        self._searchers.check(self._searches.waiting)
        return await self._searchers.run(function, *args, **kwargs)

    async def answer(
        self,
        collection: str,
        request: SearchRequest,
        write: Callable[[LocalCollection, SearchResult], T],
    ) -> T:
        """What `write` makes of the answer to a search, in a thread, together with others.

        Args:
            collection: its name; that the caller may see it was checked.
            request: what is asked, light.
            write: makes something of the answer, while nobody drops the collection.

        Raises:
            CollectionNotFoundError: there is none.
            BusyError: too many searches wait already.
        """
        return await self._searches.ask(collection, request, write)

    async def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a call that changes nothing, made in a thread.

        Raises:
            BusyError: too many calls wait already.
        """
        return await self._readers.run(function, *args, **kwargs)

    async def write(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a call that changes the data folder, made in a thread.

        Raises:
            BusyError: too many calls wait already.
        """
        return await self._writers.run(function, *args, **kwargs)

    async def watch(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a quick call that looks at the service, made in a thread.

        Raises:
            BusyError: too many calls wait already.
        """
        return await self._watchers.run(function, *args, **kwargs)

    async def encode(
        self, name: str | None, texts: Sequence[str], role: Role
    ) -> tuple[Encoder, Encoding]:
        """The texts' vectors, and the encoder in use here that made them; tokens are counted.

        Args:
            name: of the encoder; None for the service's own.
            texts: one or more.
            role: which of the encoder's prompts goes in front.

        Raises:
            ModelNotFoundError: nothing here uses an encoder of that name.
            EmbeddingError: the encoder cannot be loaded, or refuses a text.
            BusyError: too many requests wait already.
        """
        own = self.settings.encoder
        encoder = self.folder.loaded_encoder(own) if name in {None, own} else None
        if encoder is None:
            encoder = await self.read(encoder_named, self, name)
        encoding = await self._batcher.encode(encoder, texts, role)
        self.metrics.count_tokens(int(encoding.tokens.sum()))
        return encoder, encoding

    async def encode_queries(self, card: EncoderCard, texts: Sequence[str]) -> Encoding:
        """Vectors of texts to search with by the encoder of a collection; tokens are not counted.

        Raises:
            EmbeddingError: the encoder cannot be loaded or is another one, or refuses a text.
            BusyError: too many requests wait already.
        """
        encoder = self.folder.loaded_encoder(card.name)
        if encoder is None:
            encoder = await self.read(self.folder.encoder, card.name)
        if encoder.card.fingerprint != card.fingerprint:
            message = f"encoder {card.name!r} is another one than the collection was made with"
            raise EncoderRefusedError(message)
        return await self._batcher.encode(encoder, texts, "query")

    async def card(self, collection: str) -> CollectionCard:
        """What a collection is, without waiting where it is open.

        Raises:
            CollectionNotFoundError: there is none.
            DamagedError: it cannot be read.
            BusyError: too many requests wait already.
        """
        CALLER.get().check_collection(collection)
        opened = self.folder.opened(collection)
        return await self.read(self._card, collection) if opened is None else opened.card

    @property
    def waiting(self) -> dict[str, int]:
        """How many calls wait for the threads of each kind."""
        return {
            "search": self._searchers.waiting + self._searches.waiting,
            "read": self._readers.waiting,
            "write": self._writers.waiting,
            "encode": self._batcher.waiting,
        }

    @property
    def threads(self) -> dict[str, tuple[int, int]]:
        """How many threads of each kind are at work, and how many there are."""
        kinds = {
            "search": self._searchers,
            "read": self._readers,
            "write": self._writers,
            "watch": self._watchers,
        }
        found = {kind: (threads.busy, threads.number) for kind, threads in kinds.items()}
        return found | {"encode": (self._batcher.busy, self._batcher.threads)}

    @property
    def unfinished_jobs(self) -> dict[str, int]:
        """How many jobs wait and run."""
        jobs = self._jobs
        return {
            "queued": 0 if jobs is None else jobs.waiting,
            "running": 0 if jobs is None else jobs.running,
        }

    # what follows blocks: for use inside `read`, `write` and `watch`

    @property
    def folder(self) -> DataFolder:
        """The data folder.

        Raises:
            NotReadyError: it is not open.
        """
        if self._folder is None:
            message = "not ready: the data folder is not open; try again in a moment"
            raise NotReadyError(message)
        return self._folder

    @property
    def jobs(self) -> Jobs:
        """Long work.

        Raises:
            NotReadyError: the data folder is not open.
        """
        if self._jobs is None:
            message = "not ready: the data folder is not open; try again in a moment"
            raise NotReadyError(message)
        return self._jobs

    @property
    def backups_path(self) -> Path | None:
        """Where backups are kept; None: nowhere."""
        path = self.settings.backups
        return None if path is None else path.expanduser().absolute()

    @property
    def has_backups(self) -> bool:
        """True once a backup was asked for.

        Raises:
            NoBackupsError: the service has no folder for backups.
        """
        return (self.check_backups() / MARKER).exists()

    @property
    def backups(self) -> BackupFolder:
        """The backups.

        Raises:
            NoBackupsError: the service has no folder for them.
            BackupNotFoundError: none was made yet.
            DamagedError: the folder cannot be read.
        """
        return BackupFolder(self.check_backups())

    def check_backups(self) -> Path:
        """Where backups are kept.

        Raises:
            NoBackupsError: nowhere.
        """
        path = self.backups_path
        if path is None:
            raise NoBackupsError
        return path

    def _encoder(self, name: str) -> Encoder:
        """The encoder of that name, shared with the collections."""
        return self.folder.encoder(name)

    def _card(self, collection: str) -> CollectionCard:
        with self.using(collection) as opened:
            return opened.card

    def without_folder(self, message: str) -> str:
        """The message with files named relative to the data folder: where that lies is not told."""
        path = self._folder.path if self._folder is not None else self.settings.data.expanduser()
        told = message.replace(f"{path}/", "") if path.is_absolute() else message
        backups = self.backups_path
        if backups is None:
            return told
        return told.replace(f"{backups}/", "").replace(str(backups), "the folder for backups")

    @contextmanager
    def using(self, name: str, *, wait: bool = True) -> Iterator[LocalCollection]:
        """The collection of that name, which nobody drops until the block ends.

        Raises:
            CollectionNotFoundError: there is none.
            CollectionForbiddenError: whoever asks may not see it.
            DamagedError: it cannot be read.
            TakenError: it is being dropped, and `wait` is False.
        """
        name = check_name(name)
        CALLER.get().check_collection(name)
        with self._leases.using(name, wait=wait):
            yield self._open(name)

    def _open(self, name: str) -> LocalCollection:
        """The collection of that name; whoever sees but some is not told which others there are."""
        try:
            return self.folder.collection(name)
        except CollectionNotFoundError:
            if CALLER.get().collections is None:
                raise
            raise CollectionNotFoundError(f"no collection {name!r}") from None

    def drop(self, name: str) -> int:
        """Remove a collection once nobody uses it; jobs about it fail.

        Returns:
            How many documents it held; 0 if it could not be opened.

        Raises:
            CollectionNotFoundError: there is none.
        """
        name = check_name(name)
        CALLER.get().check_collection(name)
        with self._leases.taking(name):
            if self._jobs is not None and name in self.folder.names():
                self._jobs.abandon(name)
            try:
                documents = self._open(name).count()
            except DamagedError:
                documents = 0
            self.folder.drop(name)
        self.problems = {key: text for key, text in self.problems.items() if key != name}
        return documents

    def exchange(
        self, name: str, shadow: str, retired: str, last: Callable[[], object], *, job: str
    ) -> None:
        """Let a collection take another's name once nobody uses either; see `DataFolder.exchange`.

        All jobs about the two fail, but for the one whose id `job` is.

        Raises:
            CollectionClosedError: one of them is being dropped or exchanged, which this job, that
                has to end first, cannot wait for.
        """
        with ExitStack() as taken:
            for each in sorted((name, shadow, retired)):
                try:
                    taken.enter_context(self._leases.taking(each, wait=False))
                except TakenError as error:
                    message = f"collection {each!r} is being dropped or exchanged; ask anew"
                    raise CollectionClosedError(message) from error
            for each in (name, shadow):
                self.jobs.abandon(each, besides=job)
            self.folder.exchange(name, shadow, retired, last)

    def create(self, name: str, *, encoder: str | None, metric: Metric, analyzer: str) -> None:
        """A new, empty collection; see `DataFolder.create`.

        Raises:
            CollectionForbiddenError: whoever asks may not see it.
        """
        CALLER.get().check_collection(check_name(name))
        self.folder.create(name, encoder=encoder, metric=metric, analyzer=analyzer)

    @property
    def seen_problems(self) -> dict[str, str]:
        """Of `problems`, those of collections that whoever asks may see."""
        sees = CALLER.get().sees
        return {name: problem for name, problem in self.problems.items() if sees(name)}

    def for_each(self, function: Callable[[LocalCollection], T], *, wait: bool = True) -> list[T]:
        """What `function` gives for every collection that the caller sees, by name.

        Those that cannot be opened are in `problems` afterwards. One that is being dropped is
        waited for, or left out if `wait` is False: dropping may wait for long work.
        """
        results = []
        sees = CALLER.get().sees
        problems = {name: text for name, text in self.problems.items() if not sees(name)}
        for name in filter(sees, self.folder.names()):
            try:
                with self.using(name, wait=wait) as collection:
                    results.append(function(collection))
            except (CollectionNotFoundError, TakenError):
                continue  # dropped since it was listed, or about to be
            except (AnalyzerError, IndexingError, OSError) as error:
                problems[name] = self.without_folder(str(error))
        for name in problems.keys() - self.problems.keys():
            logger.error("collection %s cannot be used: %s", name, problems[name])
        self.problems = problems
        return results
