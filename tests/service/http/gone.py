"""A sender that hangs up before it is answered."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.service.http.conftest import Client


class Gone:
    """Sends a body, waits for the answer, and leaves once told to, from whatever thread.

    Attributes:
        sent: what it was answered.
    """

    def __init__(self, body: object) -> None:
        self.sent: list[dict[str, object]] = []
        self._body = json.dumps(body).encode()
        self._waits = threading.Semaphore(0)
        self._left = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def ask(self, client: Client, path: str) -> None:
        """Ask, until there is an answer or it has left."""
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "headers": [(b"content-type", b"application/json")],
            "query_string": b"",
        }
        client.call(lambda: client.app(scope, self._receive, self._send))

    def leave(self) -> None:
        """Hang up, as soon as the body was read."""
        assert self._waits.acquire(timeout=30)
        self._loop.call_soon_threadsafe(self._left.set)

    async def _receive(self) -> dict[str, object]:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            return {"type": "http.request", "body": self._body, "more_body": False}
        self._waits.release()
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, object]) -> None:
        self.sent.append(message)
