"""Maps of collections: drawn in a job, served in tiles."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Response

from service.routes.access import CollectionName, JsonAnswer, ReadyEngine, refusals, router
from service.routes.submitting import submit
from service.schemas.jobs import JobAnswer
from service.schemas.map import (
    FieldAnswer,
    FieldQuery,
    MapAnswer,
    MapBody,
    PlacedAnswer,
    PointsAnswer,
    PointsQuery,
    PositionsBody,
)

routes = router("structure")

TILE_TYPE = "application/vnd.meari.tile"
Level = Annotated[int, Path(ge=0, le=16, description="0 is the whole square.")]
Column = Annotated[int, Path(ge=0, description="From the left, 0 to 2^level - 1.")]
Row = Annotated[int, Path(ge=0, description="From below, 0 to 2^level - 1.")]


@routes.post(
    "/v1/collections/{collection}/map",
    summary="Draw a map",
    status_code=202,
    response_model=JobAnswer,
    responses=refusals(400, 404, 415, 507),
)
async def draw_map(collection: CollectionName, body: MapBody, engine: ReadyEngine) -> JsonAnswer:
    """A job that gives every document a place on a plane, those that are alike side by side."""
    return await submit(engine, "map", collection, body)


@routes.get(
    "/v1/collections/{collection}/map",
    summary="Show the map",
    response_model=MapAnswer,
    responses=refusals(400, 404),
)
async def show_map(collection: CollectionName, engine: ReadyEngine) -> JsonAnswer:
    """The map that was drawn last: its bounds, which tiles there are, names of clusters on it.

    Tiles form a quadtree. A point is in one tile alone, so what is to be seen of a region are the
    points of the tiles over it from level 0 down to the level of the zoom.
    """
    from service.analyses.map import answer_of

    def work() -> JsonAnswer:
        with engine.using(collection) as target:
            return JsonAnswer.of(answer_of(target, engine.shelf))

    return await engine.read(work)


@routes.get(
    "/v1/collections/{collection}/map/tiles/{level}/{column}/{row}",
    summary="Show a tile of the map",
    response_class=Response,
    responses={
        **refusals(400, 404),
        200: {"content": {TILE_TYPE: {"schema": {"type": "string", "format": "binary"}}}},
    },
)
async def show_tile(
    collection: CollectionName, level: Level, column: Column, row: Row, engine: ReadyEngine
) -> Response:
    """The tile's points as little-endian columns that a browser reads without parsing.

    A head of 16 bytes: `MTIL`, version (uint32, 1), points (uint32), flags (uint32; 1: clusters
    follow, 2: outlier scores follow). Then x (float32), y (float32), position (uint32) and, by the
    flags, cluster (int32, -1: none) and score (float32, NaN: none), each once per point. A tile
    that is not there has no points.
    """
    from service.analyses.map import tile_of

    def work() -> Response:
        with engine.using(collection) as target:
            content, tag = tile_of(target, engine.shelf, level, column, row)
        headers = {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache"}
        return Response(content, media_type=TILE_TYPE, headers=headers)

    return await engine.read(work)


@routes.get(
    "/v1/collections/{collection}/map/points",
    summary="List the map's points",
    response_model=PointsAnswer,
    responses=refusals(400, 404),
)
async def list_points(
    collection: CollectionName, query: Annotated[PointsQuery, Query()], engine: ReadyEngine
) -> JsonAnswer:
    """Every point with its document's id, a page at a time: for programs; pages show tiles."""
    from service.analyses.map import points_of

    def work() -> JsonAnswer:
        with engine.using(collection) as target:
            return JsonAnswer.of(points_of(target, engine.shelf, query))

    return await engine.read(work)


@routes.post(
    "/v1/collections/{collection}/map/documents",
    summary="Name points of the map",
    response_model=PlacedAnswer,
    responses=refusals(400, 404, 415),
)
async def show_points(
    collection: CollectionName, body: PositionsBody, engine: ReadyEngine
) -> JsonAnswer:
    """The documents at some positions, as tiles tell them."""
    from service.analyses.map import documents_at

    def work() -> JsonAnswer:
        with engine.using(collection) as target:
            return JsonAnswer.of(documents_at(target, engine.shelf, body.positions))

    return await engine.read(work)


@routes.get(
    "/v1/collections/{collection}/map/values",
    summary="Show a field of the map's documents",
    response_model=FieldAnswer,
    responses=refusals(400, 404),
)
async def show_field(
    collection: CollectionName, query: Annotated[FieldQuery, Query()], engine: ReadyEngine
) -> JsonAnswer:
    """What every document on the map says of one field, by position, to colour points by it.

    Reads the metadata of all documents: half a second for 100,000.
    """
    from service.analyses.map import field_of

    def work() -> JsonAnswer:
        with engine.using(collection) as target:
            return JsonAnswer.of(field_of(target, engine.shelf, query.key))

    return await engine.read(work)
