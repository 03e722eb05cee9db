"""The keys as they stand now, read again whenever their file changes."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from service.access.errors import InvalidKeyError, KeysFileError
from service.access.keyring import KEYS_FILE, read_keys
from service.access.keys import ApiKey, PresentedKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
"""How long what was read counts: a key made or revoked is noticed within a second."""

_Signature = tuple[int, int, int] | None


class WatchedKeys:
    """The keys of a data folder, for the event loop.

    Once a key was there, keys are asked for until the process ends, whatever becomes of the file:
    losing it opens nothing.

    Args:
        folder: the data folder; may not be there yet.
        clock: seconds that never go back.
        wall: Unix time.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._wall = wall
        self._keys: Mapping[str, ApiKey] = {}
        self._signature: _Signature = None
        self._asked = False
        self._problem: str | None = None
        self._next_look = float("-inf")
        # compared with where there is no key of an id, so that both take the same time
        self._stand_in = ApiKey.of(PresentedKey.new(), "nobody", scope="read", created=0)

    def are_asked(self) -> bool:
        """Whether requests need a key: once there is one, be it revoked."""
        self._look()
        return self._asked

    def recognise(self, text: str) -> ApiKey:
        """The active key that is written so.

        Raises:
            InvalidKeyError: there is none, or none any more; the time taken does not tell which
                ids there are.
            KeysFileError: the file of keys cannot be read.
        """
        self._look()
        if self._problem is not None:
            raise KeysFileError(self._problem)
        presented = PresentedKey.parse(text)
        kept = self._keys.get(presented.id)
        proved = (kept or self._stand_in).is_proved_by(presented.secret)
        if kept is None or not proved:
            raise InvalidKeyError(f"no API key {presented.id} is known here")
        state = kept.state(self._wall())
        if state != "active":
            raise InvalidKeyError(f"the API key {kept.id} ({kept.name}) is {state}")
        return kept

    def _look(self) -> None:
        now = self._clock()
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_SECONDS
        signature = self._sign()
        if signature == self._signature and self._problem is None:
            return
        self._signature = signature
        try:
            keys = read_keys(self._folder)
        except KeysFileError as error:
            if self._problem is None:
                logger.error("%s; until then every key is refused", error)
            self._problem, self._keys, self._asked = str(error), {}, True
            return
        if self._asked and signature is None and self._keys:
            logger.error("%s is gone; every request is refused", self._folder / KEYS_FILE)
        self._problem = None
        self._keys = {each.id: each for each in keys}
        self._asked = self._asked or bool(keys)

    def _sign(self) -> _Signature:
        """What changes whenever the file does: each version is a file of its own."""
        try:
            found = (self._folder / KEYS_FILE).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size
