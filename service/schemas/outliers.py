"""Outliers: how they shall be found, and which documents are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from service.schemas.analysis import AnalysisBody, ResultAnswer, Shown
from service.schemas.fields import Answer, Body, broken_rule
from service.schemas.images import ImageBase64  # noqa: TC001 - pydantic reads it

if TYPE_CHECKING:
    from analysis.outliers.request import OutlierRequest
    from analysis.outliers.result import Verdict


class OutlierBody(AnalysisBody):
    """How outliers shall be found."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"contamination": 0.25}]})

    method: Annotated[
        Literal["combined", "knn", "lof", "forest", "clusters", "centroid"],
        Field(description="One detector, or the mean of several."),
    ] = "combined"
    contamination: Annotated[
        float | None,
        Field(
            description=(
                "Share of documents to call outliers, above 0 and below 0.5; null draws the line "
                "where scores leave the bulk, which may be nowhere."
            )
        ),
    ] = None
    k: Annotated[
        int | None,
        Field(description="Neighbours a document is compared with; null: 20, or all of fewer."),
    ] = None
    explained: Annotated[
        int, Field(description="Nearest documents kept with each as its reason, 1 to 50.")
    ] = 5
    seed: Annotated[int, Field(description="Of everything that is drawn by lot.")] = 0

    def to_request(self) -> OutlierRequest:
        """The request.

        Raises:
            InvalidAnalysisError: an impossible value.
        """
        from analysis.outliers.request import OutlierRequest

        return self.request_of(OutlierRequest)


class NeighbourAnswer(Answer):
    """A document that is near."""

    id: str
    score: Annotated[float, Field(description="Cosine, or minus the distance.")]


class VerdictAnswer(Answer):
    """How little something belongs to a collection, and why."""

    score: Annotated[float, Field(description="0 to 1.")]
    is_outlier: Annotated[bool, Field(description="True if the score reaches the threshold.")]
    reason: Annotated[
        str, Field(description="A sentence in English; empty for what is no outlier.")
    ]
    neighbours: Annotated[list[NeighbourAnswer], Field(description="Nearest first.")]
    detectors: Annotated[dict[str, float], Field(description="The score of each alone.")]


class OutlierAnswer(VerdictAnswer, Shown):
    """A document and how little it belongs."""


class OutliersAnswer(ResultAnswer):
    """Documents, the most outlying first."""

    outliers: list[OutlierAnswer]
    threshold: Annotated[float, Field(description="From which score on one is an outlier.")]
    count: Annotated[int, Field(description="How many are outliers.")]
    documents: Annotated[int, Field(description="How many were scored.")]
    cursor: Annotated[str | None, Field(description="For the next page; null on the last.")]


class ScoreBody(Body):
    """Texts or pictures that are no documents yet."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"texts": ["양자역학 강의"]}]})

    texts: Annotated[list[str] | None, Field(min_length=1, description="One or more.")] = None
    images: Annotated[
        list[ImageBase64] | None,
        Field(min_length=1, description="One or more, in place of texts."),
    ] = None
    role: Annotated[
        Literal["document", "query"],
        Field(description="What they are; questions score higher than documents do."),
    ] = "document"

    @model_validator(mode="after")
    def _check_one_kind(self) -> Self:
        if (self.texts is None) == (self.images is None):
            given = "neither" if self.texts is None else "both"
            raise broken_rule(f"texts and images: {given} is given; send one of them", "texts")
        return self


class ScoresAnswer(Answer):
    """How little the texts or pictures belong, in their order."""

    scores: list[VerdictAnswer]
    threshold: Annotated[float, Field(description="From which score on one is an outlier.")]
    truncated: Annotated[
        list[int], Field(description="Places of texts the encoder did not read to their end.")
    ]
    receipt: Annotated[dict[str, Any], Field(description="Of the outliers they are judged by.")]


def reason_of(verdict: Verdict) -> str:
    """Why something is an outlier, in a sentence."""
    if not verdict.is_outlier:
        return ""
    nearest = verdict.neighbours[0] if verdict.neighbours else None
    spoke = [_SPOKEN[name] for name in verdict.spoke if name in _SPOKEN]
    parts = [_joined(spoke)] if spoke else ["scores stand out together, none by itself"]
    if nearest is not None:
        parts.append(f"its nearest document is {nearest.id!r} at {nearest.score:.2f}")
    return "; ".join(parts)


_SPOKEN = {
    "knn": "far from all documents",
    "lof": "farther from its neighbours than they are from theirs",
    "forest": "easily split off from the rest",
    "clusters": "far from the middle of every cluster",
    "centroid": "far from the middle of the collection",
}
"""What each detector means, in words."""


def _joined(parts: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
