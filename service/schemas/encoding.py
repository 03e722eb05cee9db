"""Texts in, vectors and scores out: OpenAI's embeddings and models, and our similarity."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field

from service.schemas.collections import EncoderCardAnswer  # noqa: TC001 - pydantic reads it
from service.schemas.fields import Answer, Body
from service.schemas.inputs import TextsOrTokens  # noqa: TC001 - pydantic reads it

InputType: TypeAlias = Literal["query", "document"]


class EmbeddingsBody(Body):
    """OpenAI's request; `input_type` is ours."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"model": "meari-ko-en", "input": ["언제 도착하나요?", "When does it arrive?"]},
                {
                    "model": "meari-ko-en",
                    "input": "언제 도착하나요?",
                    "dimensions": 64,
                    "encoding_format": "base64",
                },
            ]
        }
    )

    input: TextsOrTokens
    model: Annotated[
        str,
        Field(
            description="An encoder in use here; `GET /v1/models` lists them.",
            examples=["meari-ko-en"],
        ),
    ]
    encoding_format: Annotated[
        Literal["float", "base64"] | None,
        Field(description="`base64`: the bytes of little-endian float32 numbers; null: `float`."),
    ] = "float"
    dimensions: Annotated[
        int | None,
        Field(
            description="Numbers of a vector, at most the encoder's: the first ones, scaled to the "
            "length the whole has. For encoders that were trained so; `GET /v1/models` tells.",
            examples=[128],
        ),
    ] = None
    user: Annotated[str | None, Field(description="Taken for compatibility, not used.")] = None
    input_type: Annotated[
        InputType,
        Field(description="Which of the encoder's prompts goes in front, if it has any."),
    ] = "document"


class Embedding(Answer):
    """One vector."""

    object: Literal["embedding"] = "embedding"
    index: Annotated[int, Field(description="Position in `input`.")]
    embedding: Annotated[
        list[float] | str, Field(description="Numbers, or base64 if that was asked for.")
    ]


class Usage(Answer):
    """Tokens the encoder read, after any cut."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsAnswer(Answer):
    """OpenAI's answer; `truncated` is ours."""

    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: Usage
    truncated: Annotated[
        list[int], Field(description="Positions in `input` that were not read to the end.")
    ]


class SimilarityBody(Body):
    """One text and those to compare it with."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "source": "When does it arrive?",
                    "texts": ["Delivery takes two days.", "Refund it."],
                }
            ]
        }
    )

    source: Annotated[str, Field(examples=["배송은 얼마나 걸리나요?"])]
    texts: Annotated[
        list[str],
        Field(min_length=1, examples=[["언제 도착하나요?", "환불해 주세요."]]),
    ]
    model: Annotated[str | None, Field(description="An encoder in use here; null: default.")] = None


class SimilarityReceipt(Answer):
    """What was really compared."""

    encoder: Annotated[dict[str, str], Field(description="Name and fingerprint.")]
    tokens: Annotated[int, Field(description="Of all texts, before any cut.")]
    source_truncated: Annotated[bool, Field(description="True if the source was cut.")]
    truncated: Annotated[list[int], Field(description="Positions in `texts` that were cut.")]


class SimilarityAnswer(Answer):
    """Cosines in the order of `texts`, -1 to 1."""

    scores: list[float]
    receipt: SimilarityReceipt


class Model(Answer):
    """An encoder as OpenAI lists models; everything behind `owned_by` is ours."""

    id: str
    object: Literal["model"] = "model"
    created: Annotated[int, Field(description="Unix time from which it is served here.")]
    owned_by: Literal["meari"] = "meari"
    dim: int
    dimensions: Annotated[
        list[int],
        Field(
            description="Widths its vectors are good at, widest first; `dimensions` may be any "
            "from the least to the widest. One alone: they may not be cut."
        ),
    ]
    max_tokens: int
    fingerprint: str


class ModelsAnswer(Answer):
    """The encoders in use here."""

    object: Literal["list"] = "list"
    data: list[Model]


class EncoderAnswer(Answer):
    """An encoder that can be named when a collection is made."""

    name: str
    description: str
    default: Annotated[bool, Field(description="For collections that name none.")]
    collections: Annotated[list[str], Field(description="Collections that use it.")]
    card: Annotated[
        EncoderCardAnswer | None,
        Field(description="Its identity; null if nothing uses it yet."),
    ]


class EncodersAnswer(Answer):
    """Encoders known here; a sentence-transformers folder or hub name may be given as well."""

    encoders: list[EncoderAnswer]
