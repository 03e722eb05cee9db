"""Documents of a collection: in, out, compared, listed and counted."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

from fastapi import Path, Query

from indexing.errors import DocumentNotFoundError, InvalidDocumentError
from indexing.filters import Filter
from indexing.validation import check_documents
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
    StatesAnswer,
    TrimBody,
    UpsertBody,
    WriteAnswer,
)
from service.schemas.fields import GivenId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexing.types import Document

routes = router("documents")

DocumentId = Annotated[
    GivenId, Path(description="The document's id; may hold slashes.", examples=["faq-17"])
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

    def work() -> WriteAnswer:
        with _documents(body) as documents, engine.using(collection) as target:
            receipt = target.add(documents)
        engine.metrics.count_write(receipt)
        return WriteAnswer.of(receipt)

    return await engine.write(work)


@routes.post(
    "/v1/collections/{collection}/documents/states",
    summary="Ask what an upsert would do",
    response_model=StatesAnswer,
    responses=refusals(400, 404, 413, 415, 422),
)
async def compare_documents(
    collection: CollectionName, body: UpsertBody, engine: ReadyEngine
) -> JsonAnswer:
    """Nothing is written or encoded; documents an upsert would refuse are refused here too."""

    def work() -> JsonAnswer:
        with _documents(body) as documents, engine.using(collection) as target:
            check_documents(documents)
            return JsonAnswer.of(StatesAnswer(states=target.states(documents)))

    return await engine.read(work)


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

    def work() -> DeleteAnswer:
        filter = parse_filter(body.filter)
        if filter == Filter():
            message = "filter is empty and would delete every document; drop the collection instead"
            raise BadValueError(message, "filter")
        with engine.using(collection) as target:
            return DeleteAnswer(deleted=target.delete(body.ids, filter=filter))

    return await engine.write(work)


@routes.post(
    "/v1/collections/{collection}/documents/trim",
    summary="Delete what longer versions left",
    responses=refusals(400, 404, 415, 507),
)
async def trim_documents(
    collection: CollectionName, body: TrimBody, engine: ReadyEngine
) -> DeleteAnswer:
    """Chunks of a text beyond those it has now, and the whole text where it has chunks now."""

    def work() -> DeleteAnswer:
        with engine.using(collection) as target:
            return DeleteAnswer(deleted=target.trim_parents(body.chunks))

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


@contextmanager
def _documents(body: UpsertBody) -> Iterator[list[Document]]:
    """The documents of the request, for a block that may find fault with one of them.

    Raises:
        BadDocumentError: it did; `param` is its place (of two with one id, the first).
    """
    try:
        yield [document.to_document() for document in body.documents]
    except InvalidDocumentError as error:
        ids = [document.id for document in body.documents]
        place = f"[{ids.index(error.document_id)}]" if error.document_id in ids else ""
        raise BadDocumentError(str(error), f"documents{place}") from error


def _missing(collection: str, document_id: str) -> DocumentNotFoundError:
    return DocumentNotFoundError(f"no document {document_id!r} in collection {collection!r}")
