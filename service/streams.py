"""Answers that go on until somebody ends them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from service.errors import BusyError, NotReadyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Streams:
    """The open streams, so that they are bounded and keep no server from stopping.

    Lives in an event loop.

    Args:
        most: streams that are open at the same time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._ends: dict[object, Callable[[], None]] = {}
        self._ended = False

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def most(self) -> int:
        """How many may be open."""
        return self._most

    def check_room(self) -> None:
        """Refuse one stream too many.

        Raises:
            BusyError: as many are open as may.
            NotReadyError: the service is stopping.
        """
        if self._ended:
            message = "not ready: the service is stopping"
            raise NotReadyError(message)
        if len(self._ends) >= self._most:
            message = (
                f"busy: {len(self._ends):,} streams are open already; ask for the job's state "
                "now and then instead"
            )
            raise BusyError(message)

    @contextmanager
    def open(self, end: Callable[[], None]) -> Iterator[None]:
        """The block streams; `end` is called if it shall stop soon."""
        place = object()
        self._ends[place] = end
        try:
            if self._ended:
                end()
            yield
        finally:
            del self._ends[place]

    def end(self) -> None:
        """Have all streams stop, now and those that begin later."""
        self._ended = True
        for end in list(self._ends.values()):
            end()
