"""API keys: how one is written, and what is kept of it.

A key is `meari_ID_SECRETCHECK`: an id of 8 letters and digits that may be shown and logged, a
secret of 33 from an alphabet of 62 (196 random bits), and 6 that are a checksum (CRC-32) over all
before them. The checksum tells a cut or mistyped key from a revoked one, and lets scanners of
source code find keys that were left there; it keeps nobody out. Of the secret only a salted hash
is kept. SHA-256 is enough for that: nobody guesses 196 bits, and a slow hash would cost every
request.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

from service.access.errors import InvalidKeyError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

Scope = Literal["read", "write", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""From the least to the most; each may do what those before it may."""
State = Literal["active", "expired", "revoked"]

PREFIX = "meari_"
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID_LETTERS = string.digits + string.ascii_lowercase
_ID_LENGTH = 8
_SECRET_LENGTH = 33
_CHECK_LENGTH = 6
_SALT_BYTES = 16
_FORM = re.compile(
    f"({PREFIX}([0-9a-z]{{{_ID_LENGTH}}})_([0-9A-Za-z]{{{_SECRET_LENGTH}}}))"
    f"([0-9A-Za-z]{{{_CHECK_LENGTH}}})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """A key as somebody shows it.

    Attributes:
        id: of the key.
        secret: what proves it.
    """

    id: str
    secret: str = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        """A key nobody has, of 196 random bits."""
        id = "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))
        secret = "".join(secrets.choice(_DIGITS) for _ in range(_SECRET_LENGTH))
        return cls(id, secret)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key that is written so.

        Raises:
            InvalidKeyError: it is not of a key's form, or its checksum does not fit.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            form = f"{PREFIX}, {_ID_LENGTH} letters and digits, _ and {_SECRET_LENGTH + 6} more"
            raise InvalidKeyError(f"this is no API key: one is {form}")
        if _checksum(found[1]) != found[4]:
            message = f"the API key {found[2]} was cut or mistyped: its checksum does not fit"
            raise InvalidKeyError(message)
        return cls(found[2], found[3])

    def write(self) -> str:
        """The key as `parse` reads it."""
        body = f"{PREFIX}{self.id}_{self.secret}"
        return body + _checksum(body)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key.

    Attributes:
        id: of 8 letters and digits; may be shown and logged.
        name: what people call it.
        scope: what it may do.
        collections: those it may see; None: all.
        rate: requests a minute; None: no bound.
        max_bytes: of a request's body; None: the service's bounds alone.
        created: Unix time.
        expires: Unix time from which on it is none any more; None: never.
        revoked: Unix time since which it is none any more; None: it was not.
        salt: random bytes.
        digest: SHA-256 of salt and secret.
    """

    id: str
    name: str
    scope: Scope
    collections: tuple[str, ...] | None
    rate: int | None
    max_bytes: int | None
    created: int
    expires: int | None
    revoked: int | None
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    @classmethod
    def of(
        cls,
        presented: PresentedKey,
        name: str,
        *,
        scope: Scope,
        created: int,
        collections: tuple[str, ...] | None = None,
        rate: int | None = None,
        max_bytes: int | None = None,
        expires: int | None = None,
    ) -> Self:
        """What to keep of a new key."""
        salt = secrets.token_bytes(_SALT_BYTES)
        return cls(
            id=presented.id,
            name=name,
            scope=scope,
            collections=collections,
            rate=rate,
            max_bytes=max_bytes,
            created=created,
            expires=expires,
            revoked=None,
            salt=salt,
            digest=_digest(salt, presented.secret),
        )

    def is_proved_by(self, secret: str) -> bool:
        """Whether that is its secret; takes as long for any other."""
        return hmac.compare_digest(_digest(self.salt, secret), self.digest)

    def state(self, now: float) -> State:
        """Whether it counts at that Unix time."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and now >= self.expires else "active"

    def revoke(self, now: int) -> Self:
        """The key, without effect since then; one that was revoked before stays as it is."""
        return self if self.revoked is not None else replace(self, revoked=now)

    def to_json(self) -> dict[str, Any]:
        """All of it, for the file of keys."""
        return {**self.describe(), "salt": self.salt.hex(), "sha256": self.digest.hex()}

    def describe(self) -> dict[str, Any]:
        """All that may be shown."""
        return {
            "id": self.id,
            "name": self.name,
            "scope": self.scope,
            "collections": None if self.collections is None else list(self.collections),
            "rate": self.rate,
            "max_bytes": self.max_bytes,
            "created": write_time(self.created),
            "expires": write_time(self.expires),
            "revoked": write_time(self.revoked),
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """The key that `to_json` told.

        Raises:
            KeyError: a field is missing.
            TypeError: a value of another type.
            ValueError: a value that cannot be.
        """
        collections, scope = told["collections"], told["scope"]
        if scope not in SCOPES:
            message = f"scope is {scope!r}; possible: {', '.join(SCOPES)}"
            raise ValueError(message)
        created = _read_time(told["created"])
        if created is None:
            message = "created is null"
            raise ValueError(message)
        return cls(
            id=str(told["id"]),
            name=str(told["name"]),
            scope=scope,
            collections=None if collections is None else tuple(map(str, collections)),
            rate=None if told["rate"] is None else int(told["rate"]),
            max_bytes=None if told["max_bytes"] is None else int(told["max_bytes"]),
            created=created,
            expires=_read_time(told["expires"]),
            revoked=_read_time(told["revoked"]),
            salt=bytes.fromhex(told["salt"]),
            digest=bytes.fromhex(told["sha256"]),
        )


def _digest(salt: bytes, secret: str) -> bytes:
    return hashlib.sha256(salt + secret.encode()).digest()


def _checksum(text: str) -> str:
    """CRC-32 in 6 digits of 62."""
    rest, digits = zlib.crc32(text.encode()), ""
    for _ in range(_CHECK_LENGTH):
        rest, digit = divmod(rest, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits


def write_time(moment: int | None) -> str | None:
    """A Unix time as RFC 3339 has it (`2026-11-20T09:17:07Z`)."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def _read_time(text: str | None) -> int | None:
    return None if text is None else int(datetime.fromisoformat(text).timestamp())
