"""Asking a collection."""

from __future__ import annotations

from service.routes.access import (
    CollectionName,
    JsonAnswer,
    ReadyEngine,
    check_texts,
    parse_filter,
    refusals,
    router,
)
from service.schemas.search import SearchAnswer, SearchBody

routes = router("search")


@routes.post(
    "/v1/collections/{collection}/search",
    summary="Search",
    response_model=SearchAnswer,
    responses=refusals(400, 404, 409, 413, 415, 422),
)
async def search(collection: CollectionName, body: SearchBody, engine: ReadyEngine) -> JsonAnswer:
    """The documents that answer a text, or are nearest to a vector or a document, best first.

    A text finds by meaning and by words unless `mode` says otherwise. The receipt tells what was
    really done: whether every vector was compared, which index answered and how surely, which words
    were looked for, and what the encoder did not read.
    """
    if body.query is not None:
        check_texts("query", [body.query], engine.settings)

    def work() -> JsonAnswer:
        request = body.to_request(parse_filter(body.filter))
        with engine.using(collection) as target:
            result = target.search(request)
        engine.metrics.count_search(result.receipt)
        return JsonAnswer.of(SearchAnswer.of(result))

    return await engine.read(work)
