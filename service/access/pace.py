"""How often a key may ask: a bucket that holds a minute's requests and fills all the time."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.access.errors import RateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.access.keys import ApiKey

_MINUTE = 60.0


@dataclass(slots=True)
class _Bucket:
    rate: int
    left: float
    moment: float


class Paces:
    """The buckets of all keys, for the event loop.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def take(self, key: ApiKey) -> None:
        """Count a request of the key.

        Raises:
            RateError: it asked more than its rate; says when it may again.
        """
        if key.rate is None:
            return
        now = self._clock()
        bucket = self._buckets.get(key.id)
        if bucket is None or bucket.rate != key.rate:
            bucket = self._buckets[key.id] = _Bucket(key.rate, float(key.rate), now)
        grown = bucket.left + (now - bucket.moment) * key.rate / _MINUTE
        bucket.left, bucket.moment = min(float(key.rate), grown), now
        if bucket.left < 1:
            wait = math.ceil((1 - bucket.left) * _MINUTE / key.rate)
            message = (
                f"the API key {key.id} ({key.name}) may ask {key.rate:,} times a minute; "
                f"try again in {wait:,} s"
            )
            raise RateError(message, {"Retry-After": str(wait)})
        bucket.left -= 1
