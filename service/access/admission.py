"""Around each answer of the API: may the caller have it, how long may it take, who wrote what."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.access.audit import counts_of, should_tell, told_of
from service.access.caller import CALLER
from service.access.needs import Need, need_of
from service.errors import TooLongError, find_problem
from service.observe import REQUEST_ID
from service.resources import announced_size

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Mapping
    from typing import Any

    from starlette.requests import Request
    from starlette.responses import Response

    from service.resources import Holding, Resources

_FREEING = ("/documents/delete", "/documents/trim")
"""Endings of paths that give something back, besides all that is asked with DELETE."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What is asked of whoever comes to a route.

    Attributes:
        method: of the route.
        path: its template.
        need: what a key has to be; None: none is needed.
    """

    method: str
    path: str
    need: Need | None

    @classmethod
    def of(cls, methods: Collection[str], path: str) -> Admission:
        """That of the table, the most that any of the methods needs."""
        (method,) = methods
        return cls(method, path, need_of(method, path))

    @asynccontextmanager
    async def admit(self, request: Request) -> AsyncIterator[Callable[[Response], Response]]:
        """Let the request in; its answer goes through what this gives.

        A write is told to the audit log. A read is given up after `max_read_seconds`; a write is
        not, because it would go on in its thread all the same.

        Raises:
            AccessError: it may not come in.
            DiskShortError: it writes, and the disk is nearly full.
            MemoryShortError: it writes or is large, and memory is short.
            TooLongError: it took too long.
        """
        if self.need is None:
            yield _as_it_is
            return
        if self.need.scope == "read":
            self.need.check(CALLER.get(), request.path_params)
            seconds = request.app.state.engine.settings.max_read_seconds
            try:
                async with asyncio.timeout(seconds) as limit:
                    with self._weighed(request, writes=False):
                        yield _as_it_is
            except TimeoutError as error:
                if not limit.expired():
                    raise
                message = f"no answer within {seconds:g} s; ask for less, or again later"
                raise TooLongError(message) from error
            return

        def tell(response: Response) -> Response:
            self._tell(request, response.status_code, bytes(response.body))
            return response

        try:
            self.need.check(CALLER.get(), request.path_params)
            with self._weighed(request, writes=not self._frees):
                yield tell
        except Exception as error:
            problem = find_problem(error)
            self._tell(request, 500 if problem is None else problem.status, b"")
            raise

    @property
    def _frees(self) -> bool:
        return self.method == "DELETE" or self.path.endswith(_FREEING)

    def _weighed(self, request: Request, *, writes: bool) -> Holding:
        """Weigh the request by what its body may come to take, until it is answered."""
        resources: Resources = request.app.state.engine.resources
        holding = resources.weighing(announced_size(request.scope) or 0, writes=writes)
        request.scope["meari.holding"] = holding
        return holding

    def _tell(self, request: Request, status: int, body: bytes) -> None:
        if not should_tell(status):
            return
        told = told_of(body)
        request.app.state.audit.tell(
            method=self.method,
            route=self.path,
            collection=_collection_of(request.path_params, told),
            status=status,
            counts=counts_of(told),
            request_id=REQUEST_ID.get(),
        )


def _collection_of(path: Mapping[str, str], told: Mapping[str, Any]) -> str | None:
    """The collection that is named by the path, by an answer about it, or by one about a job."""
    return path.get("collection") or told.get("name") or told.get("collection")


def _as_it_is(response: Response) -> Response:
    return response
