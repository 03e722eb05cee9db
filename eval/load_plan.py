"""What a server is loaded with: how many at once, with what, for how long; all of it bounded."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from eval.errors import ChoiceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Kind = Literal["search", "embed"]
KINDS: tuple[Kind, ...] = ("search", "embed")
MODES = ("hybrid", "dense", "lexical")
STEPS = (1, 8, 32, 128)
MAX_STEPS = 20
MAX_CONCURRENCY = 1024
MAX_SECONDS = 600.0
MAX_REQUESTS = 1_000_000
MAX_BATCH = 2048


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """A run of the load generator.

    Attributes:
        url: where the server is, without a slash at the end.
        mix: share of each kind of request; they sum to 1.
        collection: what is searched; None if nothing is.
        concurrency: requests under way at once, a step for each number.
        seconds: after which a step begins no more requests.
        requests: after which a step begins no more; None: as many as the seconds allow.
        mode: of the searches; None: the server's own.
        batch: texts in each embedding request.
        timeout: seconds after which a request counts as failed.
        seed: of the order of the kinds.
        remote: whether the server may be on another machine.
        api_key: for a server that asks for one.

    Raises:
        ChoiceError: a value out of its bounds, or a server elsewhere without `remote`.
    """

    url: str
    mix: Mapping[Kind, float]
    collection: str | None = None
    concurrency: Sequence[int] = STEPS
    seconds: float = 10.0
    requests: int | None = None
    mode: str | None = None
    batch: int = 1
    timeout: float = 60.0
    seed: int = 0
    remote: bool = False
    api_key: str | None = field(default=None, repr=False)
    host: str = field(init=False)
    port: int = field(init=False)
    secure: bool = field(init=False)

    def __post_init__(self) -> None:
        scheme, host, port = _split(self.url)
        for name, value in (("host", host), ("port", port), ("secure", scheme == "https")):
            object.__setattr__(self, name, value)
        if not self.remote and not is_loopback(host):
            message = (
                f"{host} is another machine; to load it on purpose, and with leave of who runs "
                "it, say --remote"
            )
            raise ChoiceError(message)
        _within("concurrency steps", len(self.concurrency), 1, MAX_STEPS)
        for each in self.concurrency:
            _within("concurrency", each, 1, MAX_CONCURRENCY)
        _within("seconds", self.seconds, 0.1, MAX_SECONDS)
        _within("batch", self.batch, 1, MAX_BATCH)
        _within("timeout", self.timeout, 0.1, MAX_SECONDS)
        if self.requests is not None:
            _within("requests", self.requests, 1, MAX_REQUESTS)
        if self.mode is not None and self.mode not in MODES:
            message = f"mode is {self.mode!r}; {', '.join(MODES)} are possible"
            raise ChoiceError(message)
        if "search" in self.mix and self.collection is None:
            message = "the mix has searches, but no collection to search; name one (--collection)"
            raise ChoiceError(message)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "url": self.url,
            "mix": dict(self.mix),
            "collection": self.collection,
            "concurrency": list(self.concurrency),
            "seconds": self.seconds,
            "requests": self.requests,
            "mode": self.mode,
            "batch": self.batch,
            "timeout": self.timeout,
            "seed": self.seed,
        }


def read_mix(text: str | None, collection: str | None) -> dict[Kind, float]:
    """The shares of `search=3,embed=1`, summing to 1.

    None is half and half where there is a collection to search, else embedding alone.

    Raises:
        ChoiceError: another form, an unknown kind, one named twice, or no share above 0.
    """
    if text is None:
        return {"embed": 1.0} if collection is None else {"search": 0.5, "embed": 0.5}
    shares: dict[Kind, float] = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        kind = next((each for each in KINDS if each == name.strip()), None)
        share = _number(number or "1")
        if kind is None or kind in shares or share is None:
            message = f"mix {text!r} is not of the form search=3,embed=1"
            raise ChoiceError(message)
        shares[kind] = share
    total = sum(shares.values())
    if total == 0:
        message = f"mix {text!r} has no share above 0"
        raise ChoiceError(message)
    return {kind: share / total for kind, share in shares.items() if share}


def is_loopback(host: str) -> bool:
    """True for this machine's own addresses (127.0.0.0/8, ::1) and `localhost`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _split(url: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        parts, port = urlsplit(""), 0
    is_plain = not (parts.path.strip("/") or parts.query or parts.username)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not is_plain:
        message = f"url {url!r} is not of the form http://HOST:PORT"
        raise ChoiceError(message)
    return parts.scheme, parts.hostname, port


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        message = f"{name} is {value:g}; {low:g} to {high:g} are possible"
        raise ChoiceError(message)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None
