"""Receipts: what was really done to answer a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexing.types import SearchReceipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexing.local import LocalCollection
    from indexing.looking import Look
    from indexing.questions import Question
    from indexing.types import Match


def write_receipt(
    collection: LocalCollection, question: Question, look: Look, matches: Sequence[Match]
) -> SearchReceipt:
    """The receipt of an answer."""
    encoder, ranking = collection.card.encoder, look.ranking
    sampled, samples = collection.storage.sampler.recall()
    return SearchReceipt(
        exact=ranking.exact,
        index=ranking.index,
        searched=look.snapshot.documents if look.matched is None else look.matched,
        documents=look.snapshot.documents,
        matched_by_filter=look.matched,
        recall_estimate=ranking.recall,
        encoder={"name": encoder.name, "fingerprint": encoder.fingerprint},
        query_tokens=question.tokens,
        query_truncated=question.truncated,
        query_unknown=question.unknown,
        truncated_matches=sum(match.truncated for match in matches),
        milliseconds={name: round(ms, 3) for name, ms in question.milliseconds.items()},
        query_terms=question.terms,
        warnings=(*collection.problems, *_lag(collection, question), *question.warnings),
        visited=None if ranking.found is None else ranking.found.visited,
        sampled_recall=sampled,
        sampled_queries=samples,
        no_good_answer=None if _by_example(question) else ranking.no_good_answer,
        reranker=question.reranker,
    )


def _by_example(question: Question) -> bool:
    """True where documents stand for a question: what is like them needs to answer nothing."""
    request = question.request
    return request.document_id is not None or request.image is not None or bool(request.positive)


def _lag(collection: LocalCollection, question: Question) -> tuple[str, ...]:
    """Why words of some documents may be missing from an answer by words."""
    problem = collection.storage.lexicon.problem
    return (problem,) if question.terms is not None and problem else ()
