"""Documents of a collection: in, out, listed and counted."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

from indexing.errors import DocumentNotFoundError, InvalidDocumentError
from indexing.filters import Filter
from service.errors import BadDocumentError, BadValueError
from service.routes.access import (
    CollectionName,
    JsonAnswer,
    ReadyEngine,
    parse_filter,
    parse_filter_text,
    refusals,
    router,
)
from service.schemas.documents import (
    CountAnswer,
    CountBody,
    DeleteAnswer,
    DeleteBody,
    DocumentAnswer,
    PageAnswer,
    PageQuery,
    UpsertBody,
    WriteAnswer,
)

routes = router("documents")

DocumentId = Annotated[
    str, Path(description="The document's id; may hold slashes.", examples=["faq-17"])
]


@routes.post(
    "/v1/collections/{collection}/documents",
    summary="Insert or replace documents",
    responses=refusals(400, 404, 409, 413, 415, 422, 507),
)
async def upsert_documents(
    collection: CollectionName, body: UpsertBody, engine: ReadyEngine
) -> WriteAnswer:
    """All or nothing; once answered, the documents are on disk and in the next search.

    A document whose id stands already is replaced; an unchanged one is not encoded again.
    """
    _check_number("documents", len(body.documents), engine.settings.max_documents)

    def work() -> WriteAnswer:
        documents = [document.to_document() for document in body.documents]
        with engine.using(collection) as target:
            try:
                return WriteAnswer.of(target.add(documents))
            except InvalidDocumentError as error:
                ids = [document.id for document in documents]
                raise _placed(error, ids) from error

    return await engine.write(work)


@routes.get(
    "/v1/collections/{collection}/documents",
    summary="List documents",
    response_model=PageAnswer,
    responses=refusals(400, 404),
)
async def list_documents(
    collection: CollectionName, page: Annotated[PageQuery, Query()], engine: ReadyEngine
) -> JsonAnswer:
    """In the order they were written, a page at a time."""

    def work() -> JsonAnswer:
        filter = parse_filter_text(page.filter)
        with engine.using(collection) as target:
            found = target.scan(filter=filter, cursor=page.cursor, limit=page.limit)
        return JsonAnswer.of(PageAnswer.of(found))

    return await engine.read(work)


@routes.post(
    "/v1/collections/{collection}/documents/delete",
    summary="Delete documents",
    responses=refusals(400, 404, 415, 507),
)
async def delete_documents(
    collection: CollectionName, body: DeleteBody, engine: ReadyEngine
) -> DeleteAnswer:
    """By id (a parent's takes all its chunks) or by filter; ids that are not there do no harm."""
    _check_number("ids", len(body.ids or ()), engine.settings.max_documents)

    def work() -> DeleteAnswer:
        filter = parse_filter(body.filter)
        if filter == Filter():
            message = "filter is empty and would delete every document; drop the collection instead"
            raise BadValueError(message, "filter")
        with engine.using(collection) as target:
            return DeleteAnswer(deleted=target.delete(body.ids, filter=filter))

    return await engine.write(work)


@routes.post(
    "/v1/collections/{collection}/documents/count",
    summary="Count documents",
    responses=refusals(400, 404, 415),
)
async def count_documents(
    collection: CollectionName, engine: ReadyEngine, body: CountBody | None = None
) -> CountAnswer:
    """All, or those that satisfy the filter."""

    def work() -> CountAnswer:
        filter = parse_filter(body.filter) if body is not None else None
        with engine.using(collection) as target:
            return CountAnswer(count=target.count(filter))

    return await engine.read(work)


@routes.get(
    "/v1/collections/{collection}/documents/{document_id:path}",
    summary="Show a document",
    responses=refusals(400, 404),
)
async def show_document(
    collection: CollectionName, document_id: DocumentId, engine: ReadyEngine
) -> DocumentAnswer:
    """The document as it is stored."""

    def work() -> DocumentAnswer:
        with engine.using(collection) as target:
            stored = target.get([document_id])[0]
        if stored is None:
            raise _missing(collection, document_id)
        return DocumentAnswer.of(stored)

    return await engine.read(work)


@routes.delete(
    "/v1/collections/{collection}/documents/{document_id:path}",
    summary="Delete a document",
    responses=refusals(400, 404, 507),
)
async def delete_document(
    collection: CollectionName, document_id: DocumentId, engine: ReadyEngine
) -> DeleteAnswer:
    """One document, or all chunks of a parent of that id; 404 if there is neither."""

    def work() -> DeleteAnswer:
        with engine.using(collection) as target:
            deleted = target.delete([document_id])
        if not deleted:
            raise _missing(collection, document_id)
        return DeleteAnswer(deleted=deleted)

    return await engine.write(work)


def _placed(error: InvalidDocumentError, ids: list[str]) -> BadDocumentError:
    """The error, with the place of its document in the request (of two with one id, the first)."""
    place = f"[{ids.index(error.document_id)}]" if error.document_id in ids else ""
    return BadDocumentError(str(error), f"documents{place}")


def _missing(collection: str, document_id: str) -> DocumentNotFoundError:
    return DocumentNotFoundError(f"no document {document_id!r} in collection {collection!r}")


def _check_number(field: str, number: int, most: int) -> None:
    if number > most:
        message = f"{field} has {number:,} items; at most {most:,} are taken in one request"
        raise BadValueError(message, field)
