"""What the service says of itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from service.schemas.fields import Answer

Status = Literal["ok", "degraded", "starting", "failed", "stopping"]


class LiveAnswer(Answer):
    """The process answers."""

    status: Literal["ok"] = "ok"


class EncoderHealth(Answer):
    """What computes the default encoder's vectors."""

    name: str
    runtime: Annotated[str, Field(description="`openvino VERSION` or `torch VERSION`.")]
    precision: str
    parity: Annotated[
        dict[str, float],
        Field(description="How near its vectors are to the library's; empty if those are its own."),
    ]
    fallback: Annotated[str, Field(description="Why nothing faster is used; empty if none is.")]


class ReadyAnswer(Answer):
    """The service is ready; `degraded`: it answers, but not all of it works."""

    status: Literal["ok", "degraded"]
    encoder: EncoderHealth | None
    missing: Annotated[list[str], Field(description="What does not work, a sentence each.")]


class CollectionHealth(Answer):
    """How a collection is."""

    name: str
    documents: Annotated[int | None, Field(description="null if it cannot be opened.")]
    problems: list[str]


class HealthAnswer(Answer):
    """How the service is; `degraded`: it answers, but a collection has a problem."""

    status: Status
    reason: Annotated[str, Field(description="Why it is not `ok`; empty if it is.")]
    version: str
    started: Annotated[int, Field(description="Unix time.")]
    encoder: Annotated[str, Field(description="The default encoder.")]
    collections: list[CollectionHealth]
