"""Making, showing, checking and dropping collections."""

from __future__ import annotations

from service.access.caller import CALLER
from service.reembedding import Wish
from service.routes.access import CollectionName, JsonAnswer, ReadyEngine, refusals, router
from service.routes.submitting import handed_in
from service.schemas.collections import (
    CollectionAnswer,
    CollectionBody,
    CollectionCardAnswer,
    CollectionsAnswer,
    DropAnswer,
    VerifyAnswer,
    VerifyBody,
)
from service.schemas.index import OptimizeBody
from service.schemas.jobs import JobAnswer
from service.schemas.reembedding import ReembedBody  # noqa: TC001 - fastapi reads it

routes = router("collections")


@routes.get("/v1/collections", summary="List collections", responses=refusals())
async def list_collections(engine: ReadyEngine) -> CollectionsAnswer:
    """Every collection with its card and what it holds, by name."""

    def work() -> CollectionsAnswer:
        collections = engine.for_each(CollectionAnswer.of)
        return CollectionsAnswer(collections=collections, unusable=engine.seen_problems)

    return await engine.read(work)


@routes.post(
    "/v1/collections",
    summary="Make a collection",
    status_code=201,
    response_model=CollectionCardAnswer,
    responses=refusals(400, 404, 409, 415, 507),
)
async def create_collection(body: CollectionBody, engine: ReadyEngine) -> JsonAnswer:
    """A new, empty collection. Its encoder and metric are fixed for good."""

    def work() -> JsonAnswer:
        engine.create(body.name, encoder=body.encoder, metric=body.metric, analyzer=body.analyzer)
        with engine.using(body.name) as collection:
            return JsonAnswer.of(CollectionCardAnswer.of(collection), status=201)

    return await engine.write(work)


@routes.get(
    "/v1/collections/{collection}", summary="Show a collection", responses=refusals(400, 404)
)
async def show_collection(collection: CollectionName, engine: ReadyEngine) -> CollectionCardAnswer:
    """Its card, what it holds, its index as measured, and what its scores are judged by."""

    def work() -> CollectionCardAnswer:
        with engine.using(collection) as target:
            return CollectionCardAnswer.of(target)

    return await engine.read(work)


@routes.delete(
    "/v1/collections/{collection}", summary="Drop a collection", responses=refusals(400, 404)
)
async def drop_collection(collection: CollectionName, engine: ReadyEngine) -> DropAnswer:
    """Remove it with all its documents, once requests that use it are answered."""
    documents = await engine.write(engine.drop, collection)
    return DropAnswer(name=collection, documents=documents)


@routes.post(
    "/v1/collections/{collection}/optimize",
    summary="Build the search index",
    responses=refusals(400, 404, 415, 507),
)
async def optimize_collection(
    collection: CollectionName, engine: ReadyEngine, body: OptimizeBody | None = None
) -> CollectionCardAnswer:
    """Build the index that fits today's vectors and answer when it is in use; searches go on.

    With a body the index is built as it says, now and from now on. A memory too small for any
    index is refused with what would do.
    """

    def work() -> CollectionCardAnswer:
        with engine.using(collection) as target:
            (body or OptimizeBody()).optimize(target)
            return CollectionCardAnswer.of(target)

    return await engine.write(work)


@routes.post(
    "/v1/collections/{collection}/reembed",
    summary="Encode a collection's documents anew",
    status_code=202,
    response_model=JobAnswer,
    responses=refusals(400, 404, 409, 415, 507),
)
async def reembed_collection(
    collection: CollectionName, body: ReembedBody, engine: ReadyEngine
) -> JsonAnswer:
    """A job that encodes its documents by another encoder into a collection beside it.

    Its result says how alike both answer; with `swap` the new one takes the name. Searches and
    writes go on, and what is written meanwhile is followed. Stopped, it can be resumed.
    """

    def work() -> JsonAnswer:
        wish = Wish(collection, **body.model_dump())
        _, shadow, retired = wish.names
        for name in (shadow, retired):  # before it is told whether there are such
            CALLER.get().check_collection(name)
        named = {"shadow": shadow, "retired": retired}
        with engine.using(collection):
            wish.check(engine.folder)
            return handed_in(engine, "reembed", collection, {**body.model_dump(), **named})

    return await engine.write(work)


@routes.post(
    "/v1/collections/{collection}/verify",
    summary="Check a collection's files",
    responses=refusals(400, 404, 415, 507),
)
async def verify_collection(
    collection: CollectionName, engine: ReadyEngine, body: VerifyBody | None = None
) -> VerifyAnswer:
    """Hold the files against each other; `{"repair": true}` mends what can be mended."""
    repair = body is not None and body.repair

    def work() -> VerifyAnswer:
        with engine.using(collection) as target:
            return VerifyAnswer.of(target.verify(repair=repair))

    return await engine.write(work)
