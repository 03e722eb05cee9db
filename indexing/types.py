"""The types of this floor: documents go in, hits and matches come out, receipts say how."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexing.filters import Filter

Ids = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]
Mode = Literal["dense", "lexical", "hybrid"]
Grouping = Literal["documents", "parents"]

MAX_TEXT_BYTES = 1_000_000
"""UTF-8 bytes of one document's text; a longer text must be chunked."""
MAX_ID_BYTES = 512
MAX_METADATA_BYTES = 64_000
MAX_LIMIT = 10_000
"""Largest `offset + limit` of a search."""
MAX_PAGED = 100_000
"""Deepest rank to which cursors lead; `Collection.scan` goes through everything."""
MAX_EXAMPLES = 100
"""Ids among `positive` and among `negative` of one search."""
MAX_IMAGE_BYTES = 64_000_000
"""Bytes of a picture's file."""
THUMBNAIL_SIDE = 192
"""Pixels of the longer side of the pictures that a collection shows."""
MAX_QUERY_BYTES = 64 * 1024
"""UTF-8 bytes of one query; what is longer is a document to search by, not a question."""


class Metric(StrEnum):
    """How vectors are compared.

    | metric    | score (higher is better) | distance             |
    |-----------|--------------------------|----------------------|
    | cosine    | cosine, -1 to 1          | 1 - cosine, 0 to 2   |
    | euclidean | minus the distance       | Euclidean length     |
    | dot       | inner product            | minus inner product  |
    """

    COSINE = "cosine"
    EUCLIDEAN = "euclidean"
    DOT = "dot"

    def distance(self, score: float) -> float:
        """The metric's own number for a score of this metric."""
        return 1.0 - score if self is Metric.COSINE else -score


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Rows and scores of the nearest vectors, best first; equal scores by row.

    Attributes:
        ids: int64 (n, k), padded with -1.
        scores: float32 (n, k), higher is better for every metric, padded with -inf.
    """

    ids: Ids
    scores: Scores


@dataclass(frozen=True, slots=True)
class Parent:
    """Where a chunk was cut from.

    Attributes:
        id: id of the whole text (a file's name, a row's id).
        chunk: number of the chunk, from 0.
        start: first character of the chunk in the whole text.
        end: one past its last character.
    """

    id: str
    chunk: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A document's picture: where the original is, and what is known of it.

    Attributes:
        digest: BLAKE2b of the file's bytes, 16 bytes in hex: pictures are compared by it.
        format: `JPEG`, `PNG`, `WEBP` or `GIF`.
        width: in pixels, as it is shown.
        height: in pixels, as it is shown.
        source: path of the original; empty where it came in a request.
        data: the file's bytes on their way to the encoder; None reads `source`.
        kept: the original is to be kept in the collection beside its thumbnail.
    """

    digest: str
    format: str
    width: int
    height: int
    source: str = ""
    data: bytes | None = field(default=None, compare=False, repr=False)
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """One thing that can be found.

    Attributes:
        id: unique in its collection.
        text: what is searched and shown; encoded behind the title (`title text`, as BEIR does).
            Of a picture it is what is said of it, may be empty, and is found by words alone.
        title: may be empty.
        metadata: a JSON object; filters speak of its keys.
        parent: set on chunks of a longer text.
        image: the picture, which is then encoded in place of the text.
    """

    id: str
    text: str
    title: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    parent: Parent | None = None
    image: ImageReference | None = None

    @property
    def encoded_text(self) -> str:
        """What the encoder reads: title and text joined by a blank."""
        return f"{self.title} {self.text}".strip()


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as a collection holds it, with its truncation receipt."""

    document: Document
    row: int
    tokens: int
    truncated: bool
    unknown: int


@dataclass(frozen=True, slots=True)
class Match:
    """A document and its score.

    Attributes:
        rank: 1 is the best; counts from the first match of the whole answer, not of the page.
        score: the metric's where meaning alone answered, BM25's where words alone did, 0 to 1
            where both were fused (`SearchReceipt.index` tells). A reranker changes the order and
            adds a channel, not the score.
        distance: the metric's own number; None where the document was found by words alone.
        channels: the score by channel: `dense`, `lexical`, `rerank`.
        vector: float32 (dim,) if asked for.
        confidence: 0 to 1, how surely the document answers, by the collection's calibration; None
            where there is none (see `indexing.calibration`).
        snippet: the passage of the text that holds the query's words; None unless asked for.
    """

    document: Document
    score: float
    distance: float | None
    rank: int
    truncated: bool = False
    channels: Mapping[str, float] = field(default_factory=dict)
    vector: npt.NDArray[np.float32] | None = None
    confidence: float | None = None
    snippet: Snippet | None = None


@dataclass(frozen=True, slots=True)
class Snippet:
    """A passage of a document's text, and where the words of a query stand in it.

    Attributes:
        text: the passage, cut at blanks where it can be.
        start: first character of the passage in the document's text.
        highlights: (first, one past last) characters of `text`, ascending, apart from each other.
    """

    text: str
    start: int
    highlights: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class SearchRequest:
    """What is asked: exactly one of `query`, `vector`, `image`, `document_id` and `positive`.

    Attributes:
        query: text, encoded in the role `query`.
        vector: float32 (dim,).
        image: a picture's file; encoded in the role `query`.
        document_id: find what is like this document; itself left out.
        positive: find what is like these documents (recommend); themselves left out.
        negative: ... and unlike these; only with `positive`.
        limit: matches wanted, 1 to 10,000 together with `offset`.
        mode: `dense` compares vectors, `lexical` words (BM25), `hybrid` fuses both; the last two
            need a `query`.
        filter: only documents that satisfy it.
        score_threshold: only matches of at least this score.
        exact: compare with every vector, whatever index there is.
        with_vectors: fill `Match.vector`.
        group: `parents` keeps the best chunk of each parent.
        cursor: go on behind the page that gave it (`SearchResult.cursor`) instead of `offset`.
        recall: recall the vector index shall reach, above 0 to 1; None takes the collection's.
        rerank: let the collection's reranker reorder the best candidates; refused without one.
        with_snippets: fill `Match.snippet`.
    """

    query: str | None = None
    vector: npt.NDArray[np.float32] | None = None
    document_id: str | None = None
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    limit: int = 10
    offset: int = 0
    mode: Mode = "dense"
    filter: Filter | None = None
    score_threshold: float | None = None
    exact: bool = False
    with_vectors: bool = False
    group: Grouping = "documents"
    cursor: str | None = None
    recall: float | None = None
    rerank: bool = False
    with_snippets: bool = False
    image: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class EncodedQuery:
    """A request's query, encoded by whoever asks: with others, or before.

    Attributes:
        fingerprint: of the encoder; a collection made with another one encodes the query itself.
        vector: float32 (1, dim), in the role `query`.
        tokens: of the query before any cut.
        truncated: the encoder did not read the whole query.
        unknown: tokens of the query that the encoder does not know.
        milliseconds: for the receipt.
    """

    fingerprint: str
    vector: npt.NDArray[np.float32]
    tokens: int
    truncated: bool
    unknown: int
    milliseconds: float


@dataclass(frozen=True, slots=True)
class SearchReceipt:
    """What was really done to answer.

    Attributes:
        exact: True if every candidate vector was compared.
        index: `flat`, `hnsw`, or `hnsw+flat` where rows written since the index was built were
            compared one by one.
        searched: documents the answer was chosen from (after the filter).
        documents: documents in the collection.
        matched_by_filter: documents that satisfy the filter; None without one.
        recall_estimate: share of the true nearest neighbours that the index finds, measured on
            sampled rows when it was built; 1.0 for exact answers.
        encoder: name and fingerprint of the encoder whose vectors were compared.
        query_tokens: tokens of the query before any cut; None for vectors and documents.
        query_truncated: True if the encoder did not read the whole query.
        query_unknown: tokens of the query the encoder does not know.
        query_terms: what was looked for by words; None where words played no part.
        truncated_matches: matches whose document the encoder did not read to its end.
        milliseconds: time by stage (`analyse`, `encode`, `filter`, `search`, `fetch`, `rerank`,
            `snippets`, `total`), those that ran; what a batch shares is told in equal parts.
        warnings: what a reader of the answer should know (an index being rebuilt, rows lost).
        visited: vectors whose true scores were taken; None where vectors played no part.
        sampled_recall: of the latest live queries that were answered a second time, exactly, the
            share of true neighbours found; None before there are any.
        sampled_queries: how many those are.
        no_good_answer: True if by the collection's calibration probably none of the matches
            answers; None where there is no calibration, or documents were asked with.
        reranker: name of the reranker that ordered the best; None if none did.
    """

    exact: bool
    index: str
    searched: int
    documents: int
    matched_by_filter: int | None
    recall_estimate: float
    encoder: Mapping[str, str]
    query_tokens: int | None
    query_truncated: bool
    query_unknown: int
    truncated_matches: int
    milliseconds: Mapping[str, float]
    query_terms: tuple[str, ...] | None = None
    warnings: tuple[str, ...] = ()
    visited: int | None = None
    sampled_recall: float | None = None
    sampled_queries: int = 0
    no_good_answer: bool | None = None
    reranker: str | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Matches, best first, equal scores by document id; and the receipt.

    Attributes:
        cursor: for the page behind this one; None where this one is the last or was reranked.
    """

    matches: tuple[Match, ...]
    receipt: SearchReceipt
    cursor: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The nearest documents of many vectors at once, without their texts.

    Attributes:
        ids: StringDType (n, k) document ids, best first, padded with "".
        scores: float32 (n, k), the metric's, padded with -inf.
        receipt: how all of them were found.
    """

    ids: npt.NDArray[np.str_]
    scores: Scores
    receipt: SearchReceipt


@dataclass(frozen=True, slots=True)
class WriteReceipt:
    """What `Collection.add` did, by document id where it matters.

    Attributes:
        added: documents that are new.
        changed: documents whose text changed: encoded again, the old row deleted.
        relabelled: documents of which only metadata changed: not encoded again.
        unchanged: documents that stood there already, word for word.
        tokens: tokens encoded.
        truncated: ids of documents the encoder did not read to the end.
        unknown: tokens the encoder does not know.
        milliseconds: time by stage (`encode`, `write`, `total`).
    """

    added: int
    changed: int
    relabelled: int
    unchanged: int
    tokens: int
    truncated: tuple[str, ...]
    unknown: int
    milliseconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Page:
    """Documents in the order they were written, and the cursor of the next page (None: the end)."""

    documents: tuple[StoredDocument, ...]
    cursor: str | None
