"""Questions in: one search, several at once, recommendations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

import numpy as np
from pydantic import ConfigDict, Field, field_validator, model_validator

from indexing.types import MAX_LIMIT, Grouping, Mode, SearchRequest
from service.schemas.fields import Body, FilterJson, GivenId, Within, broken_rule
from service.schemas.images import ImageBase64, unpack_image

if TYPE_CHECKING:
    from indexing.filters import Filter

MAX_SEARCHES = 100
"""Searches in one batch."""

_LARGEST = float(np.finfo(np.float32).max)


class Options(Body):
    """What every question may say of its answer."""

    limit: Annotated[int, Within(1, MAX_LIMIT), Field(description="Matches wanted.")] = 10
    offset: Annotated[
        int,
        Within(0, MAX_LIMIT),
        Field(description=f"Matches to pass over; `offset + limit` is at most {MAX_LIMIT:,}."),
    ] = 0
    cursor: Annotated[
        str | None,
        Field(description="`cursor` of the page before, to go on behind it; without `offset`."),
    ] = None
    filter: FilterJson | None = None
    score_threshold: Annotated[
        float | None,
        Field(description="Only matches of at least this score, in the scale of the answer."),
    ] = None
    exact: Annotated[
        bool, Field(description="Compare with every vector, whatever index there is.")
    ] = False
    recall: Annotated[
        float | None,
        Field(
            description=(
                "Share of the true nearest neighbours the vector index shall find, above 0 to 1; "
                "null: the collection's target."
            ),
            gt=0,
            le=1,
        ),
    ] = None
    with_vectors: Annotated[bool, Field(description="Give each match its vector.")] = False
    with_clusters: Annotated[
        bool, Field(description="Give each match its cluster, where clusters were found.")
    ] = False
    group: Annotated[
        Grouping, Field(description="`parents` keeps the best chunk of each parent.")
    ] = "documents"


class SearchBody(Options):
    """Exactly one of `query`, `vector`, `image` and `document_id`, and how to answer."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"query": "언제 도착하나요?", "limit": 5}]}
    )

    query: Annotated[
        str | None, Field(description="Text to ask with.", examples=["언제 도착하나요?"])
    ] = None
    vector: Annotated[
        list[float] | None, Field(description="A vector of the collection's width.")
    ] = None
    image: ImageBase64 | None = None
    document_id: Annotated[
        str | None, Field(description="Find what is like this document; itself left out.")
    ] = None
    mode: Annotated[
        Mode | None,
        Field(
            description=(
                "`dense` finds by meaning, `lexical` by words (BM25), `hybrid` by both; the last "
                "two need a `query`. null: `hybrid` for a `query`, `dense` for the others."
            ),
            examples=["hybrid"],
        ),
    ] = None
    rerank: Annotated[
        bool, Field(description="Let the service's reranker, if it has one, order the best again.")
    ] = False
    with_snippets: Annotated[
        bool | None,
        Field(
            description=(
                "Give each match the passage that holds the query's words. null: yes for a "
                "`query`, no for the others, which have no words."
            )
        ),
    ] = None

    judge_question: Annotated[
        bool,
        Field(
            description=(
                "Tell in the receipt how unlike the collection a `query` or `vector` is, where "
                "outliers were found. Compares it with every vector."
            )
        ),
    ] = False

    @field_validator("vector")
    @classmethod
    def _fits_float32(cls, vector: list[float] | None) -> list[float] | None:
        for position, number in enumerate(vector or ()):
            if abs(number) > _LARGEST:
                rule = f"vector[{position}] is {number}; at most {_LARGEST:.3g} fits a float32"
                raise broken_rule(rule, f"vector[{position}]")
        return vector

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = ("query", "vector", "image", "document_id")
        given = [name for name in names if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            rule = f"exactly one of {', '.join(names)} is needed, {found} given"
            raise broken_rule(rule, given[1] if given else "query")
        return self

    @property
    def chosen_mode(self) -> Mode:
        """The mode asked for, or what null stands for."""
        if self.mode is not None:
            return self.mode
        return "dense" if self.query is None else "hybrid"

    def to_request(self, filter: Filter | None) -> SearchRequest:
        """The request, with `filter` as parsed."""
        snippets = self.query is not None if self.with_snippets is None else self.with_snippets
        return SearchRequest(
            query=self.query,
            vector=None if self.vector is None else np.asarray(self.vector, dtype=np.float32),
            image=None if self.image is None else unpack_image(self.image),
            document_id=self.document_id,
            limit=self.limit,
            offset=self.offset,
            mode=self.chosen_mode,
            filter=filter,
            score_threshold=self.score_threshold,
            exact=self.exact,
            with_vectors=self.with_vectors,
            group=self.group,
            cursor=self.cursor,
            recall=self.recall,
            rerank=self.rerank,
            with_snippets=snippets,
        )


class BatchBody(Body):
    """Searches to answer at once: their queries are encoded together."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"searches": [{"query": "언제 도착하나요?"}, {"query": "refunds", "limit": 3}]}
            ]
        }
    )

    searches: Annotated[list[SearchBody], Field(min_length=1, max_length=MAX_SEARCHES)]


class RecommendBody(Options):
    """Documents whose like is wanted, and those whose like is not."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"positive": ["faq-17"], "negative": [], "limit": 5}]}
    )

    positive: Annotated[
        list[GivenId],
        Field(min_length=1, description="Ids of documents to find the like of; not found again."),
    ]
    negative: Annotated[list[GivenId], Field(description="Ids of documents to keep away from.")] = (
        Field(default_factory=list)
    )

    def to_request(self, filter: Filter | None) -> SearchRequest:
        """The request, with `filter` as parsed."""
        return SearchRequest(
            positive=tuple(self.positive),
            negative=tuple(self.negative),
            limit=self.limit,
            offset=self.offset,
            filter=filter,
            score_threshold=self.score_threshold,
            exact=self.exact,
            with_vectors=self.with_vectors,
            group=self.group,
            cursor=self.cursor,
            recall=self.recall,
        )
