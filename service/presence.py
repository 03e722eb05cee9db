"""Work that ends when nobody waits for it any more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar, cast

from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from fastapi import Request

T = TypeVar("T")


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of the work, which is cancelled once the sender of the request hangs up.

    What waits for a thread or a batch then gives up its place; what runs already runs on.

    Raises:
        ClientDisconnect: the sender left before there was a result.
    """
    watcher = _Watcher(request)
    watching = asyncio.create_task(watcher.watch())
    try:
        return await work
    except asyncio.CancelledError:
        if watcher.cancelled and watcher.task.uncancel() == 0:
            raise ClientDisconnect from None
        raise
    finally:
        watching.cancel()


class _Watcher:
    """Cancels the task it was made in when the sender is gone, as `asyncio.timeout` does in time.

    Attributes:
        task: the one that works.
        cancelled: True once it was cancelled.
    """

    def __init__(self, request: Request) -> None:
        self.task = cast("asyncio.Task[Any]", asyncio.current_task())
        self.cancelled = False
        self._request = request

    async def watch(self) -> None:
        """Wait for the end of the connection; a server that sends anything else cannot tell."""
        message = await self._request.receive()
        if message["type"] == "http.disconnect":
            self.cancelled = True
            self.task.cancel()
