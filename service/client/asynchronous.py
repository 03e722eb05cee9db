"""The client for code that runs in an event loop: the methods of `Client`, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Self, TypeVar, Unpack

from service.client import calls, calls_backups, calls_structure
from service.client.connection import AsyncConnection, with_key
from service.client.patience import Patience
from service.client.signatures import as_method
from service.client.upload import Pace, Uploaded, upload_async
from service.client.waiting import EventReader, Waits, done, id_of, is_over

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence

    import httpx

    from service.client.answers import (
        DocumentAnswer,
        EmbeddingsAnswer,
        JsonObject,
        SearchAnswer,
        WriteAnswer,
    )
    from service.client.answers_structure import Job
    from service.client.calls import Call
    from service.client.questions import DocumentInput, Role, SearchOptions

P = ParamSpec("P")
T = TypeVar("T")


def _asked(build: Callable[P, Call[T]]) -> Callable[Concatenate[AsyncClient, P], Awaitable[T]]:
    """A method that sends what `build` makes of its arguments."""

    async def ask(client: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await client.connection.ask(build(*args, **kwargs))

    return as_method(ask, build, "AsyncClient")


class AsyncClient:
    """`Client` with methods to be awaited; an asynchronous context manager.

    Args:
        url: where the server is (`http://127.0.0.1:8080`).
        patience: bounds of waiting; None takes the usual ones.
        api_key: that the server asks for, if it does; sent along with every request.
        headers: sent along as well, such as what a proxy in front wants.
        transport: what carries requests (httpx); None opens connections to `url`.
        sleep: what waits; for tests.

    Raises:
        ClientError: `url` is not of the form http://HOST:PORT, or the key cannot be sent.
    """

    def __init__(
        self,
        url: str,
        *,
        patience: Patience | None = None,
        api_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.connection = AsyncConnection(
            url,
            patience=patience or Patience(),
            headers=with_key(headers, api_key),
            transport=transport,
            sleep=sleep,
        )
        self._sleep = sleep
        self._encoder: str | None = None

    @property
    def url(self) -> str:
        """Where the server is, without a slash at the end, a user or a password."""
        return self.connection.exchange.url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connections back."""
        await self.connection.close()

    health = _asked(calls.health)
    collections = _asked(calls.collections)
    collection = _asked(calls.collection)
    create = _asked(calls.create)
    drop = _asked(calls.drop)
    upsert = _asked(calls.upsert)
    states = _asked(calls.states)
    trim = _asked(calls.trim)
    delete = _asked(calls.delete)
    document = _asked(calls.document)
    documents = _asked(calls.documents)
    count = _asked(calls.count)
    search = _asked(calls.search)
    search_many = _asked(calls.search_many)
    thumbnail = _asked(calls.thumbnail)
    recommend = _asked(calls.recommend)
    optimize = _asked(calls.optimize)
    reembed = _asked(calls.reembed)
    verify = _asked(calls.verify)
    similarity = _asked(calls.similarity)
    encoders = _asked(calls.encoders)
    words = _asked(calls.words)
    neighbours = _asked(calls.neighbours)
    analogy = _asked(calls.analogy)
    word_similarity = _asked(calls.word_similarity)
    classifiers = _asked(calls.classifiers)
    classify = _asked(calls.classify)

    jobs = _asked(calls_structure.jobs)
    job = _asked(calls_structure.job)
    cancel_job = _asked(calls_structure.cancel_job)
    resume_job = _asked(calls_structure.resume_job)
    find_clusters = _asked(calls_structure.find_clusters)
    clusters = _asked(calls_structure.clusters)
    export_clusters = _asked(calls_structure.export_clusters)
    cluster_documents = _asked(calls_structure.cluster_documents)
    reassign_outliers = _asked(calls_structure.reassign_outliers)
    find_outliers = _asked(calls_structure.find_outliers)
    outliers = _asked(calls_structure.outliers)
    score = _asked(calls_structure.score)
    find_duplicates = _asked(calls_structure.find_duplicates)
    duplicates = _asked(calls_structure.duplicates)
    find_leakage = _asked(calls_structure.find_leakage)
    leakage = _asked(calls_structure.leakage)
    draw_map = _asked(calls_structure.draw_map)
    show_map = _asked(calls_structure.show_map)
    map_points = _asked(calls_structure.map_points)
    map_documents = _asked(calls_structure.map_documents)
    map_values = _asked(calls_structure.map_values)
    find_drift = _asked(calls_structure.find_drift)
    drift = _asked(calls_structure.drift)

    backups = _asked(calls_backups.backups)
    back_up = _asked(calls_backups.back_up)
    restore_backup = _asked(calls_backups.restore_backup)
    drill_backup = _asked(calls_backups.drill_backup)

    async def follow(self, job: Job | str) -> AsyncIterator[Job]:
        """A job whenever it changed, until it is over; see `Client.follow`."""
        reader = EventReader()
        async for line in self.connection.lines(f"/v1/jobs/{id_of(job)}/events"):
            told = reader.read(line)
            if told is not None:
                yield told
                if is_over(told):
                    return

    async def wait(
        self,
        job: Job | str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as the other client has it
        progress: Callable[[Job], None] | None = None,
    ) -> Job:
        """The job, once it is done; see `Client.wait`."""
        waits = Waits(timeout)
        while not is_over(now := await self.job(id_of(job))):
            if progress is not None:
                progress(now)
            await self._sleep(waits.next(now))
        return done(now)

    async def embed(
        self,
        texts: Sequence[str],
        *,
        model: str | None = None,
        role: Role = "document",
        dimensions: int | None = None,
    ) -> EmbeddingsAnswer:
        """The texts' vectors, in their order; see `Client.embed`."""
        if model is None:
            self._encoder = self._encoder or (await self.health())["encoder"]
            model = self._encoder
        call = calls.embed(texts, model=model, role=role, dimensions=dimensions)
        return await self.connection.ask(call)

    async def upload(
        self,
        name: str,
        documents: Iterable[DocumentInput] | AsyncIterable[DocumentInput],
        *,
        pace: Pace | None = None,
        progress: Callable[[Uploaded], None] | None = None,
    ) -> WriteAnswer:
        """Insert or replace any number of documents by id; see `Client.upload`.

        If the task is cancelled, requests under way are given up: the server may have stored
        them or not.
        """
        stream = _stream(documents)
        return await upload_async(self.connection, name, stream, pace or Pace(), progress)

    async def search_pages(
        self, name: str, query: str | None = None, **options: Unpack[SearchOptions]
    ) -> AsyncIterator[SearchAnswer]:
        """The answer to a search page by page; see `Client.search_pages`."""
        while True:
            page = await self.search(name, query, **options)
            yield page
            if page["cursor"] is None:
                return
            options.pop("offset", None)
            options["cursor"] = page["cursor"]

    async def all_documents(
        self, name: str, *, filter: JsonObject | None = None, page: int = 1000
    ) -> AsyncIterator[DocumentAnswer]:
        """Every document in the order of writing, `page` of them a request."""
        cursor = None
        while True:
            answer = await self.documents(name, filter=filter, cursor=cursor, limit=page)
            for each in answer["documents"]:
                yield each
            if (cursor := answer["cursor"]) is None:
                return


async def _stream(
    documents: Iterable[DocumentInput] | AsyncIterable[DocumentInput],
) -> AsyncIterator[DocumentInput]:
    if isinstance(documents, AsyncIterable):
        async for document in documents:
            yield document
    else:
        for document in documents:
            yield document
