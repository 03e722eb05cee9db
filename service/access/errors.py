"""Why somebody is not let in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class AccessError(Exception):
    """Base of refusals to a request; none of them ever quotes a key.

    Attributes:
        headers: to send along with the refusal.
    """

    def __init__(self, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.headers = dict(headers or {})


class MissingKeyError(AccessError):
    """A request without a key where one is needed."""


class InvalidKeyError(AccessError):
    """A key that is none, or none any more."""


class ScopeError(AccessError):
    """A key that may do less than was asked; the message names the scope it lacks."""


class CollectionForbiddenError(AccessError):
    """A key bound to other collections."""


class RateError(AccessError):
    """A key that asked more often than it may."""


class HostError(AccessError):
    """A `Host` header that names somebody else."""


class KeysFileError(Exception):
    """The file of keys cannot be read; the message names it and the remedy."""


class KeyWishError(Exception):
    """A key that cannot be made or found as asked; the message says what would do."""


class OpenServiceError(Exception):
    """A service that others could reach and that asks nobody for a key; how to mend it."""
