"""What a collection is about: asked for in jobs, answered from what they kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Path, Query
from fastapi.responses import StreamingResponse

from indexing.images import check_question_fits
from service.routes.access import (
    CollectionName,
    JsonAnswer,
    ReadyEngine,
    check_texts,
    refusals,
    router,
)
from service.routes.submitting import submit
from service.schemas.analysis import PageQuery
from service.schemas.clusters import (
    ClusterBody,
    ClustersAnswer,
    ClustersQuery,
    ExportQuery,
    MembersAnswer,
    ReassignBody,
)
from service.schemas.duplicates import DuplicateBody, DuplicatesAnswer
from service.schemas.images import unpack_image
from service.schemas.jobs import JobAnswer
from service.schemas.outliers import OutlierBody, OutliersAnswer, ScoreBody, ScoresAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

    from indexing.local import LocalCollection
    from service.analyses.kept import Shelf
    from service.engine import Engine

routes = router("structure")

Page = Annotated[PageQuery, Query()]
ClusterId = Annotated[int, Path(description="The cluster's id; -1: documents of no cluster.")]


async def told(
    engine: Engine, collection: str, read: Callable[[LocalCollection, Shelf], BaseModel]
) -> JsonAnswer:
    """The answer that `read` makes of a kept result."""

    def work() -> JsonAnswer:
        with engine.using(collection) as target:
            return JsonAnswer.of(read(target, engine.shelf))

    return await engine.read(work)


@routes.post(
    "/v1/collections/{collection}/clusters",
    summary="Find clusters",
    status_code=202,
    response_model=JobAnswer,
    responses=refusals(400, 404, 415, 507),
)
async def find_clusters(
    collection: CollectionName, body: ClusterBody, engine: ReadyEngine
) -> JsonAnswer:
    """A job that groups the documents and names the groups.

    Clusters that were found before and are found again keep their ids.
    """
    return await submit(engine, "clusters", collection, body)


@routes.get(
    "/v1/collections/{collection}/clusters",
    summary="Show clusters",
    response_model=ClustersAnswer,
    responses=refusals(400, 404),
)
async def show_clusters(
    collection: CollectionName, query: Annotated[ClustersQuery, Query()], engine: ReadyEngine
) -> JsonAnswer:
    """The clusters found last, the largest first, with the documents that are in them now.

    Documents that came since are counted to the cluster whose middle is nearest.
    """
    from service.analyses.clusters import answer_of

    return await told(engine, collection, lambda target, shelf: answer_of(target, shelf, query))


@routes.get(
    "/v1/collections/{collection}/clusters/export",
    summary="Export clusters",
    response_class=StreamingResponse,
    responses={
        **refusals(400, 404),
        200: {
            "content": {
                "application/x-ndjson": {"schema": {"type": "string"}},
                "text/csv": {"schema": {"type": "string"}},
            }
        },
    },
)
async def export_clusters(
    collection: CollectionName, query: Annotated[ExportQuery, Query()], engine: ReadyEngine
) -> StreamingResponse:
    """One line a document: id, cluster (-1: none), label, similarity to the cluster's middle."""
    from service.analyses.clusters import with_members
    from service.analyses.exporting import MEDIA_TYPES, lines

    def work() -> StreamingResponse:
        with engine.using(collection) as target:
            clusters = with_members(target, engine.shelf)
        name = f"{collection}-clusters.{query.format}"
        return StreamingResponse(
            lines(clusters, query.format),
            media_type=MEDIA_TYPES[query.format],
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    return await engine.read(work)


@routes.post(
    "/v1/collections/{collection}/clusters/reassign",
    summary="Put outliers into clusters",
    response_model=ClustersAnswer,
    responses=refusals(400, 404, 415, 507),
)
async def reassign_outliers(
    collection: CollectionName, engine: ReadyEngine, body: ReassignBody | None = None
) -> JsonAnswer:
    """Give documents of no cluster to the nearest, keep the clusters so, and show them."""
    from service.analyses.clusters import answer_of, reassign

    del body

    def work() -> JsonAnswer:
        with engine.using(collection) as target:
            reassign(target, engine.shelf)
            return JsonAnswer.of(answer_of(target, engine.shelf, ClustersQuery()))

    return await engine.write(work)


@routes.get(
    "/v1/collections/{collection}/clusters/{cluster}/documents",
    summary="Show a cluster's documents",
    response_model=MembersAnswer,
    responses=refusals(400, 404),
)
async def show_members(
    collection: CollectionName, cluster: ClusterId, query: Page, engine: ReadyEngine
) -> JsonAnswer:
    """The documents that are in a cluster now, the most typical first."""
    from service.analyses.clusters import members_answer_of

    return await told(
        engine, collection, lambda target, shelf: members_answer_of(target, shelf, cluster, query)
    )


@routes.post(
    "/v1/collections/{collection}/outliers",
    summary="Find outliers",
    status_code=202,
    response_model=JobAnswer,
    responses=refusals(400, 404, 415, 507),
)
async def find_outliers(
    collection: CollectionName, body: OutlierBody, engine: ReadyEngine
) -> JsonAnswer:
    """A job that scores every document by how little it belongs."""
    return await submit(engine, "outliers", collection, body)


@routes.get(
    "/v1/collections/{collection}/outliers",
    summary="Show outliers",
    response_model=OutliersAnswer,
    responses=refusals(400, 404),
)
async def show_outliers(collection: CollectionName, query: Page, engine: ReadyEngine) -> JsonAnswer:
    """All documents that were scored, the most outlying first, each with its reason."""
    from service.analyses.outliers import answer_of

    return await told(engine, collection, lambda target, shelf: answer_of(target, shelf, query))


@routes.post(
    "/v1/collections/{collection}/outliers/score",
    summary="Score new texts or pictures",
    response_model=ScoresAnswer,
    responses=refusals(400, 404, 409, 413, 415, 422),
)
async def score_texts(
    collection: CollectionName, body: ScoreBody, engine: ReadyEngine
) -> JsonAnswer:
    """How little texts or pictures would belong to the collection, on the documents' scale."""
    from service.analyses.outliers import scores_of, scores_of_images, take

    def check() -> None:
        with engine.using(collection) as target:
            take(target, engine.shelf)

    if body.texts is None:
        images = [unpack_image(each) for each in body.images or ()]
        return await told(
            engine,
            collection,
            lambda target, shelf: scores_of_images(target, shelf, images, body.role),
        )
    check_texts("texts", body.texts, engine.settings)
    await engine.read(check)
    card = (await engine.card(collection)).encoder
    check_question_fits("text", card, collection)
    _, encoding = await engine.encode(card.name, body.texts, body.role)
    return await told(engine, collection, lambda target, shelf: scores_of(target, shelf, encoding))


@routes.post(
    "/v1/collections/{collection}/duplicates",
    summary="Find duplicates",
    status_code=202,
    response_model=JobAnswer,
    responses=refusals(400, 404, 415, 507),
)
async def find_duplicates(
    collection: CollectionName, body: DuplicateBody, engine: ReadyEngine
) -> JsonAnswer:
    """A job that finds what is said twice: the same texts, and texts that say the same."""
    return await submit(engine, "duplicates", collection, body)


@routes.get(
    "/v1/collections/{collection}/duplicates",
    summary="Show duplicates",
    response_model=DuplicatesAnswer,
    responses=refusals(400, 404),
)
async def show_duplicates(
    collection: CollectionName, query: Page, engine: ReadyEngine
) -> JsonAnswer:
    """Groups of documents that say the same, the largest first."""
    from service.analyses.duplicates import answer_of

    return await told(engine, collection, lambda target, shelf: answer_of(target, shelf, query))
