"""Texts put into the order of how well they answer: the shapes of Cohere, Jina and TEI."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import ConfigDict, Field, PlainValidator, RootModel, WithJsonSchema, model_validator

from service.schemas.encoding import Usage  # noqa: TC001 - pydantic reads it
from service.schemas.fields import Answer, Body, Within, broken_rule

TruncationDirection: TypeAlias = Literal["right", "Right", "left", "Left"]

_OF_DOCUMENTS = ("top_n", "return_documents", "max_tokens_per_doc")
_OF_TEXTS = ("truncate", "truncation_direction", "raw_scores", "return_text")


def _read_documents(value: Any) -> list[str | dict[str, Any]] | None:  # noqa: ANN401 - anything
    if value is None:
        return None
    if not isinstance(value, list):
        raise broken_rule(
            "documents is not a list; send texts, or objects with a text", "documents"
        )
    for position, item in enumerate(value):
        place = f"documents[{position}]"
        if isinstance(item, dict):
            if not isinstance(item.get("text"), str):
                message = f"{place} has no `text` that is a string; that is what is read of it"
                raise broken_rule(message, f"{place}.text")
        elif not isinstance(item, str):
            raise broken_rule(f"{place} is neither a text nor an object with a text", place)
    return value


_TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
_DOCUMENTS = {
    "anyOf": [
        {"type": "array", "minItems": 1, "items": {"anyOf": [{"type": "string"}, _TEXT]}},
        {"type": "null"},
    ],
    "description": "Texts, or objects of which `text` is read.",
}


class RerankBody(Body):
    """A query and either `documents` (Cohere, Jina) or `texts` (TEI), which decide the answer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "query": "언제 도착하나요?",
                    "documents": ["Orders arrive within two working days.", "We sell shoes."],
                    "top_n": 1,
                },
                {
                    "query": "언제 도착하나요?",
                    "texts": ["Orders arrive within two working days.", "We sell shoes."],
                },
            ]
        }
    )

    query: Annotated[str, Field(examples=["언제 도착하나요?"])]
    documents: Annotated[
        list[str | dict[str, Any]] | None,
        PlainValidator(_read_documents),
        WithJsonSchema(_DOCUMENTS),
    ] = None
    texts: Annotated[list[str] | None, Field(description="The same in TEI's shape.")] = None
    model: Annotated[
        str | None,
        Field(
            description="The service's reranker or an encoder in use; null: the reranker if there "
            "is one, else the service's encoder.",
        ),
    ] = None
    top_n: Annotated[
        Annotated[int, Within(1, 1_000_000)] | None,
        Field(description="Results wanted, the best; null: all. With `documents`."),
    ] = None
    return_documents: Annotated[
        bool, Field(description="Give each result its document. With `documents`.")
    ] = False
    max_tokens_per_doc: Annotated[
        Annotated[int, Within(1, 1_000_000_000)] | None,
        Field(
            description="At least the model's window: documents are never cut to less. "
            "With `documents`."
        ),
    ] = None
    truncate: Annotated[
        bool | None,
        Field(description="false: refuse texts longer than the window. With `texts`."),
    ] = None
    truncation_direction: Annotated[
        TruncationDirection, Field(description="Texts are cut at their ends. With `texts`.")
    ] = "right"
    raw_scores: Annotated[
        bool,
        Field(description="What the model gives, not brought between 0 and 1. With `texts`."),
    ] = False
    return_text: Annotated[bool, Field(description="Give each its text. With `texts`.")] = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        """Of two shapes, one."""
        if (self.documents is None) == (self.texts is None):
            found = "neither documents nor texts is" if self.texts is None else "both are"
            message = f"{found} there; send documents (Cohere's shape) or texts (TEI's)"
            raise broken_rule(message, "documents")
        field = "documents" if self.texts is None else "texts"
        items = self.documents if self.texts is None else self.texts
        if not items:
            raise broken_rule(f"{field} is a list of 0 items; at least 1 is needed", field)
        for name in _OF_TEXTS if self.texts is None else _OF_DOCUMENTS:
            if getattr(self, name) != type(self).model_fields[name].default:
                message = f"{name} is no field of requests with {field}; leave it out"
                raise broken_rule(message, name)
        return self


class RerankResult(Answer):
    """One document."""

    index: Annotated[int, Field(description="Position in `documents`.")]
    relevance_score: Annotated[float, Field(description="0 to 1, higher is better.")]
    document: Annotated[
        dict[str, Any] | None, Field(description="As it came; only if that was asked for.")
    ] = None


class RerankReceipt(Answer):
    """What was really done."""

    method: Annotated[
        Literal["cross-encoder", "late-interaction", "cosine"],
        Field(description="`cosine`: of the vectors of query and document, (1 + cosine) / 2."),
    ]
    model: Annotated[str, Field(description="The reranker's or the encoder's name.")]
    truncated: Annotated[
        list[int], Field(description="Positions in `documents` that were not read to the end.")
    ]


class ApiVersion(Answer):
    """Which of Cohere's shapes this is."""

    version: str = "2"


class BilledUnits(Answer):
    """What Cohere would count; nobody is billed."""

    search_units: Annotated[int, Field(description="One for each hundred documents begun.")]


class RerankMeta(Answer):
    """Cohere's."""

    api_version: ApiVersion = ApiVersion()
    billed_units: BilledUnits


class RankedDocuments(Answer):
    """The answer to `documents`: Cohere's with Jina's `model` and `usage`; `receipt` is ours."""

    id: Annotated[str, Field(description="The request's id, also in `X-Request-Id`.")]
    object: Literal["list"] = "list"
    model: str
    results: Annotated[list[RerankResult], Field(description="Best first.")]
    meta: RerankMeta
    usage: Annotated[
        Usage | None, Field(description="Tokens read; left out where a reranker read them.")
    ] = None
    receipt: RerankReceipt


class RankedText(Answer):
    """One text in TEI's shape."""

    index: Annotated[int, Field(description="Position in `texts`.")]
    score: Annotated[float, Field(description="0 to 1, or raw if that was asked for.")]
    text: Annotated[str | None, Field(description="Only if that was asked for.")] = None


class RerankAnswer(RootModel[RankedDocuments | list[RankedText]]):
    """An object for `documents`, a list for `texts`, best first."""
