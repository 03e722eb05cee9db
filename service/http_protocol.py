"""HTTP/1.1 by httptools, a C parser, with bounds on what a client may hold, and for how long."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    from uvicorn._types import ASGI3Application
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

MAX_HEAD_BYTES = 64 * 1024
"""Of request line and headers; as much as h11, uvicorn's other parser, takes."""
_FLUSH_SECONDS = 10.0
"""How long a connection that is being closed may take to hand over what is left."""
_MOST_PIPELINED = 100
"""Requests that a client may send before their answers; hardly any sends a second one."""
_LEAST_READ = 64 * 1024
"""Bytes of an answer that a client has to read in `write_seconds`, to be given as many more."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a connection may hold.

    Attributes:
        connections: open at the same time.
        head_seconds: until request line and headers have come, and from an answer to the end of a
            body that it did not wait for.
        write_seconds: in which a client reads some of an answer that waits for it.
    """

    connections: int = 1000
    head_seconds: float = 20.0
    write_seconds: float = 60.0


class Http(HttpToolsProtocol):
    """One connection; uvicorn's own waits for slow clients without end and keeps what they send.

    Attributes:
        bounds: of all connections.
        draining: True once no further request is waited for.
    """

    bounds = Bounds()
    draining = False

    _head_bytes = 0
    _in_head = False
    _in_message = False
    _idle_since: float | None = None
    _head_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None
    _unread = 0
    _answering: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection in, in the place of the one that is idle longest if need be."""
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        if len(self.connections) > self.bounds.connections and not self._make_room():
            self._refuse(503, "busy", "all connections are at work; try again in a moment")
            return
        self._wait_for_head()

    def eof_received(self) -> None:
        """The client sends no more, which closes the connection: nobody is to be answered."""
        self._leave()
        super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._leave()
        self._stop_head_timer()
        self._stop_write_timer()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; close the connection if its headers do not come to an end."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if not self._in_head:
            return
        if self._head_timer is None:
            self._wait_for_head()
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            limit = f"{MAX_HEAD_BYTES:,} bytes"
            self.send_400_response(f"request line and headers exceed {limit}; send shorter ones")

    def on_message_begin(self) -> None:
        """Another request on this connection."""
        self._head_bytes = 0
        self._in_head = self._in_message = True
        self._idle_since = None
        self._stop_head_timer()  # begun anew if what came does not hold the whole head
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its body may follow, which is bounded elsewhere."""
        self._in_head = False
        self._stop_head_timer()
        super().on_headers_complete()
        if self.draining:
            self.cycle.keep_alive = False
        if len(self.pipeline) > _MOST_PIPELINED:
            self._hang_up()
            message = f"more than {_MOST_PIPELINED} requests wait on one connection"
            raise RuntimeError(message)  # ends the parsing of those that came with them

    def on_message_complete(self) -> None:
        """All of it came."""
        self._in_message = False
        self._stop_head_timer()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for another request, or for the rest of this one."""
        super().on_response_complete()
        if not self.pipeline and not self.transport.is_closing():
            self._idle_since = self.loop.time()
            if self._in_message:
                self._wait_for_head()

    def pause_writing(self) -> None:
        """The client does not read as fast as it is answered."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """It has read."""
        self._stop_write_timer()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """No further request came."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(_FLUSH_SECONDS, self.transport.abort)

    def drain(self) -> None:
        """End the connection with the answer to what was asked."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _hang_up(self) -> None:
        """End the connection at once, and have nobody write to it any more."""
        self.transport.abort()
        self._leave()

    def _leave(self) -> None:
        """Have nobody write any more; uvicorn tells the last of several requests alone."""
        for cycle in (self._answering, *(cycle for cycle, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    @property
    def idle_since(self) -> float | None:
        """When it became idle, in the loop's time; None while a request or answer is under way."""
        return None if self.transport.get_write_buffer_size() else self._idle_since

    def close_idle(self) -> None:
        """Give the place to another connection."""
        self.transport.abort()
        self.connections.discard(self)

    def _make_room(self) -> bool:
        idle = [
            (since, number, each)
            for number, each in enumerate(self.connections)
            if isinstance(each, Http) and each is not self
            if (since := each.idle_since) is not None
        ]
        if not idle:
            return False
        min(idle)[2].close_idle()
        return True

    def _wait_for_head(self) -> None:
        self._stop_head_timer()
        self._head_timer = self.loop.call_later(self.bounds.head_seconds, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self.transport.is_closing():
            return
        answering = self.cycle is not None and not self.cycle.response_complete
        if self.flow.read_paused or (self._in_head and answering):  # it waits for us
            self._wait_for_head()
        elif self._in_head:
            seconds = f"{self.bounds.head_seconds:g} s"
            self._refuse(408, "head_too_slow", f"the request's headers did not come in {seconds}")
        else:
            self.transport.abort()

    def _watch_reader(self) -> None:
        self._stop_write_timer()
        self._unread = self._waiting()
        self._write_timer = self.loop.call_later(self.bounds.write_seconds, self._reader_is_late)

    def _reader_is_late(self) -> None:
        self._write_timer = None
        if self._unread - self._waiting() >= _LEAST_READ:
            self._watch_reader()
            return
        seconds = self.bounds.write_seconds
        self.logger.warning(
            "a client read too little of its answer in %g s and is cut off", seconds
        )
        self.transport.abort()

    def _waiting(self) -> int:
        """Bytes of answers that the client has not taken, here and, where it tells, in the system.

        The system takes megabytes and asks for more only when a third of them is read.
        """
        waiting = self.transport.get_write_buffer_size()
        socket = self.transport.get_extra_info("socket")
        with suppress(ImportError, OSError, AttributeError):
            import fcntl
            import termios

            told = fcntl.ioctl(socket.fileno(), termios.TIOCOUTQ, bytes(4))
            waiting += int.from_bytes(told, sys.byteorder)
        return waiting

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Answer what no application sees, and close."""
        told = {"message": message, "type": "server_error", "param": None, "code": code}
        body = json.dumps({"error": told}).encode()
        line = {408: b"408 Request Timeout", 503: b"503 Service Unavailable"}[status]
        head = [b"HTTP/1.1 ", line, b"\r\ncontent-type: application/json\r\nretry-after: 2\r\n"]
        head += [b"content-length: ", str(len(body)).encode(), b"\r\nconnection: close\r\n\r\n"]
        self.transport.write(b"".join([*head, body]))
        self.transport.close()
        self.loop.call_later(_FLUSH_SECONDS, self.transport.abort)


def bounded(bounds: Bounds) -> type[Http]:
    """The protocol with bounds of its own, for one server."""
    return type("BoundedHttp", (Http,), {"bounds": bounds, "draining": False})


def drain(protocol: type[Http], connections: Iterable[object]) -> None:
    """Have every answer from now on be the last of its connection."""
    protocol.draining = True
    for each in connections:
        if isinstance(each, Http):
            each.drain()
