"""The data folder, the threads that work on it, and whether they are ready."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, ParamSpec, TypeVar

from embeddings.errors import EmbeddingError
from indexing.data_folder import DataFolder
from indexing.errors import CollectionNotFoundError, DamagedError, IndexingError
from indexing.validation import check_name
from service.errors import ModelNotFoundError, NotReadyError
from service.leases import Leases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from embeddings.types import Encoder, EncoderCard
    from indexing.local import LocalCollection
    from service.settings import Settings

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
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
    )


class Engine:
    """Runs what blocks (encoding, searching, the disk) in threads of its own.

    Reads and writes have separate threads, so that slow writes never keep searches waiting.
    `start` and `stop` bracket every other call.

    Args:
        settings: the installation's choices.
        folder: the data folder, if it is open already.

    Attributes:
        started: Unix time at which this was made.
        readiness: where it stands.
        problems: why collections cannot be opened, by name; they keep no others from answering.
    """

    def __init__(self, settings: Settings, folder: DataFolder | None = None) -> None:
        self.settings = settings
        self.started = int(time.time())
        self.readiness = Readiness("starting", "the data folder is being opened")
        self.problems: Mapping[str, str] = {}
        self._readers = ThreadPoolExecutor(settings.search_threads, "meari-read")
        self._writers = ThreadPoolExecutor(settings.write_threads, "meari-write")
        self._leases = Leases()
        self._folder = folder
        self._warming: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Own the data folder; encoder and collections are loaded behind it, in a thread.

        Raises:
            FolderLockedError: another process owns it.
        """
        if self._folder is None:
            self._folder = await self.write(open_folder, self.settings)
        self.readiness = Readiness("starting", f"encoder {self.settings.encoder!r} is being loaded")
        self._warming = asyncio.create_task(self.write(self._warm))

    async def stop(self) -> None:
        """Wait for what is running, then close the collections and free the folder."""
        self.readiness = Readiness("stopping", "the service is stopping")
        if self._warming is not None:
            await asyncio.wait([self._warming])
        await asyncio.to_thread(self._close)

    def _warm(self) -> None:
        """Load what the first request would otherwise wait for."""
        name = self.settings.encoder
        outcome = Readiness("ready")
        try:
            self.folder.encoder(name).encode(["ready"], role="query")
        except EmbeddingError as error:
            logger.exception("encoder %s cannot be loaded", name)
            outcome = Readiness("failed", f"encoder {name!r} cannot be used: {error}")
        except Exception:
            logger.exception("encoder %s cannot be loaded", name)
            outcome = Readiness("failed", f"encoder {name!r} failed to load; the log tells more")
        try:
            self.for_each(lambda collection: collection.card)  # opens them
        except Exception:
            logger.exception("the collections cannot be opened")
            outcome = Readiness("failed", "the collections cannot be opened; the log tells more")
        if self.readiness.phase == "starting":
            self.readiness = outcome

    def _close(self) -> None:
        self._readers.shutdown()
        self._writers.shutdown()
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

    async def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a call that changes nothing, run in a thread."""
        return await _run(self._readers, function, *args, **kwargs)

    async def write(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a call that changes the data folder, run in a thread."""
        return await _run(self._writers, function, *args, **kwargs)

    # what follows blocks: for use inside `read` and `write`

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

    @contextmanager
    def using(self, name: str) -> Iterator[LocalCollection]:
        """The collection of that name, which nobody drops until the block ends.

        Raises:
            CollectionNotFoundError: there is none.
            DamagedError: it cannot be read.
        """
        name = check_name(name)
        with self._leases.using(name):
            yield self.folder.collection(name)

    def drop(self, name: str) -> int:
        """Remove a collection once nobody uses it.

        Returns:
            How many documents it held; 0 if it could not be opened.

        Raises:
            CollectionNotFoundError: there is none.
        """
        name = check_name(name)
        with self._leases.taking(name):
            try:
                documents = self.folder.collection(name).count()
            except DamagedError:
                documents = 0
            self.folder.drop(name)
        self.problems = {key: text for key, text in self.problems.items() if key != name}
        return documents

    def encoder(self, model: str | None) -> Encoder:
        """The default encoder, or the one of that name if a collection here uses it.

        Raises:
            ModelNotFoundError: nothing here uses an encoder of that name, so that no request
                makes the service load a folder or download a model.
        """
        if model is None or model == self.settings.encoder:
            return self.folder.encoder(self.settings.encoder)
        users = self.encoder_users()
        if model not in users:
            known = ", ".join(users)
            raise ModelNotFoundError(f"model {model!r} is not in use here; there is: {known}")
        return self.folder.encoder(model)

    def encoder_users(self) -> dict[str, list[str]]:
        """Names of the encoders in use, the default first, each with its collections' names."""
        users: dict[str, list[str]] = {self.settings.encoder: []}
        for card in self.for_each(lambda collection: collection.card):
            users.setdefault(card.encoder.name, []).append(card.name)
        return users

    def cards(self) -> dict[str, EncoderCard]:
        """Cards of the encoders in use by name, the default first unless it cannot be loaded."""
        default = self.settings.encoder
        loaded = self.readiness.phase == "ready"
        cards = {default: self.folder.encoder(default).card} if loaded else {}
        for card in self.for_each(lambda collection: collection.card):
            cards.setdefault(card.encoder.name, card.encoder)
        return cards

    def for_each(self, function: Callable[[LocalCollection], T]) -> list[T]:
        """What `function` gives for every collection that can be opened, by name.

        Those that cannot are in `problems` afterwards.
        """
        results = []
        problems = {}
        for name in self.folder.names():
            try:
                with self.using(name) as collection:
                    results.append(function(collection))
            except CollectionNotFoundError:
                continue  # dropped since it was listed
            except (IndexingError, OSError) as error:
                problems[name] = str(error)
        for name in problems.keys() - self.problems.keys():
            logger.error("collection %s cannot be used: %s", name, problems[name])
        self.problems = problems
        return results


async def _run(
    pool: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run in a thread that knows the request's id, for the log."""
    context = contextvars.copy_context()
    call = partial(context.run, partial(function, *args, **kwargs))
    return await asyncio.get_running_loop().run_in_executor(pool, call)
