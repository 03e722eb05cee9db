"""Matches and receipts out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field

from service.schemas.documents import ParentAnswer
from service.schemas.fields import Answer
from service.schemas.images import ImageAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexing.types import Match, SearchReceipt, SearchResult, Snippet


class SnippetAnswer(Answer):
    """A passage of a document's text; positions count Unicode characters, not bytes."""

    text: str
    start: Annotated[int, Field(description="First character of it in the document's text.")]
    highlights: Annotated[
        list[tuple[int, int]],
        Field(description="First, and one past the last, character of each of the query's words."),
    ]

    @classmethod
    def of(cls, snippet: Snippet | None) -> Self | None:
        """The snippet as an answer; None where none was asked for."""
        if snippet is None:
            return None
        return cls(text=snippet.text, start=snippet.start, highlights=list(snippet.highlights))


class MatchCluster(Answer):
    """The cluster a document is in."""

    id: Annotated[int, Field(description="-1: none.")]
    label: str


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
        Field(description="The score by channel: `dense`, `lexical`, `rerank`."),
    ]
    truncated: Annotated[
        bool, Field(description="True if the encoder did not read all of the document.")
    ]
    parent: ParentAnswer | None
    confidence: Annotated[
        float | None,
        Field(
            description=(
                "0 to 1: how surely the document answers, by the collection's calibration; null "
                "where there is none."
            )
        ),
    ]
    snippet: Annotated[
        SnippetAnswer | None,
        Field(description="The passage that holds the query's words; null unless asked for."),
    ]
    image: Annotated[
        ImageAnswer | None,
        Field(description="Of pictures alone.", exclude_if=lambda value: value is None),
    ] = None
    vector: Annotated[
        list[float] | None,
        Field(
            description="There only with `with_vectors`.", exclude_if=lambda value: value is None
        ),
    ] = None
    cluster: Annotated[
        MatchCluster | None,
        Field(
            description="There only with `with_clusters`.", exclude_if=lambda value: value is None
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
            confidence=match.confidence,
            snippet=SnippetAnswer.of(match.snippet),
            image=ImageAnswer.of(document.image),
            vector=None if match.vector is None else match.vector.tolist(),
        )


class QuestionVerdict(Answer):
    """How unlike the collection a question is."""

    score: Annotated[
        float,
        Field(
            description=(
                "0 to 1, on the scale of the outliers found last. Questions score higher than "
                "documents do; compare them with one another."
            )
        ),
    ]
    is_outlier: Annotated[bool, Field(description="True if the score reaches the threshold.")]
    nearest: Annotated[
        str | None, Field(description="Id of the nearest document.", examples=["faq-17"])
    ]


class ReceiptAnswer(Answer):
    """What was really done to answer."""

    exact: Annotated[bool, Field(description="True if every candidate vector was compared.")]
    index: Annotated[
        str,
        Field(
            description=(
                "Kind of the vector index, `+flat` where newer rows were compared one by one, "
                "`bm25` for words; several joined with `+`."
            )
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
    visited: Annotated[
        int | None,
        Field(description="Vectors compared with the query; null where the index counts none."),
    ]
    sampled_recall: Annotated[
        float | None,
        Field(
            description=(
                "Share of the true neighbours found, over the latest live queries that were "
                "answered a second time, exactly; null before there are any."
            )
        ),
    ]
    sampled_queries: Annotated[int, Field(description="How many queries those are.")]
    no_good_answer: Annotated[
        bool | None,
        Field(
            description=(
                "True if probably none of the matches answers; null where the collection has no "
                "calibration."
            )
        ),
    ]
    reranker: Annotated[
        str | None, Field(description="What ordered the best; null if nothing did.")
    ]
    warnings: list[str]
    question: Annotated[
        QuestionVerdict | None,
        Field(
            description="There only with `judge_question`.", exclude_if=lambda value: value is None
        ),
    ] = None

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
            visited=receipt.visited,
            sampled_recall=receipt.sampled_recall,
            sampled_queries=receipt.sampled_queries,
            no_good_answer=receipt.no_good_answer,
            reranker=receipt.reranker,
            warnings=list(receipt.warnings),
        )


class SearchAnswer(Answer):
    """Matches, best first, equal scores by document id; and the receipt."""

    matches: list[MatchAnswer]
    receipt: ReceiptAnswer
    cursor: Annotated[str | None, Field(description="For the page behind; null on the last.")]

    @classmethod
    def of(cls, result: SearchResult) -> Self:
        """The result as an answer."""
        matches = [MatchAnswer.of(match) for match in result.matches]
        receipt = ReceiptAnswer.of(result.receipt)
        return cls(matches=matches, receipt=receipt, cursor=result.cursor)


class BatchAnswer(Answer):
    """An answer for each search, in their order."""

    results: list[SearchAnswer]

    @classmethod
    def of(cls, results: Sequence[SearchResult]) -> Self:
        """The results as an answer."""
        return cls(results=[SearchAnswer.of(result) for result in results])
