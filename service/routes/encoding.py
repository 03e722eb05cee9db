"""Vectors and scores without a collection: OpenAI's paths, similarity, the encoders known."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np

from embeddings.load import DESCRIPTIONS
from service.encoders import EncoderInUse, encoder_named, encoders_in_use
from service.errors import BadValueError
from service.routes.access import (
    JsonAnswer,
    ReadyEngine,
    check_texts,
    refusals,
    router,
)
from service.schemas.collections import EncoderCardAnswer
from service.schemas.encoding import (
    Embedding,
    EmbeddingsAnswer,
    EmbeddingsBody,
    EncoderAnswer,
    EncodersAnswer,
    Model,
    ModelsAnswer,
    SimilarityAnswer,
    SimilarityBody,
    SimilarityReceipt,
    Usage,
)

if TYPE_CHECKING:
    from embeddings.types import Encoder, Encoding, Vectors

routes = router("encoding")


@routes.post(
    "/v1/embeddings",
    summary="Encode texts (OpenAI's shape)",
    response_model=EmbeddingsAnswer,
    responses=refusals(400, 404, 413, 415, 422),
)
async def create_embeddings(body: EmbeddingsBody, engine: ReadyEngine) -> JsonAnswer:
    """A vector for each text, in order; `truncated` names those the encoder did not read whole."""
    check_texts("input", body.input, engine.settings)

    def work() -> JsonAnswer:
        encoder = encoder_named(engine, body.model)
        _check_dimensions(body.dimensions, encoder)
        encoding = encoder.encode(body.input, role=body.input_type)
        engine.metrics.count_tokens(int(encoding.tokens.sum()))
        return JsonAnswer.of(_embeddings(body, encoder, encoding))

    return await engine.read(work)


@routes.post(
    "/v1/similarity",
    summary="Compare texts",
    responses=refusals(400, 404, 413, 415, 422),
)
async def compare_texts(body: SimilarityBody, engine: ReadyEngine) -> SimilarityAnswer:
    """The cosine of `source` with each of `texts`; all are encoded in the role of queries."""
    check_texts("source", [body.source], engine.settings)
    check_texts("texts", body.texts, engine.settings)

    def work() -> SimilarityAnswer:
        encoder = encoder_named(engine, body.model)
        encoding = encoder.encode([body.source, *body.texts], role="query")
        engine.metrics.count_tokens(int(encoding.tokens.sum()))
        cut = np.flatnonzero(encoding.truncated[1:]).tolist()
        receipt = SimilarityReceipt(
            encoder={"name": encoder.card.name, "fingerprint": encoder.card.fingerprint},
            tokens=int(encoding.tokens.sum()),
            source_truncated=bool(encoding.truncated[0]),
            truncated=cut,
        )
        return SimilarityAnswer(scores=_cosines(encoding.vectors), receipt=receipt)

    return await engine.read(work)


@routes.get("/v1/models", summary="List encoders in use (OpenAI's shape)", responses=refusals())
async def list_models(engine: ReadyEngine) -> ModelsAnswer:
    """The service's own first, then those of collections; each once, whatever it is called."""

    def work() -> ModelsAnswer:
        models = [
            Model(
                id=used.names[0],
                created=engine.started,
                dim=used.card.dim,
                max_tokens=used.card.max_tokens,
                fingerprint=used.card.fingerprint,
            )
            for used in encoders_in_use(engine)
            if used.card is not None
        ]
        return ModelsAnswer(data=models)

    return await engine.read(work)


@routes.get("/v1/encoders", summary="List encoders known here", responses=refusals())
async def list_encoders(engine: ReadyEngine) -> EncodersAnswer:
    """The built-in ones and those in use; new collections take folders and hub names as well."""

    def work() -> EncodersAnswer:
        in_use = encoders_in_use(engine)
        named = {name for used in in_use for name in used.names}
        unused = [EncoderInUse((name,), None, ()) for name in DESCRIPTIONS if name not in named]
        encoders = [
            EncoderAnswer(
                name=used.names[0],
                description=DESCRIPTIONS.get(used.names[0], ""),
                default=used.names[0] == engine.settings.encoder,
                collections=list(used.collections),
                card=None if used.card is None else EncoderCardAnswer.of(used.card),
            )
            for used in [*in_use, *unused]
        ]
        return EncodersAnswer(encoders=encoders)

    return await engine.read(work)


def _check_dimensions(dimensions: int | None, encoder: Encoder) -> None:
    if dimensions is not None and dimensions != encoder.dim:
        message = (
            f"dimensions is {dimensions}; {encoder.card.name!r} gives {encoder.dim}, and cutting "
            "its vectors would change what they mean: leave it out"
        )
        raise BadValueError(message, "dimensions")


def _embeddings(body: EmbeddingsBody, encoder: Encoder, encoding: Encoding) -> EmbeddingsAnswer:
    vectors: list[list[float] | str]
    if body.encoding_format == "base64":
        rows = encoding.vectors.astype("<f4", copy=False)
        vectors = [base64.b64encode(row.tobytes()).decode() for row in rows]
    else:
        vectors = encoding.vectors.tolist()
    data = [Embedding(index=index, embedding=vector) for index, vector in enumerate(vectors)]
    read = int(np.minimum(encoding.tokens, encoder.max_tokens).sum())
    return EmbeddingsAnswer(
        data=data,
        model=body.model,
        usage=Usage(prompt_tokens=read, total_tokens=read),
        truncated=np.flatnonzero(encoding.truncated).tolist(),
    )


def _cosines(vectors: Vectors) -> list[float]:
    """Cosines of the first row with each of the others, in float32."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    cosines: list[float] = np.clip(unit[1:] @ unit[0], -1, 1).tolist()
    return cosines
