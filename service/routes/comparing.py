"""Collections, or parts of one, held against each other."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from service.routes.access import CollectionName, JsonAnswer, ReadyEngine, refusals, router
from service.routes.structure import told
from service.routes.submitting import submit
from service.schemas.analysis import PageQuery  # noqa: TC001 - FastAPI reads it
from service.schemas.drift import DriftAnswer, DriftBody
from service.schemas.jobs import JobAnswer
from service.schemas.leakage import LeakageAnswer, LeakageBody

routes = router("structure")


@routes.post(
    "/v1/collections/{collection}/drift",
    summary="Find drift",
    status_code=202,
    response_model=JobAnswer,
    responses=refusals(400, 404, 415, 507),
)
async def find_drift(
    collection: CollectionName, body: DriftBody, engine: ReadyEngine
) -> JsonAnswer:
    """A job that tells whether and how later documents differ from earlier ones.

    The sides are parts of the collection, by filters, or other collections of the same encoder.
    """
    others = [each.collection for each in (body.before, body.after) if each.collection is not None]
    return await submit(engine, "drift", collection, body, others=others)


@routes.get(
    "/v1/collections/{collection}/drift",
    summary="Show drift",
    response_model=DriftAnswer,
    responses=refusals(400, 404),
)
async def show_drift(collection: CollectionName, engine: ReadyEngine) -> JsonAnswer:
    """What was found last: whether documents changed, which clusters grew, what is new."""
    from service.analyses.drift import answer_of

    return await told(engine, collection, answer_of)


@routes.post(
    "/v1/collections/{collection}/duplicates/leakage",
    summary="Find leakage",
    status_code=202,
    response_model=JobAnswer,
    responses=refusals(400, 404, 415, 507),
)
async def find_leakage(
    collection: CollectionName, body: LeakageBody, engine: ReadyEngine
) -> JsonAnswer:
    """A job that finds documents of another collection, as of test questions, in this one."""
    return await submit(engine, "leakage", collection, body, others=[body.other])


@routes.get(
    "/v1/collections/{collection}/duplicates/leakage",
    summary="Show leakage",
    response_model=LeakageAnswer,
    responses=refusals(400, 404),
)
async def show_leakage(
    collection: CollectionName, query: Annotated[PageQuery, Query()], engine: ReadyEngine
) -> JsonAnswer:
    """What was found last: documents that both collections have, the most similar first."""
    from service.analyses.leakage import answer_of

    return await told(engine, collection, lambda target, shelf: answer_of(target, shelf, query))
