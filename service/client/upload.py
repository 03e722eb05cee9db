"""Any number of documents, in requests of a bounded size, a bounded number of them at once."""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.client.calls import upsert_written
from service.client.errors import ClientError, UploadError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator
    from concurrent.futures import Future

    from service.client.answers import WriteAnswer
    from service.client.connection import AsyncConnection, Connection
    from service.client.questions import DocumentInput

_PLACE = re.compile(r"documents\[(\d+)\](.*)", re.DOTALL)
_HEAD, _TAIL = b'{"documents":[', b"]}"
_FRAME = len(_HEAD) + len(_TAIL)


@dataclass(frozen=True, slots=True)
class Uploaded:
    """How far an upload is.

    Attributes:
        documents: stored by now.
        bytes: of the requests that carried them.
        receipt: what was written by now.
    """

    documents: int
    bytes: int
    receipt: WriteAnswer


@dataclass(frozen=True, slots=True)
class Pace:
    """How an upload is cut into requests.

    Attributes:
        documents: in one request at most.
        bytes: of one request at most; a document that is larger goes alone.
        in_flight: requests under way at once; as many are held in memory, and one more.
    """

    documents: int = 128
    bytes: int = 8 << 20
    in_flight: int = 2

    def __post_init__(self) -> None:
        for name in ("documents", "bytes", "in_flight"):
            if getattr(self, name) < 1:
                message = f"{name} is {getattr(self, name)}; 1 or more are possible"
                raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Batch:
    """The documents of one request.

    Attributes:
        first: position of the first of them in the upload.
        ids: theirs, in order.
        content: the request's body.
    """

    first: int
    ids: tuple[str, ...]
    content: bytes


class Batcher:
    """Gathers documents into the bodies of requests."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._first = 0
        self._ids: list[str] = []
        self._written: list[bytes] = []
        self._bytes = _FRAME

    def add(self, document: DocumentInput) -> Batch | None:
        """Take one more document; the batch before it, if it does not fit in there."""
        written, id_ = self._write(document)
        room = self._pace.bytes - self._bytes - len(written)
        full = len(self._ids) >= self._pace.documents or room < 0 or id_ in self._ids
        batch = self.flush() if full else None
        self._ids.append(id_)
        self._written.append(written)
        self._bytes += len(written) + 1
        return batch

    def flush(self) -> Batch | None:
        """The batch of what is gathered; None if that is nothing."""
        if not self._ids:
            return None
        batch = Batch(self._first, tuple(self._ids), _HEAD + b",".join(self._written) + _TAIL)
        self._first += len(self._ids)
        self._ids, self._written, self._bytes = [], [], _FRAME
        return batch

    def _write(self, document: DocumentInput) -> tuple[bytes, str]:
        position = self._first + len(self._ids)
        try:
            written = json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
            return written, str(document["id"])
        except (KeyError, TypeError, ValueError) as error:
            what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            message = f"document {position:,} of the upload cannot be sent as JSON: {what}"
            raise ClientError(
                message, status=422, code="invalid_document", param=f"documents[{position}]"
            ) from error


class Tally:
    """What an upload did so far."""

    def __init__(self, progress: Callable[[Uploaded], None] | None) -> None:
        self.receipt: WriteAnswer = {
            "added": 0,
            "changed": 0,
            "relabelled": 0,
            "unchanged": 0,
            "tokens": 0,
            "truncated": [],
            "unknown": 0,
            "milliseconds": {},
        }
        self._documents = 0
        self._bytes = 0
        self._progress = progress
        self._failed: tuple[Batch, ClientError] | None = None

    @property
    def has_failed(self) -> bool:
        """True once a request was refused."""
        return self._failed is not None

    def stored(self, batch: Batch, receipt: WriteAnswer) -> None:
        """Count a batch that is stored."""
        self.receipt = add_receipts(self.receipt, receipt)
        self._documents += len(batch.ids)
        self._bytes += len(batch.content)
        if self._progress is not None:
            self._progress(Uploaded(self._documents, self._bytes, self.receipt))

    def refused(self, batch: Batch, error: ClientError) -> None:
        """Keep the first refusal; others of the same moment follow from it."""
        if self._failed is None:
            self._failed = (batch, error)

    def result(self) -> WriteAnswer:
        """The receipts added up.

        Raises:
            UploadError: a request was refused.
        """
        if self._failed is None:
            return self.receipt
        batch, error = self._failed
        place = _PLACE.match(error.param or "")
        within = int(place[1]) if place else len(batch.ids)
        if within >= len(batch.ids):
            raise UploadError(
                error, receipt=self.receipt, param=error.param, position=None, document_id=None
            ) from error
        position = batch.first + within
        raise UploadError(
            error,
            receipt=self.receipt,
            param=f"documents[{position}]{place[2] if place else ''}",
            position=position,
            document_id=batch.ids[within],
        ) from error


def upload(
    connection: Connection,
    name: str,
    documents: Iterable[DocumentInput],
    pace: Pace,
    progress: Callable[[Uploaded], None] | None,
) -> WriteAnswer:
    """Send the documents, oldest first; see `Client.upload`."""
    tally = Tally(progress)
    flying: deque[tuple[Batch, Future[WriteAnswer]]] = deque()

    def land() -> None:
        batch, future = flying.popleft()
        try:
            tally.stored(batch, future.result())
        except ClientError as error:
            tally.refused(batch, error)

    with ThreadPoolExecutor(pace.in_flight, thread_name_prefix="upload") as pool:
        for batch in _batches(documents, pace):
            while flying and _must_wait(batch, [each for each, _ in flying], pace):
                land()
            if tally.has_failed:
                break
            call = upsert_written(name, batch.content)
            flying.append((batch, pool.submit(connection.ask, call)))
        while flying:
            land()
    return tally.result()


async def upload_async(
    connection: AsyncConnection,
    name: str,
    documents: AsyncIterator[DocumentInput],
    pace: Pace,
    progress: Callable[[Uploaded], None] | None,
) -> WriteAnswer:
    """`upload` in an event loop."""
    tally = Tally(progress)
    flying: deque[tuple[Batch, asyncio.Task[WriteAnswer]]] = deque()

    async def land() -> None:
        batch, task = flying.popleft()
        try:
            tally.stored(batch, await task)
        except ClientError as error:
            tally.refused(batch, error)

    try:
        async for batch in _batches_async(documents, pace):
            while flying and _must_wait(batch, [each for each, _ in flying], pace):
                await land()
            if tally.has_failed:
                break
            call = upsert_written(name, batch.content)
            flying.append((batch, asyncio.create_task(connection.ask(call))))
        while flying:
            await land()
    finally:
        for _, task in flying:
            task.cancel()
        await asyncio.gather(*(task for _, task in flying), return_exceptions=True)
    return tally.result()


def add_receipts(a: WriteAnswer, b: WriteAnswer) -> WriteAnswer:
    """Two receipts as one: numbers added, lists joined, times added by stage."""
    times = dict(a["milliseconds"])
    for stage, ms in b["milliseconds"].items():
        times[stage] = times.get(stage, 0.0) + ms
    return {
        "added": a["added"] + b["added"],
        "changed": a["changed"] + b["changed"],
        "relabelled": a["relabelled"] + b["relabelled"],
        "unchanged": a["unchanged"] + b["unchanged"],
        "tokens": a["tokens"] + b["tokens"],
        "truncated": [*a["truncated"], *b["truncated"]],
        "unknown": a["unknown"] + b["unknown"],
        "milliseconds": times,
    }


def _must_wait(batch: Batch, flying: list[Batch], pace: Pace) -> bool:
    """True while too many are under way, or one that writes a document of the batch too.

    Of two writes to one id under way together either may be the last.
    """
    if len(flying) >= pace.in_flight:
        return True
    ids = set(batch.ids)
    return any(not ids.isdisjoint(other.ids) for other in flying)


def _batches(documents: Iterable[DocumentInput], pace: Pace) -> Iterator[Batch]:
    batcher = Batcher(pace)
    for document in documents:
        if (batch := batcher.add(document)) is not None:
            yield batch
    if (batch := batcher.flush()) is not None:
        yield batch


async def _batches_async(
    documents: AsyncIterator[DocumentInput], pace: Pace
) -> AsyncIterator[Batch]:
    batcher = Batcher(pace)
    async for document in documents:
        if (batch := batcher.add(document)) is not None:
            yield batch
    if (batch := batcher.flush()) is not None:
        yield batch
