"""Asking a collection."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from fastapi import Request  # noqa: TC002 - FastAPI reads it

from embeddings.errors import EmbeddingError
from indexing.errors import DocumentNotFoundError, IndexingError
from indexing.requests import check_request
from service.errors import EntryError, ExampleNotFoundError, ServiceError
from service.marks import Marks, vector_of
from service.presence import while_connected
from service.queries import encode_queries
from service.routes.access import (
    CollectionName,
    JsonAnswer,
    ReadyEngine,
    check_texts,
    parse_filter,
    quick_post,
    refusals,
    router,
)
from service.schemas.results import BatchAnswer, SearchAnswer
from service.schemas.search import BatchBody, RecommendBody, SearchBody  # noqa: TC001 - FastAPI reads them
from service.searches import is_light

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from embeddings.types import Vectors
    from indexing.local import LocalCollection
    from indexing.types import EncodedQuery, SearchRequest, SearchResult
    from service.engine import Engine
    from service.settings import Settings

routes = router("search")

_MOST_INLINE = 4_096
"""Numbers of a vector that are read without a thread."""


@quick_post(
    routes,
    "/v1/collections/{collection}/search",
    summary="Search",
    response_model=SearchAnswer,
    responses=refusals(400, 404, 409, 413, 415, 422),
)
async def search(
    collection: CollectionName, body: SearchBody, engine: ReadyEngine, request: Request
) -> JsonAnswer:
    """The documents that answer a text, or are nearest to a vector or a document, best first.

    A text finds by meaning and by words unless `mode` says otherwise. The receipt tells what was
    really done: whether every vector was compared, which index answered and how surely, which words
    were looked for, and what the encoder did not read.
    """
    return await while_connected(request, _search(engine, collection, body))


@routes.post(
    "/v1/collections/{collection}/recommend",
    summary="Find the like of some documents, and the unlike of others",
    response_model=SearchAnswer,
    responses=refusals(400, 404, 413, 415),
)
async def recommend(
    collection: CollectionName, body: RecommendBody, engine: ReadyEngine
) -> JsonAnswer:
    """Documents near those of `positive` and away from those of `negative`, best first.

    None of the documents named is among them.
    """

    def work() -> JsonAnswer:
        try:
            request = body.to_request(parse_filter(body.filter))
            with engine.using(collection) as target:
                marks = Marks(clusters=body.with_clusters)
                return _written(engine, marks, None, target, target.search(request))
        except DocumentNotFoundError as error:
            with engine.using(collection) as target:
                raise ExampleNotFoundError(str(error), _missing(target, body)) from error

    return await engine.search(work)


@routes.post(
    "/v1/collections/{collection}/search/batch",
    summary="Search several times at once",
    response_model=BatchAnswer,
    responses=refusals(400, 404, 409, 413, 415, 422),
)
async def search_batch(
    collection: CollectionName, body: BatchBody, engine: ReadyEngine, request: Request
) -> JsonAnswer:
    """An answer for each search, in their order; their queries are encoded together.

    One search that cannot be answered refuses the batch; `param` names its place.
    """
    return await while_connected(request, _search_all(engine, collection, body.searches))


async def _search(engine: Engine, collection: str, body: SearchBody) -> JsonAnswer:
    def prepare() -> SearchRequest:
        return _request(body, engine.settings)

    quick = body.filter is None and body.image is None and len(body.vector or ()) <= _MOST_INLINE
    request = prepare() if quick else await engine.read(prepare)
    marks = Marks.of(body)
    if not marks.question and is_light(request, await engine.card(collection)):
        return await engine.answer(collection, request, partial(_written, engine, marks, None))
    [encoded] = await encode_queries(engine, collection, [request])

    def work() -> JsonAnswer:
        with engine.using(collection) as target:
            result = target.search(request, encoded=encoded)
            return _written(engine, marks, vector_of(request, encoded), target, result)

    return await engine.search(work)


async def _search_all(
    engine: Engine, collection: str, searches: Sequence[SearchBody]
) -> JsonAnswer:
    def prepare() -> list[SearchRequest]:
        requests = []
        for position, each in enumerate(searches):
            with _naming(position):
                requests.append(_request(each, engine.settings))
        return requests

    requests = await engine.read(prepare)
    encoded = await encode_queries(engine, collection, requests)

    def work() -> JsonAnswer:
        with engine.using(collection) as target:
            results = _search_many(target, requests, encoded)
            answers = [
                _marked(engine, target, result, Marks.of(each), vector_of(request, query))
                for result, each, request, query in zip(
                    results, searches, requests, encoded, strict=True
                )
            ]
        for result in results:
            engine.metrics.count_search(result.receipt)
        return JsonAnswer.of(BatchAnswer(results=answers))

    return await engine.search(work)


def _missing(target: LocalCollection, body: RecommendBody) -> str:
    """Path of the first id that no document has."""
    for name, ids in (("positive", body.positive), ("negative", body.negative)):
        for position, found in enumerate(target.get(ids)):
            if found is None:
                return f"{name}[{position}]"
    return "positive"


def _request(body: SearchBody, settings: Settings) -> SearchRequest:
    if body.query is not None:
        check_texts("query", [body.query], settings)
    return body.to_request(parse_filter(body.filter))


def _written(
    engine: Engine,
    marks: Marks,
    vector: Vectors | None,
    target: LocalCollection,
    result: SearchResult,
) -> JsonAnswer:
    """The answer to one search; its question's vector is needed for marks of the question."""
    answer = JsonAnswer.of(_marked(engine, target, result, marks, vector))
    engine.metrics.count_search(result.receipt)
    return answer


def _marked(
    engine: Engine,
    target: LocalCollection,
    result: SearchResult,
    marks: Marks,
    vector: Vectors | None,
) -> SearchAnswer:
    """The result as an answer, with what is wanted beside its matches."""
    answer = SearchAnswer.of(result)
    return answer if marks == Marks() else marks.on(answer, target, engine.shelf, vector)


def _search_many(
    target: LocalCollection,
    requests: Sequence[SearchRequest],
    encoded: Sequence[EncodedQuery | None],
) -> list[SearchResult]:
    """Answers to all requests.

    Raises:
        EntryError: one of them cannot be answered; found by asking them one by one.
    """
    for position, request in enumerate(requests):
        with _naming(position):
            check_request(request, target.card.metric)
    try:
        return target.search_many(requests, encoded=encoded)
    except (IndexingError, EmbeddingError):
        for position, request in enumerate(requests):
            with _naming(position):
                target.search(request, encoded=encoded[position])
        raise


@contextmanager
def _naming(position: int) -> Iterator[None]:
    """Have the block's refusal say which search of the batch it speaks of."""
    try:
        yield
    except (IndexingError, EmbeddingError, ServiceError) as error:
        raise EntryError(f"searches[{position}]", error) from error
