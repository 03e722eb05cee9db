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
class Document:
    """One thing that can be found.

    Attributes:
        id: unique in its collection.
        text: what is searched and shown; encoded behind the title (`title text`, as BEIR does).
        title: may be empty.
        metadata: a JSON object; filters speak of its keys.
        parent: set on chunks of a longer text.
    """

    id: str
    text: str
    title: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    parent: Parent | None = None

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
            where both were fused (`SearchReceipt.index` tells).
        distance: the metric's own number; None where the document was found by words alone.
        channels: the score by channel: `dense`, `lexical`.
        vector: float32 (dim,) if asked for.
    """

    document: Document
    score: float
    distance: float | None
    rank: int
    truncated: bool = False
    channels: Mapping[str, float] = field(default_factory=dict)
    vector: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SearchRequest:
    """What is asked: exactly one of `query`, `vector` and `document_id`.

    Attributes:
        query: text, encoded in the role `query`.
        vector: float32 (dim,).
        document_id: find what is like this document; itself left out.
        limit: matches wanted, 1 to 10,000 together with `offset`.
        mode: `dense` compares vectors, `lexical` words (BM25), `hybrid` fuses both; the last two
            need a `query`.
        filter: only documents that satisfy it.
        score_threshold: only matches of at least this score.
        exact: compare with every vector, whatever index there is.
        with_vectors: fill `Match.vector`.
        group: `parents` keeps the best chunk of each parent.
    """

    query: str | None = None
    vector: npt.NDArray[np.float32] | None = None
    document_id: str | None = None
    limit: int = 10
    offset: int = 0
    mode: Mode = "dense"
    filter: Filter | None = None
    score_threshold: float | None = None
    exact: bool = False
    with_vectors: bool = False
    group: Grouping = "documents"


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
        milliseconds: time by stage (`encode`, `filter`, `search`, `fetch`, `total`).
        warnings: what a reader of the answer should know (an index being rebuilt, rows lost).
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


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Matches, best first, equal scores by document id; and the receipt."""

    matches: tuple[Match, ...]
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
