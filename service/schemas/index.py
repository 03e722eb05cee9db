"""What is told of a collection's index, and of what its scores mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field

from service.schemas.fields import Answer

if TYPE_CHECKING:
    from indexing.calibration import Calibration
    from indexing.sealed import SealCard


class CurvePoint(Answer):
    """What looking so hard finds."""

    effort: Annotated[int, Field(description="How hard the index looks.")]
    recall: Annotated[float, Field(description="Share of the true 10 nearest found, measured.")]


class IndexCardAnswer(Answer):
    """A vector index and what was measured of it when it was built."""

    kind: str
    rows: Annotated[int, Field(description="Vectors in it.")]
    effort: Annotated[int, Field(description="How hard it looks unless asked for more or less.")]
    recall: Annotated[float, Field(description="Recall@10 at that effort.")]
    curve: Annotated[list[CurvePoint], Field(description="What was measured, by effort.")]

    @classmethod
    def of(cls, card: SealCard) -> Self:
        """The card as an answer."""
        curve = [CurvePoint(effort=effort, recall=recall) for effort, recall in card.curve]
        return cls(
            kind=card.kind, rows=card.rows, effort=card.effort, recall=card.recall, curve=curve
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
