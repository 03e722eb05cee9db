"""The language of text-embeddings-inference (TEI)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Field, RootModel

from service.schemas.fields import Answer, Body
from service.schemas.inputs import TextsOrTokens  # noqa: TC001 - pydantic reads it
from service.schemas.rerank import TruncationDirection

PromptName: TypeAlias = Annotated[
    Literal["query", "document", "passage", "corpus"] | None,
    Field(description="Which of the encoder's prompts goes in front, if it has any."),
]
Truncate: TypeAlias = Annotated[
    bool | None, Field(description="false: refuse texts longer than the window; else they are cut.")
]
Direction: TypeAlias = Annotated[
    TruncationDirection, Field(description="Texts are cut at their ends.")
]


class EmbedBody(Body):
    """Texts to encode."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"inputs": ["언제 도착하나요?", "When does it arrive?"]}]}
    )

    inputs: TextsOrTokens
    truncate: Truncate = None
    truncation_direction: Direction = "right"
    prompt_name: PromptName = None
    normalize: Annotated[
        bool,
        Field(description="Vectors of length 1. false: for encoders that give others by nature."),
    ] = True
    dimensions: Annotated[
        int | None, Field(description="As in `/v1/embeddings`.", examples=[128])
    ] = None


class EmbedAnswer(RootModel[list[list[float]]]):
    """A vector for each text."""


class SimilarityInputs(Body):
    """One text and those to compare it with."""

    source_sentence: str
    sentences: Annotated[list[str], Field(min_length=1)]


class SimilarityParameters(Body):
    """How texts are encoded."""

    truncate: Truncate = None
    truncation_direction: Direction = "right"
    prompt_name: PromptName = None


class SentencesBody(Body):
    """Texts to compare."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "inputs": {
                        "source_sentence": "When does it arrive?",
                        "sentences": ["Delivery takes two days.", "Refund it."],
                    }
                }
            ]
        }
    )

    inputs: SimilarityInputs
    parameters: SimilarityParameters | None = None


class CosinesAnswer(RootModel[list[float]]):
    """Cosines in the order of `sentences`, -1 to 1."""


class TokenizeBody(Body):
    """Texts to cut into tokens."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"inputs": "언제 도착하나요?"}]})

    inputs: TextsOrTokens
    add_special_tokens: bool = True
    prompt_name: PromptName = None


class TokenAnswer(Answer):
    """One token."""

    id: int
    text: Annotated[str, Field(description="What it stands for; its name, if it is special.")]
    special: Annotated[bool, Field(description="True for what the tokenizer puts around a text.")]
    start: Annotated[int | None, Field(description="First byte of it in the text's UTF-8.")]
    stop: Annotated[int | None, Field(description="One past the last.")]


class TokenizeAnswer(RootModel[list[list[TokenAnswer]]]):
    """The tokens of each text, whole."""


class InfoAnswer(Answer):
    """What is served, as TEI tells it; `reranker` is ours."""

    model_id: str
    model_sha: Annotated[str, Field(description="The encoder's fingerprint, a sha256.")]
    model_dtype: str
    served_model_name: str
    model_type: Annotated[dict[str, Any], Field(examples=[{"embedding": {"pooling": "mean"}}])]
    max_concurrent_requests: Annotated[int, Field(description="Requests that wait at most.")]
    max_input_length: Annotated[int, Field(description="Tokens read of one text.")]
    max_batch_tokens: Annotated[int, Field(description="Tokens of all texts of a request.")]
    max_batch_requests: int | None = None
    max_client_batch_size: Annotated[int, Field(description="Texts of one request.")]
    auto_truncate: Annotated[bool, Field(description="Longer texts are cut unless refused.")]
    tokenization_workers: int
    version: Annotated[str, Field(description="Meari's.")]
    sha: str | None = None
    docker_label: str | None = None
    reranker: Annotated[str | None, Field(description="What `/rerank` asks; null: the encoder.")]
