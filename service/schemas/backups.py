"""Backups: what is told of them, and how they are restored and tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import ConfigDict, Field

from service.schemas.fields import Answer, Body, Within

if TYPE_CHECKING:
    from indexing.backup.drill import DrillReport, Replay
    from indexing.backup.manifest import Manifest
    from indexing.backup.restoring import Restored

MAX_DRILL_QUERIES = 1000


class BackupAnswer(Answer):
    """A backup of a collection."""

    id: Annotated[str, Field(examples=["20261130T063150123456Z-f68c"])]
    collection: Annotated[str, Field(description="The name it had.")]
    created: Annotated[str, Field(description="RFC 3339, UTC.")]
    documents: int
    encoder: Annotated[str, Field(description="Name of the encoder of its vectors.")]
    fingerprint: Annotated[str, Field(description="The encoder's.")]
    metric: str
    bytes: Annotated[int, Field(description="Of all files.")]
    written: Annotated[int, Field(description="Bytes it added to what was there.")]
    seconds: Annotated[float, Field(description="It took.")]

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        """The backup as an answer."""
        card = manifest.card
        return cls(
            id=manifest.id,
            collection=card.name,
            created=manifest.created,
            documents=manifest.documents,
            encoder=card.encoder.name,
            fingerprint=card.encoder.fingerprint,
            metric=card.metric.value,
            bytes=manifest.bytes,
            written=manifest.written,
            seconds=manifest.seconds,
        )


class BackupsAnswer(Answer):
    """The backups there are, oldest first."""

    backups: list[BackupAnswer]
    unreadable: Annotated[
        dict[str, str],
        Field(
            description="Why manifests cannot be read, by id; keys bound to some collections "
            "are told of none."
        ),
    ]


class RestoreBody(Body):
    """How to restore a backup."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "faq-again"}]})

    name: Annotated[str, Field(description="Of the collection it becomes; it must be free.")]
    rebuild: Annotated[
        bool, Field(description="Take documents and vectors alone, and make indexes anew.")
    ] = False


class DrillBody(Body):
    """How to try a backup."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"queries": 50, "seed": 0}]})

    queries: Annotated[
        int, Within(1, MAX_DRILL_QUERIES), Field(description="Documents sampled to ask with.")
    ] = 50
    seed: Annotated[int, Within(0, (1 << 32) - 1), Field(description="Of the sample.")] = 0


class RestoredAnswer(Answer):
    """A collection that was brought back."""

    name: str
    backup: str
    documents: int
    warnings: list[str]

    @classmethod
    def of(cls, restored: Restored) -> Self:
        """The collection as an answer."""
        return cls(
            name=restored.name,
            backup=restored.backup,
            documents=restored.documents,
            warnings=list(restored.warnings),
        )


class ReplayAnswer(Answer):
    """Sampled queries, asked of the collection and of its restored copy."""

    mode: str
    queries: int
    agreeing: Annotated[int, Field(description="With the same ten best and the same scores.")]
    overlap: Annotated[float, Field(description="Share of the ten best that both have.")]
    difference: Annotated[float, Field(description="Largest, of two scores of the same rank.")]
    judged: Annotated[bool, Field(description="False where the two may rightly differ.")]
    note: Annotated[str, Field(description="Why it is not judged; else empty.")]

    @classmethod
    def of(cls, replay: Replay) -> Self:
        """The replay as an answer."""
        return cls(**{name: getattr(replay, name) for name in cls.model_fields})


class DrillAnswer(Answer):
    """Whether a backup can be relied on."""

    ok: bool
    backup: str
    collection: str
    documents: Annotated[int, Field(description="Restored, in the copy that was removed again.")]
    compared: Annotated[int, Field(description="Held against the collection's, with vectors.")]
    changed: Annotated[
        bool | None,
        Field(description="The collection was written to since; null where there is none."),
    ]
    replays: list[ReplayAnswer]
    problems: list[str]
    seconds: dict[str, float]

    @classmethod
    def of(cls, report: DrillReport) -> Self:
        """The report as an answer."""
        return cls(
            ok=report.ok,
            backup=report.backup,
            collection=report.collection,
            documents=report.documents,
            compared=report.compared,
            changed=report.changed,
            replays=[ReplayAnswer.of(replay) for replay in report.replays],
            problems=list(report.problems),
            seconds=dict(report.seconds),
        )
