"""Texts put into the order of how well they answer a query, without a collection."""

from __future__ import annotations

import asyncio
import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from fastapi import Request  # noqa: TC002 - FastAPI reads it

from embeddings.reranker import Reranker
from service.encoders import encoder_named
from service.errors import BadValueError, ModelNotFoundError
from service.observe import REQUEST_ID
from service.presence import while_connected
from service.routes.access import JsonAnswer, ReadyEngine, check_texts, refusals, router
from service.routes.inputs import (
    check_direction,
    check_whole,
    encode_texts,
    truncation_headers,
)
from service.schemas.encoding import Usage
from service.schemas.rerank import (
    BilledUnits,
    RankedDocuments,
    RankedText,
    RerankAnswer,
    RerankBody,
    RerankMeta,
    RerankReceipt,
    RerankResult,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from embeddings.types import Encoder
    from service.engine import Engine

routes = router("encoding")

_READ_AT_ONCE = 64
"""Texts that a reranker reads before others have their turn."""
_WRITE_AT_ONCE = 100
"""Results that are written without a thread."""
_SEARCH_UNIT = 100
"""Documents in one of the units that Cohere counts."""


@dataclass(frozen=True, slots=True)
class Judged:
    """How well texts answer.

    Attributes:
        method: who judged.
        model: its name.
        scores: float32 (n,), 0 to 1 or raw, higher is better.
        truncated: bool (n,), True where a text was not read to its end.
        tokens: read of query and texts; None if nobody counted.
    """

    method: Literal["cross-encoder", "late-interaction", "cosine"]
    model: str
    scores: npt.NDArray[np.float32]
    truncated: npt.NDArray[np.bool_]
    tokens: int | None

    @property
    def order(self) -> list[int]:
        """Positions of the texts, best first, equal ones as they came."""
        found: list[int] = np.argsort(-self.scores, kind="stable").tolist()
        return found


_SUMMARY = "Order texts by how well they answer"
_REFUSALS = refusals(400, 404, 413, 415, 422)


@routes.post(
    "/rerank",
    operation_id="rerank",
    summary=f"{_SUMMARY} (Cohere's, Jina's and TEI's shape)",
    response_model=RerankAnswer,
    responses=_REFUSALS,
)
@routes.post(
    "/v1/rerank",
    operation_id="rerank_v1",
    summary=f"{_SUMMARY} (Cohere's and Jina's shape)",
    response_model=RerankAnswer,
    responses=_REFUSALS,
)
@routes.post(
    "/v2/rerank",
    operation_id="rerank_v2",
    summary=f"{_SUMMARY} (Cohere's shape)",
    response_model=RerankAnswer,
    responses=_REFUSALS,
)
async def rerank(body: RerankBody, engine: ReadyEngine, request: Request) -> JsonAnswer:
    """By the service's reranker, or by the cosine of an encoder's vectors; the receipt says which.

    `documents` are answered in Cohere's shape, `texts` in TEI's, on each of the three paths.
    """
    field = "documents" if body.texts is None else "texts"
    texts = _texts(body)
    _check_number(texts, field, engine.settings.max_texts)
    check_texts("query", [body.query], engine.settings)
    check_texts(field, texts, engine.settings)
    reader = await engine.read(_find_reader, engine, body.model)
    _check_window(body, reader)
    given_up = threading.Event()
    if isinstance(reader, Reranker):
        work = engine.read(_judge, reader, body, texts, given_up)
    else:
        work = _compare(engine, body, texts, field)
    try:
        judged = await while_connected(request, work)
    finally:
        given_up.set()
    _check_whole(body, judged)

    def write() -> JsonAnswer:
        if body.texts is None:
            return JsonAnswer.of(_ranked_documents(body, texts, judged), leave_out_null=True)
        ranked = RerankAnswer(_ranked_texts(body, texts, judged))
        headers = truncation_headers(judged.truncated)
        return JsonAnswer.of(ranked, leave_out_null=True, headers=headers)

    return write() if len(texts) <= _WRITE_AT_ONCE else await asyncio.to_thread(write)


def _texts(body: RerankBody) -> list[str]:
    if body.texts is not None:
        return body.texts
    return [each if isinstance(each, str) else each["text"] for each in body.documents or ()]


def _check_number(texts: list[str], field: str, most: int) -> None:
    if len(texts) > most:
        message = f"{field} has {len(texts):,} items; at most {most:,} are taken in one request"
        raise BadValueError(f"{message}: send several", field)


def _find_reader(engine: Engine, model: str | None) -> Reranker | Encoder:
    """The service's reranker, or an encoder in use; for use in threads.

    Raises:
        ModelNotFoundError: `model` is neither.
    """
    folder = engine.settings.reranker
    name = None if folder is None else folder.expanduser().resolve().name
    if name is not None and model in {None, name}:
        reranker = engine.folder.reranker()
        if reranker is not None:
            return reranker
    try:
        return encoder_named(engine, model)
    except ModelNotFoundError as error:
        if name is None:
            raise
        raise ModelNotFoundError(f"{error}; and the reranker {name}") from error


def _judge(
    reranker: Reranker, body: RerankBody, texts: list[str], given_up: threading.Event
) -> Judged:
    """By the reranker, a part at a time: others take turns, and nobody is read for in vain."""
    score = reranker.score_raw if body.raw_scores else reranker.score
    scores = np.zeros(len(texts), dtype=np.float32)
    truncated = np.zeros(len(texts), dtype=bool)
    by_length = sorted(range(len(texts)), key=lambda position: -len(texts[position]))
    for start in range(0, len(texts), _READ_AT_ONCE):
        if given_up.is_set():
            break
        rows = by_length[start : start + _READ_AT_ONCE]
        part = [texts[row] for row in rows]
        scores[rows] = score(body.query, part)
        truncated[rows] = reranker.truncated(body.query, part)
    return Judged(
        method=reranker.kind,
        model=reranker.name,
        scores=scores,
        truncated=truncated,
        tokens=None,
    )


async def _compare(engine: Engine, body: RerankBody, texts: list[str], field: str) -> Judged:
    """By the cosine of vectors, query and texts each in the role of theirs."""
    (encoder, asked), (_, read) = await asyncio.gather(
        encode_texts(engine, body.model, [body.query], "query", "query"),
        encode_texts(engine, body.model, texts, "document", field),
    )
    lengths = np.linalg.norm(read.vectors, axis=1) * np.linalg.norm(asked.vectors[0])
    cosines = (read.vectors @ asked.vectors[0]) / np.maximum(lengths, np.finfo(np.float32).tiny)
    cosines = np.clip(cosines, -1, 1).astype(np.float32)
    tokens = np.concatenate([asked.tokens, read.tokens])
    return Judged(
        method="cosine",
        model=encoder.card.name if body.model is None else body.model,
        scores=cosines if body.raw_scores else (1 + cosines) / np.float32(2),
        truncated=read.truncated | asked.truncated[0],
        tokens=int(np.minimum(tokens, encoder.max_tokens).sum()),
    )


def _check_window(body: RerankBody, reader: Reranker | Encoder) -> None:
    """Refuse to cut texts elsewhere than at the reader's own window."""
    name = reader.name if isinstance(reader, Reranker) else reader.card.name
    most = body.max_tokens_per_doc
    if most is not None and most < reader.max_tokens:
        message = (
            f"max_tokens_per_doc is {most:,}; {name!r} reads {reader.max_tokens:,} tokens of a "
            "document: name at least that, or leave it out"
        )
        raise BadValueError(message, "max_tokens_per_doc")
    check_direction(body.truncation_direction, "truncation_direction")


def _check_whole(body: RerankBody, judged: Judged) -> None:
    if body.truncate is False:
        check_whole(judged.truncated, "texts", judged.model)


def _ranked_documents(body: RerankBody, texts: list[str], judged: Judged) -> RankedDocuments:
    given = body.documents or []
    tokens = judged.tokens

    def document(position: int) -> dict[str, object] | None:
        if not body.return_documents:
            return None
        each = given[position]
        return {"text": each} if isinstance(each, str) else each

    return RankedDocuments(
        id=REQUEST_ID.get() or "",
        model=judged.model,
        results=[
            RerankResult(
                index=position,
                relevance_score=float(judged.scores[position]),
                document=document(position),
            )
            for position in judged.order[: body.top_n]
        ],
        meta=RerankMeta(
            billed_units=BilledUnits(search_units=math.ceil(len(texts) / _SEARCH_UNIT))
        ),
        usage=None if tokens is None else Usage(prompt_tokens=tokens, total_tokens=tokens),
        receipt=RerankReceipt(
            method=judged.method,
            model=judged.model,
            truncated=np.flatnonzero(judged.truncated).tolist(),
        ),
    )


def _ranked_texts(body: RerankBody, texts: list[str], judged: Judged) -> list[RankedText]:
    return [
        RankedText(
            index=position,
            score=float(judged.scores[position]),
            text=texts[position] if body.return_text else None,
        )
        for position in judged.order
    ]
