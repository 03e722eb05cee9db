"""The data of a ladder's columns: a sample of documents, and what stands for the data in keys."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from eval.datasets import RetrievalData
from eval.errors import EvalError
from eval.pairs import TranslationData

if TYPE_CHECKING:
    from eval.pairs import SimilarityData


def sample_documents(data: RetrievalData, most: int | None, seed: int) -> RetrievalData:
    """The data with all judged documents and others drawn at random, `most` in all.

    Raises:
        EvalError: more documents are judged than that.
    """
    if most is None or most >= len(data.documents):
        return data
    judged = {document for grades in data.qrels.values() for document in grades}
    kept = sorted(judged & set(data.documents))
    others = sorted(set(data.documents) - judged)
    if len(kept) > most:
        message = (
            f"{data.name} ({data.split}) has {len(kept):,} judged documents; `documents` is "
            f"{most:,}, which is too few"
        )
        raise EvalError(message)
    drawn = np.random.default_rng(seed).choice(len(others), most - len(kept), replace=False)
    chosen = sorted([*kept, *(others[place] for place in drawn)])
    return replace(data, documents={id_: data.documents[id_] for id_ in chosen})


def fingerprint_of(data: SimilarityData | TranslationData | RetrievalData) -> str:
    """sha256 of what is judged: pairs and scores, or queries, judgements and documents."""
    if isinstance(data, RetrievalData):
        digest = hashlib.sha256(data.fingerprint().encode())
        for id_, document in data.documents.items():
            digest.update(f"{id_}\0{document.encoded_text}\0".encode())
        return digest.hexdigest()
    if isinstance(data, TranslationData):
        lines = "".join(f"{a}\0{b}\n" for a, b in zip(data.source, data.target, strict=True))
        return hashlib.sha256(lines.encode()).hexdigest()
    rows = zip(data.first, data.second, data.scores, strict=True)
    lines = "".join(f"{first}\0{second}\0{score!r}\n" for first, second, score in rows)
    return hashlib.sha256(lines.encode()).hexdigest()
