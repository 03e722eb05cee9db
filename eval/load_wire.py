"""Kept connections that send ready-made HTTP requests: a client as cheap as Python allows.

The processor time of a load generator is taken from the server on the same machine, so nothing
here reads more of an answer than its status and where it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_HEAD = 1 << 16


class WireError(Exception):
    """No answer came; `kind` says why in a word or two: `refused`, `broken`, `timeout`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    Attributes:
        status: of HTTP.
        body: its bytes.
    """

    status: int
    body: bytes


class Wire:
    """One connection to a server, opened at the first request and again after it broke.

    Args:
        host: the server's.
        port: the server's.
        secure: whether to speak TLS.
        timeout: seconds for one request.
        api_key: sent along, for a server that asks for one.
    """

    def __init__(
        self, host: str, port: int, *, secure: bool, timeout: float, api_key: str | None = None
    ) -> None:
        self._host = host
        self._port = port
        self._context = ssl.create_default_context() if secure else None
        self._timeout = timeout
        self._keyed = "" if api_key is None else f"Authorization: Bearer {api_key}\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> bytes:
        """The bytes of a request."""
        content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        host = f"[{self._host}]" if ":" in self._host else self._host
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {host}:{self._port}\r\n{self._keyed}"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content

    async def send(self, request: bytes) -> Reply:
        """The answer to a request.

        Raises:
            WireError: none came.
        """
        try:
            async with asyncio.timeout(self._timeout):
                return await self._exchange(request)
        except TimeoutError as error:
            self.close()
            message = f"no answer within {self._timeout:g} seconds"
            raise WireError("timeout", message) from error
        except (
            OSError,
            ValueError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
        ) as error:
            kind = "broken" if self._streams else "refused"
            self.close()
            raise WireError(kind, str(error) or type(error).__name__) from error

    def close(self) -> None:
        """End the connection."""
        if self._streams is not None:
            with contextlib.suppress(OSError, RuntimeError):
                self._streams[1].close()
            self._streams = None

    async def _exchange(self, request: bytes) -> Reply:
        if self._streams is None:
            self._streams = await asyncio.open_connection(
                self._host, self._port, ssl=self._context, limit=_MOST_HEAD
            )
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head[9:12])
        fields = dict(line.partition(b":")[::2] for line in head.split(b"\r\n")[1:] if line)
        if fields.get(b"transfer-encoding", b"").strip() == b"chunked":
            body = await _chunks(reader)
        else:
            body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
        if fields.get(b"connection", b"").strip() == b"close":
            self.close()
        return Reply(status, body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts: list[bytes] = []
    while True:
        size = int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16)
        part = await reader.readexactly(size + 2)
        if size == 0:
            return b"".join(parts)
        parts.append(part[:-2])
