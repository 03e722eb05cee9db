"""The client for code that waits for its answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Self, TypeVar, Unpack

from service.client import calls, calls_backups, calls_structure
from service.client.connection import Connection, with_key
from service.client.patience import Patience
from service.client.signatures import as_method
from service.client.upload import Pace, Uploaded, upload
from service.client.waiting import EventReader, Waits, done, id_of, is_over

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

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


def _asked(build: Callable[P, Call[T]]) -> Callable[Concatenate[Client, P], T]:
    """A method that sends what `build` makes of its arguments."""

    def ask(client: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return client.connection.ask(build(*args, **kwargs))

    return as_method(ask, build, "Client")


class Client:
    """Speaks to a Meari server; a context manager that gives its connections back.

    Every method returns the JSON object the server answered (`service.client.answers`). A busy
    server (429, 503) is asked again within the bounds of `patience`, after the time it names or
    0.5, 1, 2, ... seconds less a random part; so is one behind a proxy that lost it (502, 504)
    and one whose connection broke, where what was asked may happen twice. Proxy variables of the
    environment are not read. May be used by several threads at once.

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
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.connection = Connection(
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self.connection.close()

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

    def follow(self, job: Job | str) -> Iterator[Job]:
        """A job whenever it changed, by server-sent events, until it is over.

        Raises:
            ClientError: there is no such job, or the connection broke.
        """
        reader = EventReader()
        for line in self.connection.lines(f"/v1/jobs/{id_of(job)}/events"):
            told = reader.read(line)
            if told is not None:
                yield told
                if is_over(told):
                    return

    def wait(
        self,
        job: Job | str,
        *,
        timeout: float | None = None,
        progress: Callable[[Job], None] | None = None,
    ) -> Job:
        """The job, once it is done.

        Args:
            job: as it was answered, or its id.
            timeout: seconds to wait at most; None: until it is over. The job goes on.
            progress: told of the job now and then, a few times a second at first.

        Raises:
            JobError: it failed, was cancelled or interrupted.
            TimeoutError: it is not over yet.
        """
        waits = Waits(timeout)
        while not is_over(now := self.job(id_of(job))):
            if progress is not None:
                progress(now)
            self._sleep(waits.next(now))
        return done(now)

    def embed(
        self,
        texts: Sequence[str],
        *,
        model: str | None = None,
        role: Role = "document",
        dimensions: int | None = None,
    ) -> EmbeddingsAnswer:
        """The texts' vectors, in their order, in one request.

        Args:
            texts: one or more.
            model: an encoder in use on the server; None takes the server's own.
            role: which of the encoder's prompts goes in front, if it has any.
            dimensions: numbers of each vector; None for the encoder's own.
        """
        if model is None:
            self._encoder = self._encoder or self.health()["encoder"]
            model = self._encoder
        call = calls.embed(texts, model=model, role=role, dimensions=dimensions)
        return self.connection.ask(call)

    def upload(
        self,
        name: str,
        documents: Iterable[DocumentInput],
        *,
        pace: Pace | None = None,
        progress: Callable[[Uploaded], None] | None = None,
    ) -> WriteAnswer:
        """Insert or replace any number of documents by id, several requests at once.

        Each request is all or nothing. A document whose id was given before waits until that one
        is stored, so the last one stands. After a failure no more requests are begun; those
        under way are waited for. Repeating an upload encodes nothing that is stored already.

        Args:
            name: the collection.
            documents: objects with `id`, `text` and perhaps `title`, `metadata` and `parent`;
                read lazily, a few requests ahead.
            pace: size and number of requests; None: 128 documents or 8 MiB each, two at once.
            progress: told after every request, in the order of the documents.

        Returns:
            The receipts added up: numbers summed, lists joined; zeros for no documents.

        Raises:
            UploadError: the server refused a request or was lost; it knows what is stored.
            ClientError: a document has no `id`, or holds what JSON cannot.
        """
        return upload(self.connection, name, documents, pace or Pace(), progress)

    def search_pages(
        self, name: str, query: str | None = None, **options: Unpack[SearchOptions]
    ) -> Iterator[SearchAnswer]:
        """The answer to a search page by page, `limit` matches each, to its end.

        Each page goes on behind the one before it (`cursor`), asked for when it is wanted.
        """
        while True:
            page = self.search(name, query, **options)
            yield page
            if page["cursor"] is None:
                return
            options.pop("offset", None)
            options["cursor"] = page["cursor"]

    def all_documents(
        self, name: str, *, filter: JsonObject | None = None, page: int = 1000
    ) -> Iterator[DocumentAnswer]:
        """Every document in the order of writing, `page` of them a request."""
        cursor = None
        while True:
            answer = self.documents(name, filter=filter, cursor=cursor, limit=page)
            yield from answer["documents"]
            if (cursor := answer["cursor"]) is None:
                return
