"""Who is asking, known wherever its request is worked on."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.access.errors import CollectionForbiddenError, ScopeError
from service.access.keys import SCOPES, ApiKey, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self


@dataclass(frozen=True, slots=True)
class Caller:
    """What the sender of a request may do.

    Attributes:
        key: the id of its key; None without one.
        name: the name of its key.
        scope: what it may do; None: nothing but what needs no key.
        collections: those it may see; None: all.
        max_bytes: of a request's body; None: the service's bounds alone.
    """

    key: str | None
    name: str
    scope: Scope | None
    collections: frozenset[str] | None
    max_bytes: int | None = None

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        """Whoever shows that key."""
        seen = None if key.collections is None else frozenset(key.collections)
        return cls(key.id, key.name, key.scope, seen, key.max_bytes)

    def sees(self, collection: str) -> bool:
        """Whether it may know of a collection."""
        return self.collections is None or collection in self.collections

    def check_scope(self, needed: Scope) -> None:
        """Refuse what it may not do.

        Raises:
            ScopeError: naming the scope.
        """
        if self.scope is None or SCOPES.index(self.scope) < SCOPES.index(needed):
            message = (
                f"this needs scope {needed}; the API key {self.key} ({self.name}) has {self.scope}"
            )
            headers = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{needed}"'}
            raise ScopeError(message, headers)

    def check_collection(self, collection: str) -> None:
        """Refuse a collection that is not among its own, whether it is there or not.

        Raises:
            CollectionForbiddenError: naming it.
        """
        if not self.sees(collection):
            own = ", ".join(sorted(self.collections or ()))
            message = f"the API key {self.key} ({self.name}) is bound to other collections: {own}"
            raise CollectionForbiddenError(message)

    def check_unbound(self) -> None:
        """Refuse what concerns all collections to one that sees but some.

        Raises:
            CollectionForbiddenError: it is bound to some.
        """
        if self.collections is not None:
            message = (
                f"this concerns all collections; the API key {self.key} ({self.name}) is bound "
                f"to {', '.join(sorted(self.collections))}"
            )
            raise CollectionForbiddenError(message)


ANYBODY = Caller(None, "", "admin", None)
"""Whoever asks a service that asks for no key, and the service itself."""
NOBODY = Caller(None, "", None, frozenset())
"""Whoever shows no key where others have one."""
CALLER: ContextVar[Caller] = ContextVar("caller", default=ANYBODY)
"""The sender of the request being answered, in its task and in the threads that work for it."""


@contextmanager
def as_the_service() -> Iterator[Caller]:
    """See everything in this block, on the service's own behalf; gives who really asks."""
    asking = CALLER.get()
    token = CALLER.set(ANYBODY)
    try:
        yield asking
    finally:
        CALLER.reset(token)
