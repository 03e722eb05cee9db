"""Documents in, receipts and pages out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from embeddings.errors import InvalidImageError
from indexing.errors import InvalidDocumentError
from indexing.hashes import State  # noqa: TC001 - pydantic reads it
from indexing.images import describe_image
from indexing.types import MAX_ID_BYTES, MAX_METADATA_BYTES, MAX_TEXT_BYTES, Document, Parent
from service.schemas.fields import Answer, Body, FilterJson, GivenId, Query, Within, broken_rule
from service.schemas.images import ImageAnswer, ImageBase64, unpack_image

if TYPE_CHECKING:
    from indexing.types import ImageReference, Page, StoredDocument, WriteReceipt

MAX_PAGE = 1000
"""Documents on one page."""


class ParentBody(Body):
    """Where a chunk was cut from."""

    id: Annotated[str, Field(description="Id of the whole text.")]
    chunk: Annotated[int, Within(0, 2**31 - 1), Field(description="Its number, from 0.")]
    start: Annotated[int, Within(0, 2**31 - 1), Field(description="Its first character.")]
    end: Annotated[int, Within(0, 2**31 - 1), Field(description="One past its last character.")]


class DocumentBody(Body):
    """One thing that can be found."""

    id: Annotated[
        str,
        Field(
            description=f"Unique in the collection; 1 to {MAX_ID_BYTES} bytes.",
            examples=["faq-17"],
        ),
    ]
    text: Annotated[
        str,
        Field(
            description=f"Searched and shown; at most {MAX_TEXT_BYTES:,} bytes. May be left out "
            "beside an `image`, of which it is then the caption.",
            examples=["배송은 보통 이틀이 걸립니다."],
        ),
    ] = ""
    title: Annotated[str, Field(description="Encoded in front of the text.")] = ""
    metadata: Annotated[
        dict[str, Any],
        Field(
            description=f"What filters speak of; at most {MAX_METADATA_BYTES:,} bytes.",
            examples=[{"lang": "ko", "year": 2026}],
        ),
    ] = Field(default_factory=dict)
    parent: ParentBody | None = None
    image: ImageBase64 | None = None
    image_source: Annotated[
        str, Field(description="Where the original is, for those who find it.")
    ] = ""
    keep_image: Annotated[
        bool, Field(description="Keep the original in the collection, beside its thumbnail.")
    ] = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if "text" not in self.model_fields_set and self.image is None:
            raise broken_rule("text is missing; a document has a text, an image or both", "text")
        return self

    def to_document(self) -> Document:
        """The document; its own checks come when it is added.

        Raises:
            InvalidDocumentError: the image is no picture.
        """
        parent = self.parent
        return Document(
            id=self.id,
            text=self.text,
            title=self.title,
            metadata=self.metadata,
            parent=None
            if parent is None
            else Parent(parent.id, parent.chunk, parent.start, parent.end),
            image=self._image(),
        )

    def _image(self) -> ImageReference | None:
        if self.image is None:
            return None
        data = unpack_image(self.image)
        try:
            return describe_image(data, source=self.image_source, kept=self.keep_image)
        except (InvalidImageError, InvalidDocumentError) as error:
            raise InvalidDocumentError(f"document {self.id[:80]!r}: {error}", self.id) from error


class UpsertBody(Body):
    """Documents to insert, or to put in the place of those with the same ids."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "documents": [
                        {
                            "id": "faq-17",
                            "title": "배송",
                            "text": "배송은 보통 이틀이 걸립니다.",
                            "metadata": {"lang": "ko", "year": 2026},
                        }
                    ]
                }
            ]
        }
    )

    documents: Annotated[list[DocumentBody], Field(min_length=1)]


class WriteAnswer(Answer):
    """What the write did."""

    added: Annotated[int, Field(description="Documents that are new.")]
    changed: Annotated[int, Field(description="Documents whose text changed: encoded again.")]
    relabelled: Annotated[int, Field(description="Only metadata changed: not encoded again.")]
    unchanged: Annotated[int, Field(description="Stood there already, word for word.")]
    tokens: Annotated[int, Field(description="Tokens encoded.")]
    truncated: Annotated[
        list[str], Field(description="Ids of documents the encoder did not read to the end.")
    ]
    unknown: Annotated[int, Field(description="Tokens the encoder does not know.")]
    milliseconds: Annotated[dict[str, float], Field(description="Time by stage.")]

    @classmethod
    def of(cls, receipt: WriteReceipt) -> Self:
        """The receipt as an answer."""
        return cls(
            added=receipt.added,
            changed=receipt.changed,
            relabelled=receipt.relabelled,
            unchanged=receipt.unchanged,
            tokens=receipt.tokens,
            truncated=list(receipt.truncated),
            unknown=receipt.unknown,
            milliseconds={name: round(ms, 3) for name, ms in receipt.milliseconds.items()},
        )


class StatesAnswer(Answer):
    """What an upsert would do."""

    states: Annotated[
        list[State],
        Field(
            description="In the order of the documents; `relabelled`: only metadata or place "
            "would change, nothing would be encoded."
        ),
    ]


class ParentAnswer(Answer):
    """Where a chunk was cut from."""

    id: str
    chunk: int
    start: int
    end: int

    @classmethod
    def of(cls, parent: Parent | None) -> Self | None:
        """The parent as an answer; None for a document that is whole."""
        if parent is None:
            return None
        return cls(id=parent.id, chunk=parent.chunk, start=parent.start, end=parent.end)


class DocumentAnswer(Answer):
    """A document as it is stored."""

    id: str
    text: str
    title: str
    metadata: dict[str, Any]
    parent: ParentAnswer | None
    tokens: Annotated[int, Field(description="Tokens of the whole text, before any cut.")]
    truncated: Annotated[bool, Field(description="True if the encoder did not read all of it.")]
    unknown: Annotated[int, Field(description="Tokens the encoder does not know.")]
    image: Annotated[
        ImageAnswer | None,
        Field(description="Of pictures alone.", exclude_if=lambda value: value is None),
    ] = None

    @classmethod
    def of(cls, stored: StoredDocument) -> Self:
        """The stored document as an answer."""
        document = stored.document
        return cls(
            id=document.id,
            text=document.text,
            title=document.title,
            metadata=dict(document.metadata),
            parent=ParentAnswer.of(document.parent),
            tokens=stored.tokens,
            truncated=stored.truncated,
            unknown=stored.unknown,
            image=ImageAnswer.of(document.image),
        )


class PageQuery(Query):
    """Which documents to list."""

    cursor: Annotated[str | None, Field(description="`cursor` of the page before.")] = None
    limit: Annotated[int, Within(1, MAX_PAGE), Field(description="Documents on a page.")] = 100
    filter: Annotated[
        str | None,
        Field(
            description="A filter as JSON.",
            examples=['{"must":[{"key":"lang","match":{"value":"ko"}}]}'],
        ),
    ] = None


class PageAnswer(Answer):
    """Documents in the order they were written."""

    documents: list[DocumentAnswer]
    cursor: Annotated[str | None, Field(description="For the next page; null on the last.")]

    @classmethod
    def of(cls, page: Page) -> Self:
        """The page as an answer."""
        documents = [DocumentAnswer.of(stored) for stored in page.documents]
        return cls(documents=documents, cursor=page.cursor)


class DeleteBody(Body):
    """Which documents to delete: by id (of documents, or of parents with all their chunks), or by
    filter.
    """  # noqa: D205 - one sentence

    model_config = ConfigDict(json_schema_extra={"examples": [{"ids": ["faq-17"]}]})

    ids: list[GivenId] | None = None
    filter: FilterJson | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.ids is None) == (self.filter is None):
            found = "neither" if self.ids is None else "both"
            raise broken_rule(f"exactly one of ids and filter is needed, {found} given", "ids")
        return self


class DeleteAnswer(Answer):
    """What went."""

    deleted: Annotated[int, Field(description="Documents deleted; unknown ids count nothing.")]


class TrimBody(Body):
    """How many chunks texts have now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"chunks": {"handbook.md": 12}}]})

    chunks: Annotated[
        dict[str, Annotated[int, Within(0, 2**31 - 1)]],
        Field(
            description="By the text's id, from 0 (it is one document, not cut). Chunks numbered "
            "at or above go; so does the document of that id where there are chunks now.",
        ),
    ]

    @field_validator("chunks")
    @classmethod
    def _check_ids(cls, chunks: dict[str, int]) -> dict[str, int]:
        if any("\0" in id_ for id_ in chunks):
            rule = "chunks holds an id with U+0000; no document can have such an id"
            raise broken_rule(rule, "chunks")
        return chunks


class CountBody(Body):
    """Which documents to count; all of them without a filter."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"filter": {"must": [{"key": "lang", "match": {"value": "ko"}}]}}]
        }
    )

    filter: FilterJson | None = None


class CountAnswer(Answer):
    """How many there are."""

    count: int
