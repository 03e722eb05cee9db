"""Keeps the calibration of a collection fit for what it holds."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from embeddings.errors import AnalyzerError
from indexing.calibration import Calibration, fit, is_due, read
from indexing.errors import IndexingError

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.lexicon import Lexicon
    from indexing.snapshot import Snapshot

logger = logging.getLogger(__name__)


class Calibrator:
    """Reads, fits and writes `calibration.json`; the file is derived and may be deleted.

    Fitting takes a few tenths of a second, and is due a logarithmic number of times while a
    collection grows; whoever searches then waits for it once, others go on with the last one.

    Args:
        folder: the collection's.
        writable: False keeps what is fitted in memory alone.
    """

    def __init__(self, folder: Path, *, writable: bool) -> None:
        self._folder = folder
        self._writable = writable
        self._fitting = threading.Lock()
        self._calibration: Calibration | None = None
        self._is_read = False

    def current(self, snapshot: Snapshot, lexicon: Lexicon) -> Calibration | None:
        """The calibration for searches of that moment; None for too few documents.

        While words of documents are still to be found the last one serves.
        """
        if self._is_read and not is_due(self._calibration, snapshot):
            return self._usable(snapshot)
        if not self._fitting.acquire(blocking=False):
            return self._usable(snapshot)
        try:
            if not self._is_read:
                self._calibration, self._is_read = read(self._folder, snapshot), True
            if is_due(self._calibration, snapshot) and not lexicon.is_behind:
                self._fit(snapshot, lexicon)
        finally:
            self._fitting.release()
        return self._usable(snapshot)

    def renew(self, snapshot: Snapshot, lexicon: Lexicon) -> None:
        """Fit again, due or not: searches answer as in a collection that was just built."""
        with self._fitting:
            self._is_read = True
            self._fit(snapshot, lexicon)

    def is_due(self, snapshot: Snapshot) -> bool:
        """True if a search of that moment would have to wait for fitting."""
        return is_due(self._calibration, snapshot)

    def _usable(self, snapshot: Snapshot) -> Calibration | None:
        calibration = self._calibration
        return calibration if is_due(None, snapshot) else None

    def _fit(self, snapshot: Snapshot, lexicon: Lexicon) -> None:
        started = time.perf_counter()
        try:
            self._calibration = fit(snapshot, lexicon)
            if self._calibration is not None and self._writable:
                self._calibration.write(self._folder)
        except (AnalyzerError, IndexingError, OSError) as error:
            logger.warning("%s: the calibration was not kept: %s", self._folder, error)
        elapsed = time.perf_counter() - started
        logger.info("%s: calibrated in %.2f s", self._folder, elapsed)
