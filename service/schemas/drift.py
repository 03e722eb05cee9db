"""Drift: which documents shall be compared, and what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from indexing.filters import Filter
from service.schemas.analysis import AnalysisBody, ResultAnswer
from service.schemas.fields import Answer, Body, FilterJson, broken_rule

if TYPE_CHECKING:
    from analysis.drift.request import DriftRequest


class SideBody(Body):
    """Documents of one side of the comparison."""

    collection: Annotated[
        str | None, Field(description="Another collection; null: the one that is asked.")
    ] = None
    filter: FilterJson | None = None


def _check_text(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("impossible_text", "it is empty; a question has words")
    return value


QuestionText = Annotated[str, AfterValidator(_check_text)]
LEAST_QUESTIONS, MOST_QUESTIONS = 10, 10_000
_Questions = Annotated[
    list[QuestionText], Field(min_length=LEAST_QUESTIONS, max_length=MOST_QUESTIONS)
]


class QuestionsBody(Body):
    """Questions in the place of later documents."""

    texts: Annotated[_Questions, Field(description="Questions, 10 to 10,000.")]
    usual: Annotated[
        _Questions | None,
        Field(
            description="Questions of an earlier time, to see what changed; null: the documents "
            "before are compared with."
        ),
    ] = None
    least: Annotated[
        float | None,
        Field(
            description="Score of the nearest document below which an answer is poor; null: what "
            "95 % of the usual questions reach."
        ),
    ] = None


class DriftBody(AnalysisBody):
    """What shall be compared with what; `filter` holds for both sides."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "before": {"filter": {"must": [{"key": "year", "range": {"lt": 2026}}]}},
                    "after": {"filter": {"must": [{"key": "year", "range": {"gte": 2026}}]}},
                }
            ]
        }
    )

    before: Annotated[SideBody, Field(description="The earlier documents.")] = SideBody()
    after: Annotated[SideBody, Field(description="The later documents.")] = SideBody()
    questions: Annotated[
        QuestionsBody | None,
        Field(
            description="Compared in the place of `after`; which of them the documents `before` "
            "answer poorly is told."
        ),
    ] = None
    test: Annotated[
        Literal["mmd", "classifier"],
        Field(
            description="Whose p-value decides: maximum mean discrepancy, or two samples told "
            "apart by a classifier."
        ),
    ] = "mmd"
    level: Annotated[
        float, Field(description="P-values up to it count as change, above 0 to below 1.")
    ] = 0.05
    permutations: Annotated[
        int, Field(description="Of documents between the sides, 99 to 10,000.")
    ] = 999
    sample: Annotated[
        int, Field(description="Documents of each side compared at most, 10 to 100,000.")
    ] = 10_000
    examples: Annotated[int, Field(description="Of new documents, 0 to 1,000.")] = 20
    seed: Annotated[int, Field(description="Of everything that is drawn by lot.")] = 0

    @model_validator(mode="after")
    def _two_sides(self) -> Self:
        if self.questions is not None:
            if self.after != SideBody():
                message = "questions stand in the place of after; leave one of them out"
                raise broken_rule(message, "after")
            if self.before.collection is not None:
                message = (
                    "questions are held against documents of this collection; ask the other one "
                    "itself, or leave before.collection out"
                )
                raise broken_rule(message, "before.collection")
            return self
        if self.before == self.after:
            message = (
                "before and after are the same documents; give one of them a filter, or another "
                "collection"
            )
            raise broken_rule(message, "before")
        return self

    def filter_of(self, side: SideBody) -> Filter | None:
        """The filter of one side.

        Raises:
            InvalidFilterError: an impossible one.
        """
        filters = [each for each in (self.filter, side.filter) if each is not None]
        if not filters:
            return None
        return Filter.parse(filters[0] if len(filters) == 1 else {"must": filters})

    @property
    def parsed_filter(self) -> Filter | None:
        """The filter of both sides; those of each are judged with it.

        Raises:
            InvalidFilterError: an impossible one.
        """
        for side in (self.before, self.after):
            self.filter_of(side)
        return super().parsed_filter

    def to_request(self) -> DriftRequest:
        """The request.

        Raises:
            InvalidAnalysisError: an impossible value.
        """
        from analysis.drift.request import DriftRequest

        return self.request_of(DriftRequest)


class ShiftAnswer(Answer):
    """How the share of a cluster changed."""

    cluster: int
    label: str
    before: Annotated[int, Field(description="Its documents among the earlier ones compared.")]
    after: int
    share_before: float
    share_after: float
    p_value: float
    change: Annotated[str, Field(description="What became of it.", examples=["grew"])]


class NewAnswer(Answer):
    """A later document that is unlike any earlier one."""

    id: str
    title: str
    text: str
    score: Annotated[float, Field(description="Of the nearest earlier document.")]
    nearest: Annotated[str, Field(description="Id of that one.")]


class PoorAnswerBody(Answer):
    """A question whose best answer is poor."""

    question: str
    score: Annotated[float, Field(description="Of the nearest document.")]
    nearest: Annotated[str, Field(description="Id of that one.")]
    title: str
    text: str


class QuestionsAnswer(Answer):
    """How well the documents answer the questions."""

    asked: int
    least: Annotated[
        float | None, Field(description="Below it an answer is poor; null: nothing says so.")
    ]
    share: Annotated[
        float | None, Field(description="Of the questions answered poorly; .05 is usual.")
    ]
    poor: Annotated[
        list[PoorAnswerBody],
        Field(description="The worst first; without `least` the worst of all questions."),
    ]


class DriftAnswer(ResultAnswer):
    """Whether and how the later documents differ."""

    changed: Annotated[bool, Field(description="The p-value is at most the level.")]
    p_value: float
    statistic: Annotated[float, Field(description="Squared maximum mean discrepancy.")]
    usual: Annotated[float, Field(description="That 95 % of exchanges stay below.")]
    mmd_p_value: float
    auc: Annotated[float, Field(description="How easily the sides are told apart; .5 by chance.")]
    auc_p_value: float
    clusters: Annotated[list[ShiftAnswer], Field(description="The most significant first.")]
    new_share: Annotated[
        float,
        Field(description="Of the later documents, those unlike any earlier; about .01 usual."),
    ]
    new_line: Annotated[float, Field(description="The score that divides them.")]
    new: Annotated[list[NewAnswer], Field(description="Examples, the least similar first.")]
    questions: Annotated[
        QuestionsAnswer | None, Field(description="Only where questions were compared.")
    ] = None
