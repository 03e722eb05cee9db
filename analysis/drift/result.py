"""What changed, and how it was found out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from analysis.drift.shares import ClusterShift
from analysis.results import Result

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A later document that is unlike any earlier one.

    Attributes:
        id: of it.
        score: the metric's, of the nearest earlier document: a cosine, or minus the distance.
        nearest: id of that one.
    """

    id: str
    score: float
    nearest: str


@dataclass(frozen=True, slots=True)
class PoorAnswer:
    """A question whose best answer is poor.

    Attributes:
        question: its text.
        score: the metric's, of the nearest document.
        nearest: id of that one.
    """

    question: str
    score: float
    nearest: str


@dataclass(frozen=True, slots=True)
class Answered:
    """How well documents answer questions.

    Attributes:
        asked: questions.
        least: below which a best answer is poor; None where nothing says so.
        share: of the questions with a poor one, 0 to 1; None without a line.
        poor: the worst first, no more than were asked for; without a line the worst of all.
    """

    asked: int
    least: float | None
    share: float | None
    poor: tuple[PoorAnswer, ...]


@dataclass(frozen=True, slots=True)
class DriftReceipt:
    """What was really done.

    Attributes:
        test: whose p-value decides.
        level: p-values up to it count as change.
        before: earlier documents; `before_compared` of them were looked at.
        after: later documents; `after_compared` of them were looked at.
        before_compared: see `before`.
        after_compared: see `after`.
        shared: documents that are in both.
        permutations: of `mmd`.
        seed: of all that was drawn.
        made_from: the earlier corpus.
        after_made_from: the later one.
        milliseconds: by stage.
        warnings: what a reader of the result should know.
    """

    test: str
    level: float
    before: int
    after: int
    before_compared: int
    after_compared: int
    shared: int
    permutations: int
    seed: int
    made_from: Mapping[str, Any]
    after_made_from: Mapping[str, Any]
    milliseconds: Mapping[str, float]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """How two corpora differ.

    Attributes:
        changed: the p-value of the test asked for is at most the level.
        p_value: of that test.
        statistic: squared maximum mean discrepancy; 0 for the same distribution, up to 2.
        usual: that 95 % of exchanges between the corpora stay below.
        mmd_p_value: of the discrepancy.
        auc: how easily a document's corpus is told from its vector: .5 by chance, 1 always.
        auc_p_value: of the classifier.
        clusters: shares of each cluster before and after, the most significant first.
        new_share: of the later documents, those less similar to any earlier one than 99 % of the
            earlier ones are to each other; about .01 if nothing is new.
        new_line: the score that divides them.
        new: examples of them, the least similar first.
        receipt: what was really done.
        questions: how well the earlier documents answer, where questions were compared.
    """

    changed: bool
    p_value: float
    statistic: float
    usual: float
    mmd_p_value: float
    auc: float
    auc_p_value: float
    clusters: tuple[ClusterShift, ...]
    new_share: float
    new_line: float
    new: tuple[NewDocument, ...]
    receipt: DriftReceipt
    questions: Answered | None = None

    def to_result(self) -> Result:
        """Tables `clusters`, `new` and, of questions, `poor`; the rest is in the header."""
        import pyarrow as pa

        header = asdict(self)
        clusters, new = header.pop("clusters"), header.pop("new")
        shift = pa.schema(
            [
                ("cluster", pa.int32()),
                ("label", pa.string()),
                ("before", pa.int64()),
                ("after", pa.int64()),
                ("share_before", pa.float64()),
                ("share_after", pa.float64()),
                ("p_value", pa.float64()),
                ("change", pa.string()),
            ]
        )
        document = pa.schema(
            [("id", pa.string()), ("score", pa.float64()), ("nearest", pa.string())]
        )
        tables = {
            "clusters": pa.Table.from_pylist(list(clusters), schema=shift),
            "new": pa.Table.from_pylist(list(new), schema=document),
        }
        if self.questions is not None:
            answer = pa.schema(
                [("question", pa.string()), ("score", pa.float64()), ("nearest", pa.string())]
            )
            poor = list(header["questions"].pop("poor"))
            tables["poor"] = pa.Table.from_pylist(poor, schema=answer)
        return Result(header, tables)

    @classmethod
    def from_result(cls, result: Result) -> Drift:
        """What `to_result` wrote."""
        header = dict(result.header)
        receipt = dict(header.pop("receipt"))
        receipt["warnings"] = tuple(receipt["warnings"])
        questions = header.pop("questions", None)
        if questions is not None:
            rows = result.tables["poor"].to_pylist()
            questions = Answered(**questions, poor=tuple(PoorAnswer(**row) for row in rows))
        return cls(
            **header,
            clusters=tuple(ClusterShift(**row) for row in result.tables["clusters"].to_pylist()),
            new=tuple(NewDocument(**row) for row in result.tables["new"].to_pylist()),
            receipt=DriftReceipt(**receipt),
            questions=questions,
        )
