"""LangChain's documents and ours, and what a score is worth from 0 to 1."""

from __future__ import annotations

import math
import uuid
from typing import TYPE_CHECKING, Any

from langchain_core.documents import Document

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.client.answers import DocumentAnswer, Match
    from service.client.questions import DocumentInput

_TITLE = "title"


def to_inputs(
    texts: Iterable[str],
    metadatas: Sequence[dict[str, Any]] | None,
    ids: Sequence[str | None] | None,
) -> list[DocumentInput]:
    """Documents to upload; those without an id get a new one.

    Raises:
        ValueError: not as many metadata or ids as texts.
    """
    found = list(texts)
    for name, values in (("metadatas", metadatas), ("ids", ids)):
        if values is not None and len(values) != len(found):
            message = f"{len(found):,} texts came with {len(values):,} {name}; give one for each"
            raise ValueError(message)
    return [
        {
            "id": (ids[place] if ids else None) or str(uuid.uuid4()),
            "text": text,
            "metadata": dict(metadatas[place]) if metadatas else {},
        }
        for place, text in enumerate(found)
    ]


def to_document(found: Match | DocumentAnswer) -> Document:
    """The document of a match, or one as it is stored; a title stands among its metadata."""
    metadata = dict(found["metadata"])
    if found["title"]:
        metadata.setdefault(_TITLE, found["title"])
    return Document(id=found["id"], page_content=found["text"], metadata=metadata)


def relevance(match: Match, *, metric: str, mode: str) -> float:
    """How well a match answers, 0 to 1, the same order as its score.

    A hybrid answer's score is from 0 to 1 already. Of a cosine it is (1 + c) / 2, of a distance
    d 1 / (1 + d), of an inner product s its logistic function, of BM25's b b / (1 + b).
    """
    score = match["score"]
    if mode == "hybrid" and {"dense", "lexical"} & match["channels"].keys() and 0 <= score <= 1:
        return score
    if mode == "lexical":
        return score / (1 + score)
    if metric == "cosine":
        return min(max((1 + score) / 2, 0.0), 1.0)  # rounding reaches beyond
    if metric == "euclidean":
        return 1 / (1 - score)
    return 1 / (1 + math.exp(-score)) if score > 0 else math.exp(score) / (1 + math.exp(score))
