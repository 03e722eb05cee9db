"""What is told of a collection's index, and of what its scores mean."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import ConfigDict, Field

from indexing.errors import InvalidRequestError
from service.schemas.fields import Answer, Body

if TYPE_CHECKING:
    from indexing.calibration import Calibration
    from indexing.local import LocalCollection
    from indexing.sealed import SealCard
    from indexing.tuning import FilteredPoint, Point


class OptimizeBody(Body):
    """What the index shall be like from now on; what is left out stays as it was."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"recall": 0.98}]})

    recall: Annotated[
        float | None,
        Field(gt=0, le=1, description="To reach, above 0 to 1; 1 compares every vector."),
    ] = None
    memory_bytes: Annotated[
        int | None, Field(ge=1, description="The index may keep in memory; null: no bound.")
    ] = None
    kind: Annotated[
        str | None,
        Field(description="`flat`, `hnsw`, `hnsw-sq8`, `ivf-pq`; null: the planner's choice."),
    ] = None

    def optimize(self, collection: LocalCollection) -> None:
        """Build the index that is asked for.

        Raises:
            InvalidRequestError: too little memory (the message says how much would do), or a kind
                that there is not.
        """
        wish = collection.storage.sealer.wish
        said = {name: getattr(self, name) for name in self.model_fields_set}
        if (memory := said.pop("memory_bytes", wish.memory)) != wish.memory:
            said["memory"] = memory
        if said.get("recall", 0) is None:
            del said["recall"]
        try:
            collection.optimize(replace(wish, **said))
        except InvalidRequestError as error:
            field = "memory_bytes" if error.field == "memory" else error.field
            raise InvalidRequestError(str(error), field) from error


class CurvePoint(Answer):
    """What looking so hard finds, and costs."""

    reach: Annotated[int, Field(description="What the index walks through (efSearch, nprobe).")]
    candidates: Annotated[
        int, Field(description="Vectors whose true scores are taken; 0 where all are.")
    ]
    recall: Annotated[float, Field(description="Share of the true 10 nearest found, measured.")]
    microseconds: Annotated[float, Field(description="A query's, in a batch.")]

    @classmethod
    def of(cls, point: Point) -> Self:
        """The point as an answer."""
        return cls(
            reach=point.effort.reach,
            candidates=point.effort.candidates,
            recall=round(point.recall, 4),
            microseconds=round(point.microseconds, 1),
        )


class FilteredCurvePoint(Answer):
    """What it takes under a filter."""

    share: Annotated[float, Field(description="Of the vectors that the filter keeps.")]
    reach: int
    candidates: int
    recall: Annotated[float, Field(description="Reached under such a filter.")]
    microseconds: Annotated[float, Field(description="A query's, asked alone.")]

    @classmethod
    def of(cls, point: FilteredPoint) -> Self:
        """The point as an answer."""
        return cls(
            share=point.share,
            reach=point.effort.reach,
            candidates=point.effort.candidates,
            recall=round(point.recall, 4),
            microseconds=round(point.microseconds, 1),
        )


class IndexCardAnswer(Answer):
    """A vector index and what was measured of it when it was built."""

    kind: str
    rows: Annotated[int, Field(description="Vectors it answers for, deleted ones included.")]
    held: Annotated[int, Field(description="Vectors in it.")]
    target: Annotated[float, Field(description="Recall wished for.")]
    memory_bytes: Annotated[int | None, Field(description="Allowed; null: no bound.")]
    recall: Annotated[float, Field(description="Recall@10 reached, measured.")]
    bytes: Annotated[int, Field(description="Of the index in memory, and of its file.")]
    bytes_per_vector: float
    built: Annotated[str, Field(description="RFC 3339, UTC: when it was built and measured.")]
    seconds: Annotated[float, Field(description="Time that building and measuring took.")]
    queries: Annotated[int, Field(description="How many the figures are means of.")]
    asked: Annotated[
        bool, Field(description="True if live queries were measured with, false: held back rows.")
    ]
    reach: Annotated[int, Field(description="How hard it looks unless asked for more or less.")]
    candidates: int
    curve: Annotated[list[CurvePoint], Field(description="By rising recall.")]
    filtered: Annotated[list[FilteredCurvePoint], Field(description="By falling share.")]

    @classmethod
    def of(cls, card: SealCard) -> Self:
        """The card as an answer."""
        effort = card.point.effort
        return cls(
            kind=card.kind,
            rows=card.rows,
            held=card.held,
            target=card.wish.recall,
            memory_bytes=card.wish.memory,
            recall=round(card.recall, 4),
            bytes=card.bytes,
            bytes_per_vector=round(card.bytes_per_vector, 1),
            built=card.built,
            seconds=round(card.seconds, 3),
            queries=card.tuning.queries,
            asked=card.tuning.asked,
            reach=effort.reach,
            candidates=effort.candidates,
            curve=[CurvePoint.of(point) for point in card.tuning.curve],
            filtered=[FilteredCurvePoint.of(point) for point in card.tuning.filtered],
        )


class CalibrationAnswer(Answer):
    """What confidence is made from."""

    documents: Annotated[int, Field(description="How many there were when it was measured.")]
    reliability: Annotated[
        dict[str, float],
        Field(
            description=(
                "How far vectors can be trusted, 0 to 1: of `all` documents, and by the script "
                "of queries (`hangul`, `cjk`, `other`) where there are enough."
            )
        ),
    ]

    @classmethod
    def of(cls, calibration: Calibration | None) -> Self | None:
        """The calibration as an answer; None for too few documents to have one."""
        if calibration is None:
            return None
        reliability = {
            name: round(trust.reliability, 4) for name, trust in calibration.trust.items()
        }
        return cls(documents=calibration.documents, reliability=reliability)
