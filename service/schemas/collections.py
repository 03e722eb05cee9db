"""Collections: what makes one, and what is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field

from indexing.types import Metric
from service.schemas.fields import Answer, Body
from service.schemas.index import CalibrationAnswer, IndexCardAnswer

if TYPE_CHECKING:
    from embeddings.types import EncoderCard
    from indexing.local import LocalCollection
    from indexing.verification import VerifyReport


class CollectionBody(Body):
    """A collection to make."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "faq", "metric": "cosine"}]})

    name: Annotated[
        str,
        Field(
            description="1 to 64 letters, digits, `-`, `_` and `.`, a letter or digit first.",
            examples=["faq"],
        ),
    ]
    encoder: Annotated[
        str | None,
        Field(
            description="A name of `GET /v1/encoders`, a model folder on the server, or a hub "
            "name (`organisation/model`); null: the service's own.",
        ),
    ] = None
    metric: Annotated[
        Metric, Field(strict=False, description="How vectors are compared; fixed for good.")
    ] = Metric.COSINE
    analyzer: Annotated[Literal["auto"], Field(description="How words are found in text.")] = "auto"


class VerifyBody(Body):
    """How to check a collection."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"repair": False}]})

    repair: Annotated[bool, Field(description="Mend what the documents' text allows to mend.")] = (
        False
    )


class EncoderCardAnswer(Answer):
    """The identity of an encoder."""

    name: str
    kind: str
    dim: int
    max_tokens: int
    pooling: str
    normalised: bool
    dtype: str
    fingerprint: Annotated[
        str, Field(description="sha256 over weights, tokenizer, pooling and prompts.")
    ]
    prompts: dict[str, str]
    languages: list[str]
    runtime: Annotated[str, Field(description="What computes, and its version.")]
    parity: Annotated[
        dict[str, float],
        Field(description="How near its vectors are to the library's; empty if it is the library."),
    ]
    fallback: Annotated[str, Field(description="Why nothing faster is used; empty if none is.")]
    modalities: Annotated[list[str], Field(description="What it reads: `text`, `image` or both.")]

    @classmethod
    def of(cls, card: EncoderCard) -> Self:
        """The card as an answer."""
        return cls.model_validate(card.to_json())


class CollectionAnswer(Answer):
    """A collection's card and what it holds."""

    name: str
    encoder: EncoderCardAnswer
    metric: Metric
    analyzer: str
    created: Annotated[str, Field(description="RFC 3339, UTC.")]
    format: Annotated[int, Field(description="Version of the folder's layout.")]
    documents: Annotated[int, Field(description="Documents, chunks counted one by one.")]
    parents: Annotated[int, Field(description="Whole texts that chunks were cut from.")]
    rows: Annotated[int, Field(description="Vectors on disk, those of deleted ones included.")]
    tombstones: Annotated[int, Field(description="Vectors of deleted or replaced documents.")]
    truncated: Annotated[int, Field(description="Documents the encoder did not read to the end.")]
    tokens: Annotated[int, Field(description="Tokens of all documents, before any cut.")]
    unknown: Annotated[int, Field(description="Tokens the encoder does not know.")]
    index: Annotated[str, Field(description="`flat` compares every vector.")]
    indexed_rows: Annotated[int, Field(description="Vectors in a sealed index.")]
    tail: Annotated[
        int, Field(description="Vectors behind it, which every search compares one by one.")
    ]
    recall: Annotated[float, Field(description="Measured recall@10 of the index.")]
    effort: Annotated[int | None, Field(description="How hard it looks; null for `flat`.")]
    bytes: Annotated[int, Field(description="Size of the folder.")]
    problems: Annotated[
        list[str], Field(description="What was found wrong on opening and by maintenance.")
    ]
    maintenance: Annotated[
        str, Field(description="`idle`, or what is done about the files in the background.")
    ]
    progress: Annotated[float, Field(description="How much of that is done, 0 to 1.")]

    @classmethod
    def of(cls, collection: LocalCollection) -> Self:
        """Card and status of the collection; reads the disk."""
        return cls.model_validate(_told(collection))


class CollectionCardAnswer(CollectionAnswer):
    """All that is told of a collection: its index as measured, and its calibration."""

    index_card: Annotated[
        IndexCardAnswer | None, Field(description="null where every vector is compared.")
    ]
    calibration: Annotated[
        CalibrationAnswer | None,
        Field(description="null while there are too few documents to tell chance from merit."),
    ]

    @classmethod
    def of(cls, collection: LocalCollection) -> Self:
        """Card, status, index and calibration; may measure the last, a few tenths of a second."""
        storage = collection.storage
        sealed = storage.snapshot.sealed
        told = _told(collection)
        told["index_card"] = None if sealed is None else IndexCardAnswer.of(sealed.card)
        told["calibration"] = CalibrationAnswer.of(storage.calibration)
        return cls.model_validate(told)


def _told(collection: LocalCollection) -> dict[str, Any]:
    status = collection.describe()
    tail = status.rows - status.indexed_rows
    return {**collection.card.to_json(), **status.to_json(), "tail": tail}


class CollectionsAnswer(Answer):
    """Collections by name."""

    collections: list[CollectionAnswer]
    unusable: Annotated[
        dict[str, str], Field(description="Why collections cannot be opened, by name.")
    ]


class DropAnswer(Answer):
    """What went."""

    name: str
    documents: Annotated[int, Field(description="Documents it held.")]


class VerifyAnswer(Answer):
    """What was checked and found."""

    ok: Annotated[bool, Field(description="True if nothing is wrong (any more).")]
    documents: Annotated[int, Field(description="Documents checked.")]
    problems: list[str]
    repaired: Annotated[list[str], Field(description="What was wrong and is not any more.")]

    @classmethod
    def of(cls, report: VerifyReport) -> Self:
        """The report as an answer."""
        return cls.model_validate(report.to_json())
