"""The best candidates read once more, each beside the query, and put into that order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from embeddings.errors import EmbeddingError
from indexing.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embeddings.reranker import Reranker
    from indexing.candidates import Candidate
    from indexing.questions import Question

RERANK_DEPTH = 50
"""Candidates that are read again; those behind keep their order."""


def rerank(
    reranker: Reranker, question: Question, candidates: Sequence[Candidate]
) -> list[Candidate]:
    """The first `RERANK_DEPTH` by the reranker's score, equal ones as they stood; then the rest.

    `channels["rerank"]` is filled where a score was given; `score` stays what it was, so that a
    threshold means the same with and without a reranker.

    Args:
        reranker: what reads.
        question: asked by a query; its time, its reranker and what was not read to the end are
            noted in it.
        candidates: best first.

    Raises:
        InvalidRequestError: the query cannot be read.
    """
    query = question.request.query or ""
    best, rest = candidates[:RERANK_DEPTH], candidates[RERANK_DEPTH:]
    texts = [candidate.stored.document.encoded_text for candidate in best]
    question.reranker = reranker.name
    with question.timed("rerank"):
        try:
            scores = reranker.score(query, texts)
            cut = int(np.count_nonzero(reranker.truncated(query, texts)))
        except EmbeddingError as error:
            raise InvalidRequestError(f"query cannot be reranked: {error}", "query") from error
    if cut:
        question.warnings.append(
            f"{reranker.name} read {cut} of {len(best)} documents only to its "
            f"{reranker.max_tokens:,} tokens, query counted"
        )
    read = [
        replace(candidate, channels={**candidate.channels, "rerank": score})
        for candidate, score in zip(best, scores.tolist(), strict=True)
    ]
    order = np.argsort(-scores, kind="stable")
    return [*(read[place] for place in order), *rest]
