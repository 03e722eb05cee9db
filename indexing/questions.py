"""From requests to questions: checked, their words found, their texts encoded in one batch."""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from embeddings.errors import AnalyzerError, EmbeddingError, InvalidImageError
from indexing.cursor import read_cursor
from indexing.errors import InvalidRequestError, LexicalIndexError
from indexing.images import check_question_fits
from indexing.recommending import example_vector, rows_of_examples
from indexing.requests import check_request
from indexing.stages import tell_stage
from indexing.validation import check_vectors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from embeddings.types import EncoderCard, Vectors
    from indexing.cursor import Cursor
    from indexing.documents import DocumentStore
    from indexing.local import LocalCollection
    from indexing.snapshot import Snapshot
    from indexing.types import EncodedQuery, SearchRequest

_SHOWN = 60


@dataclass(slots=True)
class Question:
    """A request on its way to an answer.

    Attributes:
        request: as it was asked.
        cursor: where the page before ended.
        vector: float32 (1, dim); None for what is looked up later, or is asked by words alone.
        tokens: of the query.
        truncated: the encoder did not read the whole query.
        unknown: tokens of the query that the encoder does not know.
        terms: words to look for; None where words play no part.
        marked: words to show in snippets.
        by_words_alone: the encoder cannot read the query.
        warnings: for the receipt.
        reranker: name of what reordered the best.
        milliseconds: by stage.
    """

    request: SearchRequest
    cursor: Cursor | None = None
    vector: Vectors | None = None
    tokens: int | None = None
    truncated: bool = False
    unknown: int = 0
    terms: tuple[str, ...] | None = None
    marked: tuple[str, ...] = ()
    by_words_alone: bool = False
    warnings: list[str] = field(default_factory=list)
    reranker: str | None = None
    milliseconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the block's milliseconds to a stage."""
        started = time.perf_counter()
        yield
        ended = time.perf_counter()
        self.milliseconds[stage] += 1e3 * (ended - started)
        tell_stage(stage, started, ended)


def asks_by_meaning(request: SearchRequest, encoder: EncoderCard) -> bool:
    """True if a query's vector is needed to answer, as far as its words need not be known.

    Where a collection finds no words it may need one all the same, and encodes then by itself.
    """
    if request.query is None or request.mode == "lexical" or "text" not in encoder.modalities:
        return False
    return request.mode == "dense" or not _cannot_read(encoder.languages, request.query)


def pose(
    collection: LocalCollection,
    requests: Sequence[SearchRequest],
    encoded: Sequence[EncodedQuery | None],
) -> list[Question]:
    """The questions of the requests, in their order.

    Args:
        collection: asked.
        requests: what is asked.
        encoded: their queries, where they were encoded already.

    Raises:
        InvalidRequestError: an impossible request.
        DimensionMismatchError: a query vector of another width.
        LexicalIndexError: mode lexical where there is no lexical search.
    """
    questions = [_read(collection, request) for request in requests]
    _look_at_images(collection, questions)
    for question in questions:
        if question.request.query is not None:
            _find_words(collection, question)
    for question, query in zip(questions, encoded, strict=True):
        _take_over(collection, question, query)
    _encode(collection, questions)
    return questions


def vector_of(
    question: Question, documents: DocumentStore, snapshot: Snapshot, name: str
) -> tuple[Vectors | None, frozenset[int]]:
    """What to compare with at a moment, and the rows that it comes from.

    Args:
        question: asked.
        documents: where ids have rows.
        snapshot: where rows have vectors.
        name: of the collection, for messages.

    Returns:
        float32 (1, dim), or None for a question that is answered by words alone; and rows that
        are no answer.

    Raises:
        DocumentNotFoundError: an id that no document has.
        InvalidRequestError: examples that cancel each other out.
    """
    request = question.request
    if request.document_id is not None:
        rows = rows_of_examples(documents, snapshot, [request.document_id], name)
        return snapshot.vectors[rows], frozenset(rows)
    if request.positive:
        rows = rows_of_examples(documents, snapshot, [*request.positive, *request.negative], name)
        positive, negative = rows[: len(request.positive)], rows[len(request.positive) :]
        vectors = snapshot.vectors
        vector = example_vector(vectors[positive], vectors[negative], snapshot.metric)
        return vector, frozenset(rows)
    return question.vector, frozenset()


def _read(collection: LocalCollection, request: SearchRequest) -> Question:
    card = collection.card
    check_request(request, card.metric)
    if request.image is not None:
        check_question_fits("image", card.encoder, card.name)
    elif request.query is not None and request.mode != "lexical":
        check_question_fits("text", card.encoder, card.name)
    question = Question(request)
    if request.vector is not None:
        vector = check_vectors(request.vector, card.encoder.dim, card.metric, "vector")
        if len(vector) != 1:
            message = f"vector has {len(vector)} rows; one request asks with one vector"
            raise InvalidRequestError(message, "vector")
        question.vector = vector
    if request.cursor is not None:
        question.cursor = read_cursor(request.cursor, request)
    if request.rerank and not collection.reranks:
        message = (
            f"no reranker is configured for collection {card.name!r}; open the data folder with "
            "one (a folder with a cross-encoder), or ask without rerank"
        )
        raise InvalidRequestError(message, "rerank")
    return question


def _look_at_images(collection: LocalCollection, questions: Sequence[Question]) -> None:
    """Vectors for the pictures that are asked with, each alone.

    Raises:
        InvalidRequestError: one cannot be read.
    """
    for question in questions:
        if question.request.image is None:
            continue
        encoder: Any = collection.encoder  # loading it is no part of answering
        with question.timed("encode"):
            try:
                encoding = encoder.encode([question.request.image], role="query")
            except InvalidImageError as error:
                told = str(error).removeprefix("input 0: ")
                raise InvalidRequestError(f"image: {told}", "image") from error
        question.vector = encoding.vectors


def _find_words(collection: LocalCollection, question: Question) -> None:
    """Find the words to look for and to mark.

    A query without any is left to its meaning, and says so. A hybrid question in Korean to an
    encoder that was made for other languages is left to its words: ranks of what the encoder
    cannot read would only push good answers down.
    """
    request, lexicon = question.request, collection.storage.lexicon
    query = request.query or ""
    if request.mode == "dense" and not (request.with_snippets and lexicon.is_available):
        return
    if not lexicon.is_available:
        if request.mode == "lexical":
            raise LexicalIndexError(lexicon.problem)
        _leave_to_meaning(collection, question, f"answered by meaning alone: {lexicon.problem}")
        return
    try:
        with question.timed("analyse"):
            question.marked = tuple(lexicon.terms_of(query))
    except AnalyzerError as error:
        if request.mode == "lexical":
            raise
        if request.mode == "hybrid":
            _leave_to_meaning(collection, question, f"answered by meaning alone: {error}")
        return
    if request.mode == "dense":
        return
    question.terms = question.marked or None
    if not question.marked:
        _leave_to_meaning(collection, question, _wordless(request.mode, query))
    elif request.mode == "hybrid" and _cannot_read(collection.card.encoder.languages, query):
        question.by_words_alone = True
        question.warnings.append(
            f"encoder {collection.card.encoder.name!r} was not made for Korean: answered by words "
            "alone"
        )
        _tell_scale(question, "BM25")


def _leave_to_meaning(collection: LocalCollection, question: Question, reason: str) -> None:
    """Note why a hybrid question is answered without words."""
    question.warnings.append(reason)
    _tell_scale(question, collection.card.metric.value)


def _tell_scale(question: Question, scale: str) -> None:
    """Note what a threshold means where only one channel answers a hybrid question."""
    threshold = question.request.score_threshold
    if threshold is not None:
        question.warnings.append(
            f"score_threshold {threshold:g} is compared with {scale} scores, since nothing is fused"
        )


def _wordless(mode: str, query: str) -> str:
    """What a query without words consists of; by words alone it finds nothing."""
    dropped = " ".join(query.split())
    shown = repr(dropped if len(dropped) <= _SHOWN else f"{dropped[:_SHOWN]}...")
    if mode == "lexical":
        message = (
            f"query holds no words to look for: {shown} was dropped, since symbols, particles and "
            "endings are not searched by words; ask with words, or in mode dense"
        )
        raise InvalidRequestError(message, "query")
    return f"the query holds no words to look for ({shown} was dropped): answered by meaning alone"


def _cannot_read(languages: Sequence[str], text: str) -> bool:
    """True for Korean text and an encoder that says for which languages it is, Korean not among."""
    korean = any("가" <= char <= "힣" for char in text)
    return korean and bool(languages) and "ko" not in languages


def _take_over(
    collection: LocalCollection, question: Question, encoded: EncodedQuery | None
) -> None:
    """Use the vector that somebody made, if one is needed and the encoder is the collection's."""
    if encoded is None or not _wants_vector(question):
        return
    if encoded.fingerprint != collection.card.encoder.fingerprint:
        return
    question.vector = encoded.vector
    question.tokens = encoded.tokens
    question.truncated = encoded.truncated
    question.unknown = encoded.unknown
    question.milliseconds["encode"] = encoded.milliseconds


def _encode(collection: LocalCollection, questions: Sequence[Question]) -> None:
    """Vectors for the queries that are asked by meaning, in one batch.

    Those with a cursor are encoded one by one, as on the page before: a batch may move a vector by
    a rounding, and a score with it.
    """
    asked = [each for each in questions if each.vector is None and _wants_vector(each)]
    together = [question for question in asked if question.cursor is None]
    for batch in [together, *([question] for question in asked if question.cursor is not None)]:
        if batch:
            _encode_batch(collection, batch)


def _wants_vector(question: Question) -> bool:
    request = question.request
    by_words = request.mode == "lexical" or question.by_words_alone
    return request.query is not None and not by_words


def _encode_batch(collection: LocalCollection, batch: Sequence[Question]) -> None:
    encoder = collection.encoder  # loading it is no part of answering
    started = time.perf_counter()
    texts = [question.request.query or "" for question in batch]
    try:
        encoding = encoder.encode(texts, role="query")
    except EmbeddingError as error:
        raise InvalidRequestError(f"query cannot be encoded: {error}", "query") from error
    elapsed = 1e3 * (time.perf_counter() - started)
    for position, question in enumerate(batch):
        question.vector = encoding.vectors[position : position + 1]
        question.tokens = int(encoding.tokens[position])
        question.truncated = bool(encoding.truncated[position])
        question.unknown = int(encoding.unknown[position])
        question.milliseconds["encode"] = elapsed / len(batch)
