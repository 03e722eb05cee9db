"""The JSON objects a server answers with, as types.

An answer is the object as it came, a plain `dict`: what a newer server adds is in it too, and
`json.dumps` gives back what was sent. What each member means is told in the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

JsonObject: TypeAlias = Mapping[str, Any]


class Identity(TypedDict):
    """Name and fingerprint of an encoder or a classifier."""

    name: str
    fingerprint: str


class EncoderCard(TypedDict):
    """The identity of an encoder."""

    name: str
    kind: str
    dim: int
    max_tokens: int
    pooling: str
    normalised: bool
    dtype: str
    fingerprint: str
    prompts: dict[str, str]
    languages: list[str]
    runtime: str
    parity: dict[str, float]
    fallback: str
    modalities: list[str]


class CollectionHealth(TypedDict):
    """How a collection is."""

    name: str
    documents: int | None
    problems: list[str]


class HealthAnswer(TypedDict):
    """How the service is."""

    status: Literal["ok", "degraded", "starting", "failed", "stopping"]
    reason: str
    version: str
    started: int
    encoder: str
    collections: list[CollectionHealth]


class CollectionAnswer(TypedDict):
    """A collection's card and what it holds; the last two only of one asked for by name."""

    name: str
    encoder: EncoderCard
    metric: Literal["cosine", "euclidean", "dot"]
    analyzer: str
    created: str
    format: int
    documents: int
    parents: int
    rows: int
    tombstones: int
    truncated: int
    tokens: int
    unknown: int
    index: str
    indexed_rows: int
    tail: int
    recall: float
    effort: int | None
    bytes: int
    problems: list[str]
    maintenance: str
    progress: float
    index_card: NotRequired[dict[str, Any] | None]
    calibration: NotRequired[dict[str, Any] | None]


class CollectionsAnswer(TypedDict):
    """Collections by name, and why others cannot be opened."""

    collections: list[CollectionAnswer]
    unusable: dict[str, str]


class DropAnswer(TypedDict):
    """The collection that went, and how many documents it held."""

    name: str
    documents: int


class VerifyAnswer(TypedDict):
    """What was checked and found."""

    ok: bool
    documents: int
    problems: list[str]
    repaired: list[str]


class Parent(TypedDict):
    """Where a chunk was cut from."""

    id: str
    chunk: int
    start: int
    end: int


class Image(TypedDict):
    """What is known of a document's picture."""

    format: str
    width: int
    height: int
    source: str
    kept: bool


class DocumentAnswer(TypedDict):
    """A document as it is stored; `image` only of a picture."""

    id: str
    text: str
    title: str
    metadata: dict[str, Any]
    parent: Parent | None
    tokens: int
    truncated: bool
    unknown: int
    image: NotRequired[Image]


class PageAnswer(TypedDict):
    """Documents in the order they were written; `cursor` is for the next page."""

    documents: list[DocumentAnswer]
    cursor: str | None


class WriteAnswer(TypedDict):
    """What a write, or a whole upload, did."""

    added: int
    changed: int
    relabelled: int
    unchanged: int
    tokens: int
    truncated: list[str]
    unknown: int
    milliseconds: dict[str, float]


class StatesAnswer(TypedDict):
    """What an upsert would do, in the order of the documents."""

    states: list[Literal["new", "changed", "relabelled", "unchanged"]]


class DeletedAnswer(TypedDict):
    """How many documents went."""

    deleted: int


class CountAnswer(TypedDict):
    """How many documents there are."""

    count: int


class Snippet(TypedDict):
    """A passage of a document's text; positions count Unicode characters."""

    text: str
    start: int
    highlights: list[list[int]]


class MatchCluster(TypedDict):
    """The cluster a document is in; -1: none."""

    id: int
    label: str


class Match(TypedDict):
    """A document and its score; `vector` and `cluster` only if asked for, `image` of pictures."""

    id: str
    score: float
    distance: float | None
    rank: int
    text: str
    title: str
    metadata: dict[str, Any]
    channels: dict[str, float]
    truncated: bool
    parent: Parent | None
    confidence: float | None
    snippet: Snippet | None
    image: NotRequired[Image]
    vector: NotRequired[list[float]]
    cluster: NotRequired[MatchCluster]


class QuestionVerdict(TypedDict):
    """How unlike the collection a question is."""

    score: float
    is_outlier: bool
    nearest: str | None


class SearchReceipt(TypedDict):
    """What was really done to answer; `question` only if it was asked for."""

    exact: bool
    index: str
    searched: int
    documents: int
    matched_by_filter: int | None
    recall_estimate: float
    encoder: Identity
    query_tokens: int | None
    query_truncated: bool
    query_unknown: int
    query_terms: list[str] | None
    truncated_matches: int
    milliseconds: dict[str, float]
    visited: int | None
    sampled_recall: float | None
    sampled_queries: int
    no_good_answer: bool | None
    reranker: str | None
    warnings: list[str]
    question: NotRequired[QuestionVerdict]


class SearchAnswer(TypedDict):
    """Matches, best first, and the receipt; `cursor` is for the page behind."""

    matches: list[Match]
    receipt: SearchReceipt
    cursor: str | None


class SearchesAnswer(TypedDict):
    """An answer for each search, in their order."""

    results: list[SearchAnswer]


class Embedding(TypedDict):
    """One vector and the position of its text."""

    object: Literal["embedding"]
    index: int
    embedding: list[float]


class Usage(TypedDict):
    """Tokens the encoder read."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsAnswer(TypedDict):
    """Vectors in the order of the texts; `truncated`: positions not read to the end."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: Usage
    truncated: list[int]


class SimilarityReceipt(TypedDict):
    """What was really compared."""

    encoder: Identity
    tokens: int
    source_truncated: bool
    truncated: list[int]


class SimilarityAnswer(TypedDict):
    """Cosines in the order of the texts."""

    scores: list[float]
    receipt: SimilarityReceipt


class EncoderAnswer(TypedDict):
    """An encoder that can be named when a collection is made."""

    name: str
    description: str
    default: bool
    collections: list[str]
    card: EncoderCard | None


class EncodersAnswer(TypedDict):
    """Encoders known to the server."""

    encoders: list[EncoderAnswer]
