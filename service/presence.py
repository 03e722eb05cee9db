"""Work that ends when nobody waits for it any more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from fastapi import Request

T = TypeVar("T")


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of the work, which is cancelled once the sender of the request hangs up.

    What waits for a thread or a batch then gives up its place; what runs already runs on.

    Raises:
        ClientDisconnect: the sender left before there was a result.
    """
    task = asyncio.ensure_future(work)
    watcher = asyncio.create_task(_wait_for_hang_up(request))
    try:
        await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done() and watcher.result():
            raise ClientDisconnect
        return await task
    finally:
        watcher.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


async def _wait_for_hang_up(request: Request) -> bool:
    """True once the sender is gone; False if the server cannot tell."""
    message = await request.receive()
    return str(message["type"]) == "http.disconnect"
