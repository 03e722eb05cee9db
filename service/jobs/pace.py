"""How fast work goes, told a few times a second at most."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from service.jobs.types import JobProgress

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY = 0.1
"""Seconds between two reports of one stage."""
_SETTLED = 0.5
"""A stage goes on so many seconds before its end is guessed."""


class Pace:
    """Progress as analyses report it, with the time that is left.

    Args:
        tell: told of progress, at most `EVERY` so many seconds within a stage, and of each stage's
            beginning and end.
        clock: seconds that never go back; for tests.
    """

    def __init__(
        self, tell: Callable[[JobProgress], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._stage = ""
        self._began = 0.0
        self._first = 0
        self._last = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take note; see `analysis.progress.Progress`."""
        now = self._clock()
        if stage != self._stage:
            self._stage, self._began, self._first = stage, now, done
        elif now - self._last < EVERY and done < total:
            return
        self._last = now
        self._tell(JobProgress(stage, done, total, self._left(now - self._began, done, total)))

    def _left(self, seconds: float, done: int, total: int) -> float | None:
        steps = done - self._first
        if done >= total:
            return 0.0
        if steps <= 0 or seconds < _SETTLED:
            return None
        return round(seconds / steps * (total - done), 1)
