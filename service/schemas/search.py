"""Questions in, matches and receipts out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from pydantic import ConfigDict, Field, field_validator, model_validator

from indexing.types import MAX_LIMIT, Grouping, Mode, SearchRequest
from service.schemas.documents import ParentAnswer
from service.schemas.fields import Answer, Body, FilterJson, Within, broken_rule

if TYPE_CHECKING:
    from indexing.filters import Filter
    from indexing.types import Match, SearchReceipt, SearchResult

_LARGEST = float(np.finfo(np.float32).max)


class SearchBody(Body):
    """Exactly one of `query`, `vector` and `document_id`, and how to answer."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"query": "언제 도착하나요?", "limit": 5}]}
    )

    query: Annotated[
        str | None, Field(description="Text to ask with.", examples=["언제 도착하나요?"])
    ] = None
    vector: Annotated[
        list[float] | None, Field(description="A vector of the collection's width.")
    ] = None
    document_id: Annotated[
        str | None, Field(description="Find what is like this document; itself left out.")
    ] = None
    limit: Annotated[int, Within(1, MAX_LIMIT), Field(description="Matches wanted.")] = 10
    offset: Annotated[
        int,
        Within(0, MAX_LIMIT),
        Field(description=f"Matches to pass over; `offset + limit` is at most {MAX_LIMIT:,}."),
    ] = 0
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
    filter: FilterJson | None = None
    score_threshold: Annotated[
        float | None,
        Field(description="Only matches of at least this score, in the scale of the answer."),
    ] = None
    exact: Annotated[
        bool, Field(description="Compare with every vector, whatever index there is.")
    ] = False
    with_vectors: Annotated[bool, Field(description="Give each match its vector.")] = False
    group: Annotated[
        Grouping, Field(description="`parents` keeps the best chunk of each parent.")
    ] = "documents"

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
        names = ("query", "vector", "document_id")
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
        vector = None if self.vector is None else np.asarray(self.vector, dtype=np.float32)
        return SearchRequest(
            query=self.query,
            vector=vector,
            document_id=self.document_id,
            limit=self.limit,
            offset=self.offset,
            mode=self.chosen_mode,
            filter=filter,
            score_threshold=self.score_threshold,
            exact=self.exact,
            with_vectors=self.with_vectors,
            group=self.group,
        )


class MatchAnswer(Answer):
    """A document and its score."""

    id: str
    score: Annotated[
        float,
        Field(
            description=(
                "Higher is better. The metric's score where only vectors were compared, BM25's "
                "where only words were, 0 to 1 where both were."
            )
        ),
    ]
    distance: Annotated[
        float | None,
        Field(description="The metric's own number; null for a match found by words alone."),
    ]
    rank: Annotated[int, Field(description="1 is the best of the whole answer, not of the page.")]
    text: str
    title: str
    metadata: dict[str, Any]
    channels: Annotated[
        dict[str, float],
        Field(description="The score by channel that found it: `dense`, `lexical`."),
    ]
    truncated: Annotated[
        bool, Field(description="True if the encoder did not read all of the document.")
    ]
    parent: ParentAnswer | None
    vector: Annotated[
        list[float] | None,
        Field(
            description="There only with `with_vectors`.", exclude_if=lambda value: value is None
        ),
    ] = None

    @classmethod
    def of(cls, match: Match) -> Self:
        """The match as an answer."""
        document = match.document
        return cls(
            id=document.id,
            score=match.score,
            distance=match.distance,
            rank=match.rank,
            text=document.text,
            title=document.title,
            metadata=dict(document.metadata),
            channels=dict(match.channels),
            truncated=match.truncated,
            parent=ParentAnswer.of(document.parent),
            vector=None if match.vector is None else match.vector.tolist(),
        )


class ReceiptAnswer(Answer):
    """What was really done to answer."""

    exact: Annotated[bool, Field(description="True if every candidate vector was compared.")]
    index: Annotated[
        str,
        Field(
            description="`flat`, `hnsw` or `hnsw+flat` (vectors), `bm25` (words), or both with `+`."
        ),
    ]
    searched: Annotated[int, Field(description="Documents the answer was chosen from.")]
    documents: Annotated[int, Field(description="Documents in the collection.")]
    matched_by_filter: Annotated[int | None, Field(description="null without a filter.")]
    recall_estimate: Annotated[
        float, Field(description="Share of the true nearest neighbours that the index finds.")
    ]
    encoder: Annotated[dict[str, str], Field(description="Name and fingerprint.")]
    query_tokens: Annotated[
        int | None, Field(description="Before any cut; null where no query was encoded.")
    ]
    query_truncated: bool
    query_unknown: Annotated[int, Field(description="Tokens the encoder does not know.")]
    query_terms: Annotated[
        list[str] | None,
        Field(description="What was looked for by words; null where words played no part."),
    ]
    truncated_matches: Annotated[
        int, Field(description="Matches whose document the encoder did not read to its end.")
    ]
    milliseconds: Annotated[dict[str, float], Field(description="Time by stage.")]
    warnings: list[str]

    @classmethod
    def of(cls, receipt: SearchReceipt) -> Self:
        """The receipt as an answer."""
        return cls(
            exact=receipt.exact,
            index=receipt.index,
            searched=receipt.searched,
            documents=receipt.documents,
            matched_by_filter=receipt.matched_by_filter,
            recall_estimate=receipt.recall_estimate,
            encoder=dict(receipt.encoder),
            query_tokens=receipt.query_tokens,
            query_truncated=receipt.query_truncated,
            query_unknown=receipt.query_unknown,
            query_terms=None if receipt.query_terms is None else list(receipt.query_terms),
            truncated_matches=receipt.truncated_matches,
            milliseconds=dict(receipt.milliseconds),
            warnings=list(receipt.warnings),
        )


class SearchAnswer(Answer):
    """Matches, best first, equal scores by document id; and the receipt."""

    matches: list[MatchAnswer]
    receipt: ReceiptAnswer

    @classmethod
    def of(cls, result: SearchResult) -> Self:
        """The result as an answer."""
        matches = [MatchAnswer.of(match) for match in result.matches]
        return cls(matches=matches, receipt=ReceiptAnswer.of(result.receipt))
