"""Another encoder for a collection: how it is asked for, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import ConfigDict, Field

from service.schemas.fields import Answer, Body, Within

if TYPE_CHECKING:
    from indexing.card import CollectionCard
    from indexing.reembedding import Agreement, Followed

QUERIES, MAX_QUERIES = 100, 1000
"""Documents that are sampled to ask both with: unless told otherwise, and at most."""


class ReembedBody(Body):
    """Which encoder, and what becomes of both collections."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"encoder": "meari-ko-en", "swap": False}]}
    )

    encoder: Annotated[str, Field(min_length=1, description="The new one.")]
    shadow: Annotated[
        str | None,
        Field(description="Name of the collection it fills; `NAME.reembedded` if left out."),
    ] = None
    swap: Annotated[bool, Field(description="Let the new collection take the name.")] = False
    retired: Annotated[
        str | None,
        Field(description="Name of the old one after a swap; `NAME.before` if left out."),
    ] = None
    queries: Annotated[
        int, Within(1, MAX_QUERIES), Field(description="Documents sampled to ask both with.")
    ] = QUERIES
    seed: Annotated[int, Within(0, (1 << 32) - 1), Field(description="Of the sample.")] = 0


class ReembedEncoder(Answer):
    """An encoder, short."""

    encoder: str
    fingerprint: str
    dim: int

    @classmethod
    def of(cls, card: CollectionCard) -> Self:
        """That of a collection."""
        encoder = card.encoder
        return cls(encoder=encoder.name, fingerprint=encoder.fingerprint, dim=encoder.dim)


class ReembeddedAnswer(Answer):
    """Two collections of the same documents, and how alike they answer."""

    name: str
    shadow: Annotated[str, Field(description="The name that the new one had before a swap.")]
    before: ReembedEncoder
    after: ReembedEncoder
    written: Annotated[int, Field(description="Documents encoded now, or given other labels.")]
    deleted: Annotated[int, Field(description="Documents that were gone.")]
    documents: Annotated[int, Field(description="In the new one.")]
    queries: Annotated[int, Field(description="Asked of both.")]
    overlap_at_10: Annotated[
        float, Field(description="Share of the ten best by meaning that both have.")
    ]
    same_first: Annotated[float, Field(description="Share of queries with the same best.")]
    swapped: bool
    kept_as: Annotated[str | None, Field(description="Name of the old one after a swap.")]

    @classmethod
    def of(
        cls,
        cards: tuple[CollectionCard, CollectionCard],
        followed: Followed,
        agreement: Agreement,
        documents: int,
        retired: str | None,
    ) -> Self:
        """What came of it; `retired` is None without a swap."""
        before, after = cards
        return cls(
            name=before.name,
            shadow=after.name,
            before=ReembedEncoder.of(before),
            after=ReembedEncoder.of(after),
            written=followed.written,
            deleted=followed.deleted,
            documents=documents,
            queries=agreement.queries,
            overlap_at_10=round(agreement.overlap, 4),
            same_first=round(agreement.first, 4),
            swapped=retired is not None,
            kept_as=retired,
        )
