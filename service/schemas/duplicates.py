"""Duplicates: what counts as one, and groups of documents that say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import ConfigDict, Field

from service.schemas.analysis import AnalysisBody, ResultAnswer, Shown
from service.schemas.fields import Answer

if TYPE_CHECKING:
    from analysis.duplicates.request import DuplicateRequest


class DuplicateBody(AnalysisBody):
    """What counts as a duplicate."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"threshold": 0.9}]})

    threshold: Annotated[
        float | None,
        Field(description="How alike at least, above 0 to 1; null: suggested."),
    ] = None
    wording: Annotated[
        bool, Field(description="Letters in common count besides the cosine of the vectors.")
    ] = True
    exact_only: Annotated[
        bool, Field(description="Texts that are the same but for case, width and spaces alone.")
    ] = False
    same_numbers: Annotated[
        bool, Field(description="Tell documents apart that each have a number the other lacks.")
    ] = True
    least_overlap: Annotated[
        float | None,
        Field(description="Share of letter triples in common at least; null: any wording."),
    ] = None
    translations: Annotated[
        bool, Field(description="Tell pairs too that say the same in Korean and in Latin letters.")
    ] = True
    seed: Annotated[int, Field(description="Of the approximate search for neighbours.")] = 0

    def to_request(self) -> DuplicateRequest:
        """The request.

        Raises:
            InvalidAnalysisError: an impossible value.
        """
        from analysis.duplicates.request import DuplicateRequest

        return self.request_of(DuplicateRequest)


class DuplicateAnswer(Shown):
    """A document that repeats the representative of its group."""

    score: Annotated[float, Field(description="How alike it and the representative are.")]
    exact: Annotated[bool, Field(description="The same text but for case, width and spaces.")]


class DuplicateGroupAnswer(Answer):
    """Documents that say the same."""

    representative: Annotated[str, Field(description="Id of the one to keep.")]
    title: Annotated[str, Field(description="The representative's.")]
    text: Annotated[str, Field(description="The representative's, short.")]
    kind: Annotated[
        Literal["exact", "near", "translation"],
        Field(
            description="`exact` where all texts are the same; `translation`: the same in another "
            "language, of which both are to be kept."
        ),
    ]
    size: Annotated[int, Field(description="Documents, the representative with them.")]
    members: Annotated[list[DuplicateAnswer], Field(description="The others, most similar first.")]


class DuplicatesAnswer(ResultAnswer):
    """Groups of documents that say the same, the largest first, translations last."""

    groups: list[DuplicateGroupAnswer]
    count: Annotated[int, Field(description="Groups there are.")]
    translations: Annotated[int, Field(description="Of these groups, translations.")]
    redundant: Annotated[
        int,
        Field(
            description="Documents that could go if each group kept its representative; of "
            "translations none."
        ),
    ]
    threshold: Annotated[
        float | None, Field(description="How alike at least; null: exact ones alone were wanted.")
    ]
    cursor: Annotated[str | None, Field(description="For the next page; null on the last.")]
