"""How long a busy or restarting server is waited for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from service.client.errors import asked_wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.client.calls import AnyCall

_REFUSED = frozenset({429, 503})
"""The server did nothing: whatever was asked may be asked again."""
_OF_PROXIES = frozenset({502, 504})
"""Perhaps it did: only what may happen twice is asked again."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a busy server is waited for.

    Attributes:
        attempts: requests sent at most, 1 or more; the last answer counts.
        first_wait: seconds before the second attempt, where the server names none; doubled for
            each one after it. A random part of up to a half is taken off, so that clients which
            were refused together do not come back together.
        longest_wait: seconds waited before one more attempt at most; a server that asks for
            more (`Retry-After`) is not asked again.
        timeout: seconds one request may take.
        work_timeout: seconds a request may take that encodes documents, builds an index, or
            reads a whole collection.
    """

    attempts: int = 5
    first_wait: float = 0.5
    longest_wait: float = 30.0
    timeout: float = 120.0
    work_timeout: float = 3600.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            message = f"attempts is {self.attempts}; 1 or more are possible"
            raise ValueError(message)
        for name in ("first_wait", "longest_wait"):
            if getattr(self, name) < 0:
                message = f"{name} is {getattr(self, name)}; 0 or more seconds are possible"
                raise ValueError(message)

    def seconds(self, call: AnyCall) -> float:
        """How long one request of that call may take."""
        return self.work_timeout if call.works else self.timeout


class Attempts:
    """The attempts at one call: whether there is one more, and when.

    Args:
        patience: bounds.
        call: what is asked.
        met: whether the server has answered before; one that never has is not waited for, since
            its address is probably wrong.
        chance: a random number from 0 to below 1.
    """

    def __init__(
        self, patience: Patience, call: AnyCall, *, met: bool, chance: Callable[[], float]
    ) -> None:
        self._patience = patience
        self._call = call
        self._met = met
        self._chance = chance
        self._made = 0

    def wait_after(self, outcome: httpx.Response | httpx.HTTPError) -> float | None:
        """Seconds to wait before asking again; None if the outcome counts."""
        self._made += 1
        if self._made >= self._patience.attempts or not self._may_change(outcome):
            return None
        back_off = min(
            self._patience.first_wait * 2.0 ** (self._made - 1), self._patience.longest_wait
        )
        asked = asked_wait(outcome) if isinstance(outcome, httpx.Response) else None
        if asked is None:
            return back_off * (1 - self._chance() / 2)
        if asked > self._patience.longest_wait:
            return None
        return asked + self._chance() * min(asked, back_off) / 2

    def _may_change(self, outcome: httpx.Response | httpx.HTTPError) -> bool:
        if isinstance(outcome, httpx.Response):
            status = outcome.status_code
            return status in _REFUSED or (status in _OF_PROXIES and self._call.repeats)
        if isinstance(outcome, httpx.ConnectError | httpx.ConnectTimeout):
            return self._met
        broke = isinstance(outcome, httpx.NetworkError | httpx.RemoteProtocolError)
        return broke and self._call.repeats
