"""Nothing is taken away while somebody uses it."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class TakenError(Exception):
    """Somebody has the thing alone, or waits to."""


class Leases:
    """Named things with many users or one taker at a time.

    A taker waits for the users there are; users that come meanwhile wait for the taker, and must
    then see for themselves whether the thing is still there.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._users: Counter[str] = Counter()
        self._taken: set[str] = set()

    @contextmanager
    def using(self, name: str, *, wait: bool = True) -> Iterator[None]:
        """Be one of its users.

        Raises:
            TakenError: a taker has it, and `wait` is False.
        """
        with self._changed:
            if name in self._taken and not wait:
                raise TakenError(name)
            self._changed.wait_for(lambda: name not in self._taken)
            self._users[name] += 1
        try:
            yield
        finally:
            with self._changed:
                self._users[name] -= 1
                if not self._users[name]:
                    del self._users[name]
                self._changed.notify_all()

    @contextmanager
    def taking(self, name: str, *, wait: bool = True) -> Iterator[None]:
        """Have it alone, once its users are done.

        Raises:
            TakenError: another has it, or waits to, and `wait` is False.
        """
        with self._changed:
            if name in self._taken and not wait:
                raise TakenError(name)
            self._changed.wait_for(lambda: name not in self._taken)
            self._taken.add(name)
            self._changed.wait_for(lambda: not self._users[name])
        try:
            yield
        finally:
            with self._changed:
                self._taken.discard(name)
                self._changed.notify_all()
