"""The gate in front of every route: which host, which key, how often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.access.caller import ANYBODY, CALLER, NOBODY, Caller
from service.access.errors import (
    AccessError,
    InvalidKeyError,
    KeysFileError,
    MissingKeyError,
    OpenServiceError,
)
from service.access.hosts import Hosts, is_loopback
from service.access.keys import PREFIX
from service.access.needs import OPEN
from service.access.pace import Paces
from service.errors import find_problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from service.access.watching import WatchedKeys
    from service.settings import Settings

_HOW = "send it as `Authorization: Bearer KEY` (meari reads it from MEARI_API_KEY)"
_WITHOUT = {"WWW-Authenticate": 'Bearer realm="meari"'}
_WRONG = {"WWW-Authenticate": 'Bearer realm="meari", error="invalid_token"'}


class Gate:
    """ASGI middleware: lets in who may come in, and has it known (`CALLER`).

    What the key must be allowed to do is judged once the route is known, by `needs.NEEDS`. A path
    that is not among the open ones needs a key here already, whether anything answers it or not.

    Args:
        app: what stands behind.
        keys: those there are.
        settings: the installation's choices.
        open_paths: that need no key, besides `needs.OPEN`.
    """

    def __init__(
        self, app: ASGIApp, keys: WatchedKeys, settings: Settings, open_paths: Iterable[str]
    ) -> None:
        self._app = app
        self._keys = keys
        self._open = (OPEN | frozenset(open_paths)) - (
            frozenset() if settings.open_metrics else {"/metrics"}
        )
        self._hosts = Hosts(settings.host_names)
        self._always_hosts = bool(settings.host_names)
        self._loopback = is_loopback(settings.host)
        self._paces = Paces()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            caller = self._admit(scope)
        except (AccessError, KeysFileError) as error:
            problem = find_problem(error)
            if problem is None:
                raise
            await problem.to_response()(scope, receive, send)
            return
        scope["meari.key"] = caller.name
        token = CALLER.set(caller)
        try:
            await self._app(scope, receive, send)
        finally:
            CALLER.reset(token)

    def _admit(self, scope: Scope) -> Caller:
        """Who asks.

        Raises:
            AccessError: it may not come in.
            KeysFileError: nobody can tell.
        """
        asked = self._keys.are_asked()
        if self._always_hosts or (self._loopback and not asked):
            self._hosts.check(_header(scope, b"host"))
        if not asked:
            return ANYBODY
        shown, is_open = _shown_key(scope), scope["path"] in self._open
        if not shown:
            if is_open:
                return NOBODY
            raise MissingKeyError(f"this needs an API key; {_HOW}", _WITHOUT)
        try:
            key = self._keys.recognise(shown)
        except (InvalidKeyError, KeysFileError) as error:
            if is_open:
                return NOBODY
            if isinstance(error, InvalidKeyError):
                raise InvalidKeyError(f"{error}; {_HOW}", _WRONG) from error
            raise
        if not is_open:
            self._paces.take(key)
        return Caller.of(key)


def check_open(settings: Settings, keys: WatchedKeys) -> None:
    """Refuse to serve where others could do everything.

    Raises:
        OpenServiceError: the address can be reached from elsewhere, there is no key, and nobody
            said that it shall be so.
    """
    if settings.open or is_loopback(settings.host) or keys.are_asked():
        return
    message = (
        f"{settings.host} can be reached from other machines and there is no API key yet: whoever "
        f"comes could read, write and drop everything. Make one with `meari keys create NAME "
        f"--scope admin --data {settings.data}`, listen on 127.0.0.1, or say that it shall be open "
        "with MEARI_OPEN=true"
    )
    raise OpenServiceError(message)


def _shown_key(scope: Scope) -> str:
    """The key that the request shows, or whatever stands in its place; empty if nothing does."""
    shown = []
    for name in (b"authorization", b"x-api-key", b"api-key"):
        value = _header(scope, name)
        if name == b"authorization":
            scheme, _, value = value.partition(" ")
            value = value if scheme.lower() == "bearer" else ""
        if value := value.strip():
            shown.append(value)
    return next((each for each in shown if each.startswith(PREFIX)), shown[0] if shown else "")


def _header(scope: Scope, wanted: bytes) -> str:
    for name, value in scope["headers"]:
        if name == wanted:
            decoded: str = value.decode("latin-1")
            return decoded
    return ""
