"""The paths of text-embeddings-inference (TEI); its `/rerank` is with the others'."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
from fastapi import Request  # noqa: TC002 - FastAPI reads it

from service.encoders import encoder_named
from service.errors import BadValueError
from service.presence import while_connected
from service.routes.access import JsonAnswer, ReadyEngine, check_texts, refusals, router
from service.routes.encoding import cosines
from service.routes.inputs import (
    check_direction,
    check_token_number,
    check_whole,
    check_width,
    cut_vectors,
    encode_texts,
    ids_of,
    read_texts,
    truncation_headers,
    write_rows,
)
from service.schemas.inputs import TokenArrays
from service.schemas.tei import (
    CosinesAnswer,
    EmbedAnswer,
    EmbedBody,
    InfoAnswer,
    SentencesBody,
    SimilarityParameters,
    TokenAnswer,
    TokenizeAnswer,
    TokenizeBody,
)

if TYPE_CHECKING:
    from embeddings.types import Role, Vectors
    from service.engine import Engine
    from service.schemas.tei import PromptName

routes = router("encoding")

_REFUSALS = refusals(400, 404, 413, 415, 422)


@routes.post(
    "/embed", summary="Encode texts (TEI's shape)", response_model=EmbedAnswer, responses=_REFUSALS
)
async def embed(body: EmbedBody, engine: ReadyEngine, request: Request) -> JsonAnswer:
    """A vector for each text, by the service's encoder.

    `X-Truncated` counts texts that were cut.
    """
    check_direction(body.truncation_direction, "truncation_direction")
    if body.dimensions is not None or not body.normalize:
        await engine.read(_check_wishes, engine, body)
    texts = await read_texts(engine, None, body.inputs, "inputs")
    work = encode_texts(engine, None, texts, _role(body.prompt_name, "document"), "inputs")
    encoder, encoding = await while_connected(request, work)
    if body.truncate is False:
        check_whole(encoding.truncated, "inputs", encoder.card.name)
    vectors = cut_vectors(encoding.vectors, body.dimensions)
    if body.normalize and not encoder.card.normalised:
        vectors = _scaled(vectors)
    headers = truncation_headers(encoding.truncated)
    return await write_rows(list(vectors), vectors.size, headers=headers)


def _check_wishes(engine: Engine, body: EmbedBody) -> None:
    card = encoder_named(engine, None).card
    check_width(body.dimensions, card)
    if not body.normalize and card.normalised:
        message = f"normalize is false; vectors of {card.name!r} have length 1 by nature: leave it"
        raise BadValueError(f"{message} out", "normalize")


def _scaled(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Vectors = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return scaled


def _role(name: PromptName, otherwise: Role) -> Role:
    if name is None:
        return otherwise
    return "query" if name == "query" else "document"


@routes.post(
    "/similarity",
    summary="Compare texts (TEI's shape)",
    response_model=CosinesAnswer,
    responses=_REFUSALS,
)
async def compare_sentences(
    body: SentencesBody, engine: ReadyEngine, request: Request
) -> JsonAnswer:
    """The cosine of `source_sentence` with each of `sentences`, all encoded in one role.

    `X-Truncated` counts texts that were cut.
    """
    given, how = body.inputs, body.parameters or SimilarityParameters()
    check_direction(how.truncation_direction, "parameters.truncation_direction")
    _check_number(given.sentences, engine)
    check_texts("inputs.source_sentence", [given.source_sentence], engine.settings)
    check_texts("inputs.sentences", given.sentences, engine.settings)
    texts = [given.source_sentence, *given.sentences]
    work = encode_texts(engine, None, texts, _role(how.prompt_name, "query"), "inputs")
    encoder, encoding = await while_connected(request, work)
    if how.truncate is False:
        check_whole(encoding.truncated[:1], "inputs.source_sentence", encoder.card.name)
        check_whole(encoding.truncated[1:], "inputs.sentences", encoder.card.name)
    headers = truncation_headers(encoding.truncated)
    return JsonAnswer.of(CosinesAnswer(cosines(encoding.vectors)), headers=headers)


def _check_number(sentences: list[str], engine: Engine) -> None:
    most = engine.settings.max_texts
    if len(sentences) > most:
        field = "inputs.sentences"
        message = f"{field} has {len(sentences):,} items; at most {most:,} are taken in one request"
        raise BadValueError(f"{message}: send several", field)


@routes.post(
    "/tokenize",
    summary="Cut texts into tokens (TEI's shape)",
    response_model=TokenizeAnswer,
    responses=_REFUSALS,
)
async def tokenize(body: TokenizeBody, engine: ReadyEngine) -> JsonAnswer:
    """What the service's encoder reads of each text, before any cut."""
    if isinstance(body.inputs, TokenArrays):
        raise BadValueError("inputs holds token ids; send texts", "inputs")
    texts = body.inputs
    check_texts("inputs", texts, engine.settings)

    def work() -> JsonAnswer:
        encoder = encoder_named(engine, None)
        ids = ids_of(encoder, "inputs")
        number = int(encoder.count_tokens(texts, role="document").sum())
        check_token_number(number, engine.settings.max_input_tokens, "inputs")
        prompts = encoder.card.prompts
        prompt = prompts.get(_role(body.prompt_name, "query"), "") if body.prompt_name else ""
        tokens = ids.tokenize([prompt + text for text in texts], special=body.add_special_tokens)
        told = [
            [TokenAnswer.model_validate(each, from_attributes=True) for each in row]
            for row in tokens
        ]
        return JsonAnswer.of(TokenizeAnswer.model_construct(told))

    return await engine.read(work)


@routes.get("/info", summary="Tell what is served (TEI's shape)", responses=refusals())
async def tell_info(engine: ReadyEngine) -> InfoAnswer:
    """The service's encoder and the limits of a request."""

    def work() -> InfoAnswer:
        card, settings = encoder_named(engine, None).card, engine.settings
        reranker = settings.reranker
        return InfoAnswer(
            model_id=card.name,
            model_sha=card.fingerprint,
            model_dtype=card.dtype,
            served_model_name=settings.encoder,
            model_type={"embedding": {"pooling": card.pooling}},
            max_concurrent_requests=settings.max_waiting,
            max_input_length=card.max_tokens,
            max_batch_tokens=settings.max_input_tokens,
            max_client_batch_size=settings.max_texts,
            auto_truncate=True,
            tokenization_workers=settings.read_threads,
            version=version("meari"),
            reranker=None if reranker is None else reranker.expanduser().resolve().name,
        )

    return await engine.read(work)
