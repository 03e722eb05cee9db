"""What a search may tell beside its matches, from what was found about the collection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from embeddings.types import Vectors
    from indexing.local import LocalCollection
    from indexing.types import EncodedQuery, SearchRequest
    from service.analyses.kept import Shelf
    from service.schemas.results import SearchAnswer
    from service.schemas.search import SearchBody


@dataclass(frozen=True, slots=True)
class Marks:
    """What is wanted.

    Attributes:
        clusters: of each match.
        question: how unlike the collection it is.
    """

    clusters: bool = False
    question: bool = False

    @classmethod
    def of(cls, body: SearchBody) -> Self:
        """What a body wants."""
        return cls(body.with_clusters, body.judge_question)

    def on(
        self,
        answer: SearchAnswer,
        collection: LocalCollection,
        shelf: Shelf,
        vector: Vectors | None,
    ) -> SearchAnswer:
        """The answer with it; where nothing was found yet, with a warning in its receipt.

        Args:
            answer: to a search.
            collection: that was asked.
            shelf: of its results.
            vector: float32 (dim,), the question's; None where it has none.
        """
        from service.analyses.searching import with_clusters, with_verdict

        if self.clusters:
            answer = with_clusters(collection, shelf, answer)
        if self.question:
            answer = with_verdict(collection, shelf, answer, vector)
        return answer


def vector_of(request: SearchRequest, encoded: EncodedQuery | None) -> Vectors | None:
    """float32 (dim,), the question's; None for a document, and for words alone."""
    if request.vector is not None:
        return request.vector
    return None if encoded is None else encoded.vector[0]
