"""Pictures: asking with one, and showing those that were found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, File, Form, Path, Query, Request, UploadFile
from fastapi.responses import Response
from pydantic import ValidationError

from indexing.errors import DocumentNotFoundError
from service.body import KeyedRoute
from service.errors import BadJsonError, BadValueError
from service.presence import while_connected
from service.routes.access import (
    CollectionName,
    JsonAnswer,
    ReadyEngine,
    parse_filter,
    refusals,
)
from service.schemas.fields import GivenId  # noqa: TC001 - FastAPI reads it
from service.schemas.results import SearchAnswer
from service.schemas.search import Options
from service.strict_json import parse_json
from service.validation import describe_validation

if TYPE_CHECKING:
    from indexing.types import SearchRequest

routes = APIRouter(route_class=KeyedRoute, tags=["search"])
"""Not the routes of JSON alone: a form carries a picture here."""

_FOREVER = {"Cache-Control": "private, max-age=300", "X-Content-Type-Options": "nosniff"}
_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}


@routes.post(
    "/v1/collections/{collection}/search/image",
    summary="Search with a picture sent as a form",
    response_model=SearchAnswer,
    responses=refusals(400, 404, 409, 413),
)
async def search_by_image(
    collection: CollectionName,
    engine: ReadyEngine,
    request: Request,
    image: Annotated[UploadFile, File(description="JPEG, PNG, WebP or GIF.")],
    options: Annotated[
        str,
        Form(description="A JSON object with `limit`, `filter` ... as `search` takes them."),
    ] = "{}",
) -> JsonAnswer:
    """The documents most like the picture, best first: `search` with `image` as a form's file."""
    data = await image.read()

    def work() -> JsonAnswer:
        asked = _read_options(options)
        found = replace(_request(asked), image=data)
        with engine.using(collection) as target:
            result = target.search(found)
        engine.metrics.count_search(result.receipt)
        return JsonAnswer.of(SearchAnswer.of(result))

    return await while_connected(request, engine.search(work))


@routes.get(
    "/v1/collections/{collection}/thumbnails/{document_id:path}",
    summary="Show a document's picture, small",
    response_class=Response,
    responses=refusals(400, 404)
    | {
        200: {
            "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
            "description": "The picture.",
        }
    },
)
async def show_thumbnail(
    collection: CollectionName,
    document_id: Annotated[GivenId, Path(description="The document's id; may hold slashes.")],
    engine: ReadyEngine,
    original: Annotated[
        bool, Query(description="The whole file, where the collection keeps it.")
    ] = False,
) -> Response:
    """A JPEG of at most 192 pixels a side; the original where that is asked for and kept."""

    def work() -> Response:
        with engine.using(collection) as target:
            kept = target.picture(document_id)
            stored = target.get([document_id])[0] if original else None
        if kept is None:
            message = f"no picture of a document {document_id!r} in collection {collection!r}"
            raise DocumentNotFoundError(message)
        if not original:
            return Response(kept.thumbnail, media_type="image/jpeg", headers=_FOREVER)
        if kept.original is None or stored is None or stored.document.image is None:
            message = (
                f"the original of document {document_id!r} is not kept in collection "
                f"{collection!r}; index with --keep-originals, or ask for the thumbnail"
            )
            raise DocumentNotFoundError(message)
        kind = _TYPES.get(stored.document.image.format, "application/octet-stream")
        return Response(kept.original, media_type=kind, headers=_FOREVER)

    return await engine.read(work)


def _read_options(text: str) -> Options:
    try:
        given: Any = parse_json(text.encode("utf-8", "surrogatepass"), "options")
        return Options.model_validate(given)
    except BadJsonError as error:
        raise BadValueError(str(error), "options") from error
    except ValidationError as error:
        faults = [{**each, "loc": ("options", *each["loc"])} for each in error.errors()]
        told = describe_validation(faults)
        raise BadValueError(told.message, told.param) from error


def _request(options: Options) -> SearchRequest:
    from indexing.types import SearchRequest

    return SearchRequest(
        limit=options.limit,
        offset=options.offset,
        filter=parse_filter(options.filter),
        score_threshold=options.score_threshold,
        exact=options.exact,
        with_vectors=options.with_vectors,
        group=options.group,
        cursor=options.cursor,
        recall=options.recall,
    )
