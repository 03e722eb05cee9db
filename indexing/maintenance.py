"""What a collection's files need done, and the thread that does it while nobody waits."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from indexing.compaction import compact
from indexing.errors import CollectionClosedError
from indexing.figures import Phase, due
from indexing.index.threads import take_the_rest, work_quietly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexing.planner import IndexWish
    from indexing.storage import Storage

logger = logging.getLogger(__name__)

LULL_SECONDS = 1.0
"""Maintenance waits until nobody wrote for so long ..."""
PATIENCE_SECONDS = 3.0
"""... but not longer than this since it was due."""
RETRY_SECONDS = 600.0
"""After a failure it waits so long."""
GRACE_SECONDS = 1.0
"""So long the files of before are held, that they are removed here and not by the last search."""


class Maintenance:
    """Does what is due in a thread of its own, which is there only while something is.

    Args:
        storage: the files.
        active: False does nothing by itself.

    Attributes:
        phase: what is being done.
        progress: how much of it is done, 0 to 1.
        problems: why the last attempt failed, one sentence; empty if it did not.
    """

    def __init__(self, storage: Storage, *, active: bool) -> None:
        self.phase: Phase = "idle"
        self.progress = 0.0
        self.problems: tuple[str, ...] = ()
        self._storage = storage
        self._active = active
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._over = False
        self._written = 0.0
        self._not_before = 0.0

    def wake(self) -> None:
        """Something was written."""
        self._written = time.monotonic()
        if not self._active or self._written < self._not_before:
            return  # a problem that was told stands until then
        with self._guard:
            if self._thread is None and not self._stopping.is_set() and self._due() != "idle":
                self._thread = threading.Thread(target=self._run, name="meari-maintenance")
                self._thread.start()

    def stop(self) -> None:
        """Give up what is being done, and wait until it is; nothing is started any more."""
        self._over = True
        self._pause()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Give up what is being done, and start nothing until the block ends."""
        self._pause()
        try:
            yield
        finally:
            with self._guard:
                if not self._over:
                    self._stopping.clear()
            self.wake()

    def _pause(self) -> None:
        with self._guard:
            self._stopping.set()
            thread = self._thread
        if thread is not None:
            thread.join()

    def optimize(self, wish: IndexWish | None = None) -> None:
        """Do, here and now, all that could be done: compact or build the index, and calibrate.

        It takes every processor that searches leave.

        Args:
            wish: what the index shall be like from now on; None: as before.

        Raises:
            InvalidRequestError: the memory allowed is too little for it; all stays as it was.
        """
        if wish is not None:
            self._storage.sealer.demand(wish, self._storage.snapshot)
        given_up = threading.Event()
        pool = ThreadPoolExecutor(1, "meari-optimize", initializer=take_the_rest)
        try:
            pool.submit(self._optimize, given_up).result()
        finally:
            given_up.set()
            pool.shutdown()

    def _optimize(self, given_up: threading.Event) -> None:
        storage = self._storage

        def step(_: str, share: float) -> None:
            self.progress = share
            if given_up.is_set():
                raise _Stopped

        with storage.caring:
            with self._doing("analysing"):
                storage.lexicon.catch_up(lambda share: step("words", share))
            if storage.figures().tombstones:
                with self._doing("compacting"):
                    compact(storage, step, given_up.is_set)
            else:
                with self._doing("rebuilding"):
                    storage.reseal(given_up.is_set)
            with self._doing("calibrating"):
                storage.calibrate()
            self.problems = ()

    def _due(self) -> Phase:
        return due(self._storage.figures())

    def _run(self) -> None:
        """The thread: wait for a lull, do what is due, until nothing is."""
        began, before = time.monotonic(), "idle"
        while True:
            phase: Phase = "idle"
            if self._wait(began):
                work_quietly()
                phase = self._due()
                if phase == before and phase not in {"idle", "extending"}:
                    self._fail(phase, "it is due again as soon as it is done")
                    phase = "idle"
                elif phase != "idle" and not self._try(phase):
                    phase = "idle"
            before = phase
            with self._guard:
                if phase == "idle" or self._is_stopped():
                    self._thread = None
                    return

    def _wait(self, began: float) -> bool:
        """False if there is nothing to be done any more but to stop."""
        while not self._is_stopped():
            now = time.monotonic()
            until = min(self._written + LULL_SECONDS, began + PATIENCE_SECONDS)
            if now >= until:
                return True
            self._stopping.wait(min(until - now, 0.2))
        return False

    def _try(self, phase: Phase) -> bool:
        """Do it; False if that failed or was given up."""
        before = self._storage.generation
        try:
            with self._storage.caring:
                if self._due() == phase:
                    self._do(phase)
            self.problems = ()
            if before is not self._storage.generation:
                self._stopping.wait(GRACE_SECONDS)
        except (_Stopped, CollectionClosedError, InterruptedError) as error:
            logger.info("%s: %s was given up (%s)", self._storage.folder, phase, error)
            return False
        except Exception as error:
            logger.exception("%s: %s failed", self._storage.folder, phase)
            self._fail(phase, error)
            return False
        return True

    def _fail(self, phase: Phase, why: object) -> None:
        self.problems = (f"{phase} in the background failed: {why}",)
        self._not_before = time.monotonic() + RETRY_SECONDS

    def _do(self, phase: Phase) -> None:
        with self._doing(phase):
            if phase == "analysing":
                self._storage.lexicon.catch_up(lambda share: self._step("words", share))
            elif phase == "compacting":
                compact(self._storage, self._step, self._is_stopped)
            elif phase == "extending":
                self._storage.extend()
            elif phase == "calibrating":
                self._storage.calibrate()
            else:
                self._storage.reseal(self._is_stopped)

    @contextmanager
    def _doing(self, phase: Phase) -> Iterator[None]:
        self.progress, self.phase = 0.0, phase
        try:
            yield
        finally:
            self.progress, self.phase = 0.0, "idle"

    def _step(self, _: str, share: float) -> None:
        """Publish the progress; where the thread is to stop, it does here."""
        self.progress = share
        if self._is_stopped():
            raise _Stopped

    def _is_stopped(self) -> bool:
        """True also once the interpreter waits for its threads to end."""
        return self._stopping.is_set() or not threading.main_thread().is_alive()


class _Stopped(Exception):  # noqa: N818
    """The collection is being closed."""
