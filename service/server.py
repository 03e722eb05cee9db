"""The HTTP service as a process: a port, signals, a log."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import math
import os
import signal
import socket
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import uvicorn

from service.access.gate import check_open
from service.access.keyring import read_keys
from service.access.watching import WatchedKeys
from service.app import create_app
from service.engine import open_folder
from service.http_protocol import Bounds, bounded, drain
from service.observe import configure_logging

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from service.engine import Engine
    from service.http_protocol import Http
    from service.settings import Settings

logger = logging.getLogger(__name__)

_BACKLOG = 2048
_IDLE_SECONDS = 65
"""How long an unused connection stays open: longer than proxies and clients keep theirs."""
GRACE_SECONDS = 30
"""How long requests in progress may go on after a signal, unless told otherwise."""
_LINGER_SECONDS = 0.5
"""How long after a signal requests are still read, and told that the service is stopping."""

SWITCH_SECONDS = 0.0005
"""How long a thread may run Python while another waits to: a search gives the interpreter up and
takes it again some twenty times, and each time would wait 5 ms for a thread that analyses."""

GARBAGE_OBJECTS = 20_000
"""How many objects more than went are looked through for circles nobody holds: Python's 700 are
what some forty requests at once have, so it looked through those of each again and again, a tenth
of the loop's time."""


def serve(settings: Settings, *, on_start: Callable[[str], None] | None = None) -> None:
    """Answer requests until SIGINT or SIGTERM; then finish those in progress and close.

    Args:
        settings: the installation's choices; port 0 takes a free one.
        on_start: called with the URL once requests are answered.

    Raises:
        OSError: the port cannot be listened on; the message names it.
        FolderLockedError: another process owns the data folder.
        OpenServiceError: others could reach the port, and no key is asked for.
        KeysFileError: the keys cannot be read.
    """
    configure_logging(settings)
    _limit_arenas(settings.malloc_arenas)
    _raise_file_limit()
    read_keys(settings.data.expanduser())
    check_open(settings, WatchedKeys(settings.data.expanduser()))
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(GARBAGE_OBJECTS, 10, 10)
    with listening(settings) as listener:
        bound = settings.model_copy(update={"port": listener.getsockname()[1]})
        app = create_app(bound, folder=open_folder(bound))
        http = bounded(
            Bounds(settings.max_connections, settings.max_head_seconds, settings.max_write_seconds)
        )
        config = uvicorn.Config(
            app,
            http=http,
            ws="none",
            log_config=None,
            access_log=False,
            lifespan="on",
            proxy_headers=False,  # nobody here asks where a request came from
            server_header=False,
            timeout_graceful_shutdown=math.ceil(settings.grace_seconds),
            timeout_keep_alive=_IDLE_SECONDS,
        )
        with _stopping_quietly():
            _Server(config, bound.url, app.state.engine, http, on_start).run(sockets=[listener])


_M_ARENA_MAX = -8


def _limit_arenas(most: int | None) -> None:
    """Have glibc keep few arenas of memory; elsewhere, and with None, nothing happens.

    It makes one for each thread, up to eight a processor, and what is free in one is of no use to
    threads of another: with some thirty threads a third of the memory came to lie idle so.
    """
    if most is None or not sys.platform.startswith("linux"):
        return
    with suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, most)


def _raise_file_limit() -> None:
    """Allow as many open files as the system lets this process have: connections are files."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != hard:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class _Server(uvicorn.Server):
    """Says where it answers, once it does, and leaves nobody without an answer in the end."""

    def __init__(
        self,
        config: uvicorn.Config,
        url: str,
        engine: Engine,
        http: type[Http],
        on_start: Callable[[str], None] | None,
    ) -> None:
        super().__init__(config)
        self._url = url
        self._engine = engine
        self._http = http
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        logger.info("answering at %s", self._url)
        if self._on_start is not None:
            self._on_start(self._url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what was asked, refuse what is asked from now on, then close.

        Closing an idle connection at once, or the port with connections that nobody has taken in,
        would cut off who sends a request at that moment.
        """
        self._engine.begin_stopping()
        drain(self._http, self.server_state.connections)
        await asyncio.sleep(_LINGER_SECONDS)
        last = [connection for each in sockets or [] for connection in _accept_all(each)]
        for server in self.servers:
            server.close()
        for each in sockets or []:
            each.close()
        for connection in last:
            await asyncio.get_running_loop().connect_accepted_socket(self._answering, connection)
        await asyncio.sleep(_LINGER_SECONDS)
        await super().shutdown(sockets)

    def _answering(self) -> Http:
        return self._http(self.config, self.server_state, self.lifespan.state)


def _accept_all(listener: socket.socket) -> list[socket.socket]:
    """Connections that clients have made and nobody has taken in."""
    listener.setblocking(False)
    found: list[socket.socket] = []
    try:
        while len(found) < _BACKLOG:
            found.append(listener.accept()[0])
    except OSError:  # there are no more
        pass
    return found


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """A listening socket; bound before anything is loaded, so that a taken port is told at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio turns Nagle's algorithm off, worth 40 ms an answer, only where TCP is named
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        try:
            if os.name != "nt":  # there it would let two servers share the port
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((settings.host, settings.port))
            listener.listen(_BACKLOG)
        except OSError as error:
            where = f"cannot listen on {settings.host} port {settings.port}"
            message = f"{where}: {error.strerror or error}; choose others with --host and --port"
            raise OSError(error.errno, message) from error
        yield listener


@contextmanager
def _stopping_quietly() -> Iterator[None]:
    """A signal that uvicorn has obeyed, and raises once more, ends nothing else."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
