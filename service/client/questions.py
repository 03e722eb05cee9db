"""What a client may say of a search, a recommendation, a document: the bodies as types."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - type hints can be resolved
from os import PathLike  # noqa: TC003 - as above
from typing import Any, Literal, Required, TypedDict

from service.client.answers import JsonObject  # noqa: TC001 - as above

Mode = Literal["dense", "lexical", "hybrid"]
Role = Literal["query", "document"]


class Options(TypedDict, total=False):
    """What every question may say of its answer; what is left out is the server's default."""

    limit: int
    offset: int
    cursor: str | None
    filter: JsonObject | None
    score_threshold: float | None
    exact: bool
    recall: float | None
    with_vectors: bool
    with_clusters: bool
    group: Literal["documents", "parents"]


class SearchOptions(Options, total=False):
    """What a search may say, behind its query.

    `vector`, `document_id` or `image` stand in its place: a picture's path, the bytes of its file,
    or their base64 as a string.
    """

    vector: Sequence[float] | None
    document_id: str | None
    image: str | bytes | PathLike[str] | None
    mode: Mode | None
    rerank: bool
    judge_question: bool
    with_snippets: bool | None


class Search(SearchOptions, total=False):
    """One search of several: exactly one of `query`, `vector` and `document_id`, and options."""

    query: str | None


class RecommendOptions(Options, total=False):
    """What a recommendation may say, behind the documents to find the like of."""

    negative: Sequence[str]


class OptimizeOptions(TypedDict, total=False):
    """What the index shall be like from now on; what is left out stays as it was."""

    recall: float | None
    memory_bytes: int | None
    kind: str | None


class ReembedOptions(TypedDict, total=False):
    """What becomes of a collection and of the one that another encoder fills beside it."""

    shadow: str | None
    swap: bool
    retired: str | None
    queries: int
    seed: int


class ParentInput(TypedDict):
    """Where a chunk was cut from."""

    id: str
    chunk: int
    start: int
    end: int


class DocumentInput(TypedDict, total=False):
    """A document to store; `id` and `text` are needed, or an `image` (base64 of its file)."""

    id: Required[str]
    text: str
    title: str
    metadata: dict[str, Any]
    parent: ParentInput | None
    image: str | None
    image_source: str
    keep_image: bool
