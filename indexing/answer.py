"""From requests to matches and their receipts."""

from __future__ import annotations

import time
from contextvars import copy_context
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from indexing.candidates import Window
from indexing.cursor import Cursor, write_cursor
from indexing.looking import look, sights_of
from indexing.questions import Question, pose
from indexing.receipts import write_receipt
from indexing.reranking import RERANK_DEPTH, rerank
from indexing.snippet import cut_snippet
from indexing.types import Match, SearchResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextvars import Context

    from indexing.candidates import Candidate
    from indexing.local import LocalCollection
    from indexing.looking import Look, Sight
    from indexing.types import EncodedQuery, SearchRequest

    Outcome: TypeAlias = SearchResult | Exception

T = TypeVar("T")


def answer(
    collection: LocalCollection,
    requests: Sequence[SearchRequest],
    encoded: Sequence[EncodedQuery | None],
) -> list[SearchResult]:
    """Answers in the order of the requests; queries that are not encoded yet are, in one batch.

    Raises:
        InvalidRequestError: an impossible request.
        DimensionMismatchError: a query vector of another width.
        DocumentNotFoundError: an id that no document has.
        LexicalIndexError: mode lexical where there is no lexical search.
    """
    questions = pose(collection, requests, encoded)
    return [_given(outcome) for outcome in _answers(collection, questions)]


def answer_each(
    collection: LocalCollection,
    requests: Sequence[SearchRequest],
    encoded: Sequence[EncodedQuery | None],
    contexts: Sequence[Context] | None = None,
) -> Iterator[Outcome]:
    """An answer to each request, or what `answer` would raise for it alone; in their order.

    Each is given as soon as it is there. Queries that are not encoded yet are, one by one.
    `contexts` are those that requests are read in; they are answered in that of who asks for it.
    """
    posed: list[Question | Exception] = []
    for place, (request, query) in enumerate(zip(requests, encoded, strict=True)):
        run = copy_context().run if contexts is None else contexts[place].run
        try:
            posed += run(pose, collection, [request], [query])
        except Exception as error:  # told by whoever asks for this answer
            posed.append(error)
    outcomes = _answers(collection, [each for each in posed if isinstance(each, Question)])
    return (each if isinstance(each, Exception) else next(outcomes) for each in posed)


def _answers(collection: LocalCollection, questions: Sequence[Question]) -> Iterator[Outcome]:
    """Answers to questions of one moment, or why there is none."""
    started = time.perf_counter()
    sights: Sequence[Sight | Exception]
    try:
        sights = sights_of(collection, questions, [_window(question) for question in questions])
    except Exception as error:  # of what all share; told by whoever asks for any answer
        sights = [error] * len(questions)
    shared = 1e3 * (time.perf_counter() - started) / max(1, len(questions))
    for question, sight in zip(questions, sights, strict=True):
        try:
            yield _answer_one(collection, question, _given(sight), shared)
        except Exception as error:  # told by whoever asks for this answer
            yield error


def _given(outcome: T | Exception) -> T:
    """What there is, or raised what there is instead."""
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _window(question: Question) -> Window:
    """What has to be seen for the request's page: with a reranker all that it reads."""
    request = question.request
    window = Window(
        limit=request.limit,
        offset=request.offset,
        cursor=question.cursor,
        grouping=request.group,
        threshold=request.score_threshold,
    )
    if request.rerank and request.offset < RERANK_DEPTH:
        return window.widened(max(window.end, RERANK_DEPTH))
    return window


def _answer_one(
    collection: LocalCollection, question: Question, sight: Sight, shared: float
) -> SearchResult:
    """The answer; its share of what was done for all took so many milliseconds."""
    started = time.perf_counter()
    seen = look(collection, sight)
    page, more = _page(collection, question, seen)
    before = question.request.offset if question.cursor is None else question.cursor.rank
    matches = tuple(
        _match(candidate, question, seen, rank)
        for rank, candidate in enumerate(page, start=before + 1)
    )
    elapsed = shared + sum(question.milliseconds.get(stage, 0.0) for stage in ("analyse", "encode"))
    question.milliseconds["total"] = elapsed + 1e3 * (time.perf_counter() - started)
    cursor = None
    if more and matches and not question.request.rerank:
        last = matches[-1]
        place = Cursor(last.score, last.document.id, last.rank)
        cursor = write_cursor(place, question.request)
    return SearchResult(matches, write_receipt(collection, question, seen, matches), cursor)


def _page(
    collection: LocalCollection, question: Question, seen: Look
) -> tuple[Sequence[Candidate], bool]:
    """The page that the request asks for, and True if matches follow it."""
    request, candidates = question.request, seen.taken.candidates
    reranker = collection.reranker if request.rerank else None
    if reranker is None:
        return candidates, seen.taken.more
    if request.offset >= RERANK_DEPTH:
        question.warnings.append(f"not reranked: the page lies behind the best {RERANK_DEPTH}")
        return candidates, seen.taken.more
    end = request.offset + request.limit
    ordered = rerank(reranker, question, candidates)
    return ordered[request.offset : end], seen.taken.more or end < len(ordered)


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
