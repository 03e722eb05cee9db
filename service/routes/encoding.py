"""Vectors and scores without a collection: OpenAI's paths, similarity, the encoders known."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Annotated

import numpy as np
from fastapi import Path, Request

from embeddings.load import DESCRIPTIONS
from service.encoders import EncoderInUse, encoder_named, encoders_in_use
from service.errors import ModelNotFoundError
from service.presence import while_connected
from service.routes.access import (
    JsonAnswer,
    ReadyEngine,
    check_texts,
    quick_post,
    refusals,
    router,
)
from service.routes.inputs import (
    check_width,
    cut_vectors,
    encode_texts,
    offered_widths,
    read_texts,
    write_rows,
)
from service.schemas.collections import EncoderCardAnswer
from service.schemas.encoding import (
    EmbeddingsAnswer,
    EmbeddingsBody,
    EncoderAnswer,
    EncodersAnswer,
    Model,
    ModelsAnswer,
    SimilarityAnswer,
    SimilarityBody,
    SimilarityReceipt,
)

if TYPE_CHECKING:
    from embeddings.types import EncoderCard, Vectors
    from service.engine import Engine

routes = router("encoding")

ModelName = Annotated[
    str, Path(description="As `GET /v1/models` lists it.", examples=["meari-ko-en"])
]


@quick_post(
    routes,
    "/v1/embeddings",
    summary="Encode texts (OpenAI's shape)",
    response_model=EmbeddingsAnswer,
    responses=refusals(400, 404, 413, 415, 422),
)
async def create_embeddings(
    body: EmbeddingsBody, engine: ReadyEngine, request: Request
) -> JsonAnswer:
    """A vector for each text, in order; `truncated` names those the encoder did not read whole."""
    if body.dimensions is not None:
        encoder = await engine.read(encoder_named, engine, body.model)
        check_width(body.dimensions, encoder.card)
    texts = await read_texts(engine, body.model, body.input, "input")
    work = encode_texts(engine, body.model, texts, body.input_type, "input")
    encoder, encoding = await while_connected(request, work)
    vectors = cut_vectors(encoding.vectors, body.dimensions)
    read = int(np.minimum(encoding.tokens, encoder.max_tokens).sum())
    around = {
        "object": "list",
        "model": body.model,
        "usage": {"prompt_tokens": read, "total_tokens": read},
        "truncated": np.flatnonzero(encoding.truncated).tolist(),
    }
    return await write_rows(_rows(body, vectors), vectors.size, around=around)


@routes.post(
    "/v1/similarity",
    summary="Compare texts",
    responses=refusals(400, 404, 413, 415, 422),
)
async def compare_texts(
    body: SimilarityBody, engine: ReadyEngine, request: Request
) -> SimilarityAnswer:
    """The cosine of `source` with each of `texts`; all are encoded in the role of queries."""
    check_texts("source", [body.source], engine.settings)
    check_texts("texts", body.texts, engine.settings)
    work = encode_texts(engine, body.model, [body.source, *body.texts], "query", "texts")
    encoder, encoding = await while_connected(request, work)
    receipt = SimilarityReceipt(
        encoder={"name": encoder.card.name, "fingerprint": encoder.card.fingerprint},
        tokens=int(encoding.tokens.sum()),
        source_truncated=bool(encoding.truncated[0]),
        truncated=np.flatnonzero(encoding.truncated[1:]).tolist(),
    )
    return SimilarityAnswer(scores=cosines(encoding.vectors), receipt=receipt)


@routes.get("/v1/models", summary="List encoders in use (OpenAI's shape)", responses=refusals())
async def list_models(engine: ReadyEngine) -> ModelsAnswer:
    """The service's own first, then those of collections; each once, whatever it is called."""

    def work() -> ModelsAnswer:
        models = [
            _model(used.names[0], used.card, engine)
            for used in encoders_in_use(engine)
            if used.card is not None
        ]
        return ModelsAnswer(data=models)

    return await engine.read(work)


@routes.get(
    "/v1/models/{model:path}",
    summary="Show an encoder in use (OpenAI's shape)",
    responses=refusals(404),
)
async def show_model(model: ModelName, engine: ReadyEngine) -> Model:
    """The encoder of that name; any of its names will do, slashes escaped (`%2F`) or not."""

    def work() -> Model:
        used = encoders_in_use(engine)
        for each in used:
            if model in each.names and each.card is not None:
                return _model(model, each.card, engine)
        known = ", ".join(name for each in used for name in each.names)
        raise ModelNotFoundError(f"model {model!r} is not in use here; there is: {known}")

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


def _model(name: str, card: EncoderCard, engine: Engine) -> Model:
    return Model(
        id=name,
        created=engine.started,
        dim=card.dim,
        dimensions=offered_widths(card),
        max_tokens=card.max_tokens,
        fingerprint=card.fingerprint,
    )


def _rows(body: EmbeddingsBody, vectors: Vectors) -> list[dict[str, object]]:
    """An `Embedding` for each vector, as an array or packed."""
    told: list[Vectors] | list[str] = list(vectors)
    if body.encoding_format == "base64":
        rows = vectors.astype("<f4", copy=False)
        told = [base64.b64encode(row.tobytes()).decode() for row in rows]
    return [
        {"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(told)
    ]


def cosines(vectors: Vectors) -> list[float]:
    """Cosines of the first row with each of the others, in float32."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    found: list[float] = np.clip(unit[1:] @ unit[0], -1, 1).tolist()
    return found
