"""From a request to matches and their receipt."""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from embeddings.errors import EmbeddingError
from indexing.errors import DocumentNotFoundError, InvalidRequestError, LexicalIndexError
from indexing.ranking import Asked, rank
from indexing.types import Match, SearchReceipt, SearchResult, StoredDocument
from indexing.validation import check_request, check_vectors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from embeddings.types import Vectors
    from indexing.local import LocalCollection
    from indexing.ranking import Ranking
    from indexing.snapshot import Snapshot
    from indexing.types import Ids, SearchRequest

_SLACK = 8
"""Candidates fetched beyond the page, so that scores equal to its last are seen."""
_GROWTH = 4
_MOST_TIES = 4096
"""Equal scores beyond this many are cut without regard to their ids."""


@dataclass(slots=True)
class _Question:
    """A request on its way to an answer."""

    request: SearchRequest
    vector: Vectors | None = None
    tokens: int | None = None
    truncated: bool = False
    unknown: int = 0
    terms: tuple[str, ...] | None = None
    by_words_alone: bool = False
    warnings: list[str] = field(default_factory=list)
    milliseconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))


@dataclass(frozen=True, slots=True)
class _Candidate:
    score: float
    stored: StoredDocument
    channels: Mapping[str, float]


def answer(collection: LocalCollection, requests: Sequence[SearchRequest]) -> list[SearchResult]:
    """Answers in the order of the requests; queries are encoded in one batch.

    Raises:
        InvalidRequestError: an impossible request.
        DimensionMismatchError: a query vector of another width.
        DocumentNotFoundError: `document_id` names none.
        LexicalIndexError: mode lexical where there is no lexical search.
    """
    for request in requests:
        check_request(request)
    questions = [_Question(request) for request in requests]
    for question in questions:
        _analyse_query(collection, question)
    _encode_queries(collection, questions)
    return [_answer_one(collection, question) for question in questions]


def _analyse_query(collection: LocalCollection, question: _Question) -> None:
    """Find the words to look for; a query without any is left to its meaning, and says so.

    A hybrid question in Korean to an encoder that was made for other languages is left to its
    words: ranks of what the encoder cannot read would only push good answers down.
    """
    request = question.request
    if request.mode == "dense":
        return
    lexicon = collection.storage.lexicon
    if not lexicon.is_available:
        if request.mode == "lexical":
            raise LexicalIndexError(lexicon.problem)
        question.warnings.append(f"answered by meaning alone: {lexicon.problem}")
        return
    with _timed(question, "analyse"):
        terms = tuple(lexicon.terms_of(request.query or ""))
    if not terms and request.mode == "lexical":
        message = f"query {request.query!r} holds no words to look for; use mode dense"
        raise InvalidRequestError(message, "query")
    languages = collection.card.encoder.languages
    if not terms:
        question.warnings.append("the query holds no words to look for: answered by meaning alone")
    elif request.mode == "hybrid" and _cannot_read(languages, request.query or ""):
        question.by_words_alone = True
        question.warnings.append(
            f"encoder {collection.card.encoder.name!r} was not made for Korean: answered by words "
            "alone"
        )
    question.terms = terms or None


def _cannot_read(languages: Sequence[str], text: str) -> bool:
    """True for Korean text and an encoder that says for which languages it is, Korean not among."""
    korean = any("가" <= char <= "힣" for char in text)
    return korean and bool(languages) and "ko" not in languages


def _wants_vector(question: _Question) -> bool:
    """True for a query that has to be encoded."""
    request = question.request
    by_words = request.mode == "lexical" or question.by_words_alone
    return request.query is not None and not by_words


def _encode_queries(collection: LocalCollection, questions: Sequence[_Question]) -> None:
    asked = [question for question in questions if _wants_vector(question)]
    if not asked:
        return
    started = time.perf_counter()
    texts = [question.request.query or "" for question in asked]
    try:
        encoding = collection.encoder.encode(texts, role="query")
    except EmbeddingError as error:
        raise InvalidRequestError(f"query cannot be encoded: {error}", "query") from error
    elapsed = 1e3 * (time.perf_counter() - started)
    for position, question in enumerate(asked):
        question.vector = encoding.vectors[position : position + 1]
        question.tokens = int(encoding.tokens[position])
        question.truncated = bool(encoding.truncated[position])
        question.unknown = int(encoding.unknown[position])
        question.milliseconds["encode"] = elapsed / len(asked)


def _answer_one(collection: LocalCollection, question: _Question) -> SearchResult:
    request = question.request
    started = time.perf_counter()
    rows, snapshot, ranking, candidates = _look(collection, question)
    elapsed = 1e3 * (time.perf_counter() - started)
    page = candidates[request.offset : request.offset + request.limit]
    matches = tuple(
        _match(candidate, request, snapshot, rank)
        for rank, candidate in enumerate(page, start=request.offset + 1)
    )
    before = sum(question.milliseconds.get(stage, 0.0) for stage in ("analyse", "encode"))
    question.milliseconds["total"] = before + elapsed
    receipt = _receipt(collection, question, snapshot, ranking, rows, matches)
    return SearchResult(matches, receipt)


def _look(
    collection: LocalCollection, question: _Question
) -> tuple[Ids | None, Snapshot, Ranking, list[_Candidate]]:
    """The filter's rows, the moment searched, what was found there, and its documents.

    Rows are found in memory, filters and documents are read from the database. Where a writer
    came in between so that the two disagree, the question is asked again while writers wait.
    """
    storage = collection.storage
    version = storage.version
    answer, whole = _look_once(collection, question)
    undisturbed = version % 2 == 0 and version == storage.version
    if whole and (undisturbed or question.request.filter is None):
        return answer
    with storage.publishing:
        return _look_once(collection, question)[0]


def _look_once(
    collection: LocalCollection, question: _Question
) -> tuple[tuple[Ids | None, Snapshot, Ranking, list[_Candidate]], bool]:
    """One look, and False if a row that was found had no document any more."""
    snapshot = collection.storage.snapshot
    rows = _filter_rows(collection, question)
    vector = _query_vector(collection, question, snapshot)
    asked = Asked(vector, question.terms, rows, question.request.exact)
    ranking, candidates, whole = _candidates(collection, question, snapshot, asked)
    return (rows, snapshot, ranking, candidates), whole


def _filter_rows(collection: LocalCollection, question: _Question) -> Ids | None:
    if question.request.filter is None:
        return None
    with _timed(question, "filter"):
        return collection.storage.documents.rows(question.request.filter)


def _query_vector(
    collection: LocalCollection, question: _Question, snapshot: Snapshot
) -> Vectors | None:
    """float32 (1, dim), or None for a question that is answered by words alone."""
    request, card = question.request, collection.card
    if question.vector is not None:
        return question.vector
    if request.query is not None:
        return None
    if request.vector is not None:
        vector = check_vectors(request.vector, card.encoder.dim, card.metric, "vector")
        if len(vector) != 1:
            message = f"vector has {len(vector)} rows; one request asks with one vector"
            raise InvalidRequestError(message, "vector")
        return vector
    stored = collection.get([request.document_id or ""])[0]
    if stored is None or not 0 <= stored.row < len(snapshot.vectors):
        message = f"no document {request.document_id!r} in collection {card.name!r}"
        raise DocumentNotFoundError(message)
    return snapshot.vectors[stored.row : stored.row + 1]


def _candidates(
    collection: LocalCollection, question: _Question, snapshot: Snapshot, asked: Asked
) -> tuple[Ranking, list[_Candidate], bool]:
    """Enough candidates for the page, best first, equal scores by id; False if any vanished."""
    request, storage = question.request, collection.storage
    needed = request.offset + request.limit
    k = needed + _SLACK
    while True:
        with _timed(question, "search"):
            ranking = rank(snapshot, storage.lexicon, asked, k)
        there = ranking.ids >= 0
        if request.score_threshold is not None:
            there &= ranking.scores >= request.score_threshold
        rows, scores = ranking.ids[there].tolist(), ranking.scores[there].tolist()
        with _timed(question, "fetch"):
            stored = storage.documents.by_rows(rows)
        candidates = [
            _Candidate(score, stored[row], ranking.channels[row])
            for row, score in zip(rows, scores, strict=True)
            if row in stored
        ]
        whole = len(candidates) == len(rows)
        candidates = _arranged(candidates, request)
        if not whole or not there.all() or k >= snapshot.documents:
            return ranking, candidates, whole
        if len(candidates) > needed and (
            candidates[-1].score < candidates[needed - 1].score or k > needed + _MOST_TIES
        ):
            return ranking, candidates, whole
        k = min(k * _GROWTH, snapshot.documents)


def _arranged(candidates: list[_Candidate], request: SearchRequest) -> list[_Candidate]:
    """Ordered, without the document asked from, and with one chunk a parent if asked so."""
    candidates = [c for c in candidates if c.stored.document.id != request.document_id]
    candidates.sort(key=lambda candidate: (-candidate.score, candidate.stored.document.id))
    if request.group == "documents":
        return candidates
    best: dict[str, _Candidate] = {}
    for candidate in candidates:
        document = candidate.stored.document
        best.setdefault(document.id if document.parent is None else document.parent.id, candidate)
    return list(best.values())


def _match(candidate: _Candidate, request: SearchRequest, snapshot: Snapshot, rank: int) -> Match:
    stored = candidate.stored
    return Match(
        document=stored.document,
        score=candidate.score,
        distance=snapshot.metric.distance(candidate.channels["dense"])
        if "dense" in candidate.channels
        else None,
        rank=rank,
        truncated=stored.truncated,
        channels=candidate.channels,
        vector=snapshot.vectors[stored.row].copy() if request.with_vectors else None,
    )


def _receipt(
    collection: LocalCollection,
    question: _Question,
    snapshot: Snapshot,
    ranking: Ranking,
    rows: Ids | None,
    matches: Sequence[Match],
) -> SearchReceipt:
    encoder = collection.card.encoder
    return SearchReceipt(
        exact=ranking.exact,
        index=ranking.index,
        searched=snapshot.documents if rows is None else int((rows >= 0).sum()),
        documents=snapshot.documents,
        matched_by_filter=None if rows is None else len(rows),
        recall_estimate=ranking.recall,
        encoder={"name": encoder.name, "fingerprint": encoder.fingerprint},
        query_tokens=question.tokens,
        query_truncated=question.truncated,
        query_unknown=question.unknown,
        truncated_matches=sum(match.truncated for match in matches),
        milliseconds={name: round(ms, 3) for name, ms in question.milliseconds.items()},
        query_terms=question.terms,
        warnings=(*collection.problems, *_lag(collection, question), *question.warnings),
    )


def _lag(collection: LocalCollection, question: _Question) -> tuple[str, ...]:
    """Why words of some documents may be missing from an answer by words."""
    problem = collection.storage.lexicon.problem
    return (problem,) if question.terms is not None and problem else ()


@contextmanager
def _timed(question: _Question, stage: str) -> Iterator[None]:
    """Add the block's milliseconds to a stage of the question."""
    started = time.perf_counter()
    yield
    question.milliseconds[stage] += 1e3 * (time.perf_counter() - started)
