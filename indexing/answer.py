"""From requests to matches and their receipts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from indexing.candidates import Taken, Window
from indexing.cursor import Cursor, write_cursor
from indexing.looking import look
from indexing.questions import pose
from indexing.receipts import write_receipt
from indexing.reranking import RERANK_DEPTH, rerank
from indexing.snippet import cut_snippet
from indexing.types import Match, SearchResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexing.candidates import Candidate
    from indexing.local import LocalCollection
    from indexing.looking import Look
    from indexing.questions import Question
    from indexing.types import SearchRequest


def answer(collection: LocalCollection, requests: Sequence[SearchRequest]) -> list[SearchResult]:
    """Answers in the order of the requests; queries are encoded in one batch.

    Raises:
        InvalidRequestError: an impossible request.
        DimensionMismatchError: a query vector of another width.
        DocumentNotFoundError: an id that no document has.
        LexicalIndexError: mode lexical where there is no lexical search.
    """
    questions = pose(collection, requests)
    return [_answer_one(collection, question) for question in questions]


def _answer_one(collection: LocalCollection, question: Question) -> SearchResult:
    started = time.perf_counter()
    seen, page = _page(collection, question)
    first = question.request.offset + 1 if question.cursor is None else question.cursor.rank + 1
    matches = tuple(
        _match(candidate, question, seen, rank)
        for rank, candidate in enumerate(page.candidates, start=first)
    )
    before = sum(question.milliseconds.get(stage, 0.0) for stage in ("analyse", "encode"))
    question.milliseconds["total"] = before + 1e3 * (time.perf_counter() - started)
    cursor = None
    if page.more and matches and not question.request.rerank:
        last = matches[-1]
        place = Cursor(last.score, last.document.id, last.rank)
        cursor = write_cursor(place, question.request)
    return SearchResult(matches, write_receipt(collection, question, seen, matches), cursor)


def _page(collection: LocalCollection, question: Question) -> tuple[Look, Taken]:
    """What was seen, and the page that the request asks for."""
    request = question.request
    window = Window(
        limit=request.limit,
        offset=request.offset,
        cursor=question.cursor,
        grouping=request.group,
        threshold=request.score_threshold,
    )
    reranker = collection.reranker
    if not request.rerank or reranker is None or request.offset >= RERANK_DEPTH:
        if request.rerank:
            question.warnings.append(f"not reranked: the page lies behind the best {RERANK_DEPTH}")
        seen = look(collection, question, window)
        return seen, seen.taken
    end = request.offset + request.limit
    seen = look(collection, question, window.widened(max(end, RERANK_DEPTH)))
    ordered = rerank(reranker, question, seen.taken.candidates)
    page = ordered[request.offset : end]
    return seen, Taken(page, seen.taken.more or end < len(ordered), seen.taken.whole)


def _match(candidate: Candidate, question: Question, seen: Look, rank: int) -> Match:
    stored, request, snapshot = candidate.stored, question.request, seen.snapshot
    dense = candidate.channels.get("dense")
    snippet = None
    if request.with_snippets:
        with question.timed("snippets"):
            snippet = cut_snippet(stored.document.text, question.marked)
    return Match(
        document=stored.document,
        score=candidate.score,
        distance=None if dense is None else snapshot.metric.distance(dense),
        rank=rank,
        truncated=stored.truncated,
        channels=candidate.channels,
        vector=snapshot.vectors[stored.row].copy() if request.with_vectors else None,
        confidence=candidate.confidence,
        snippet=snippet,
    )
