"""What duplicates were found, and how."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from analysis.results import Result

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class DuplicateMember:
    """A document that repeats the representative of its group.

    Attributes:
        id: of the document.
        score: how alike it and the representative are; 1 where the text is the same.
        exact: the text is the same but for case, width and spaces.
    """

    id: str
    score: float
    exact: bool


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Documents that say the same.

    Attributes:
        representative: id of the most central of them, of equals the longest: the one to keep.
            Of a translation the one written first; both are to be kept.
        members: the others, the most similar first.
        translation: two documents that say the same in different languages.
    """

    representative: str
    members: tuple[DuplicateMember, ...]
    translation: bool = False

    @property
    def size(self) -> int:
        """Documents, the representative with them."""
        return 1 + len(self.members)

    @property
    def kind(self) -> Literal["exact", "near", "translation"]:
        """`translation`, `exact` where all texts are the same, else `near`."""
        if self.translation:
            return "translation"
        return "exact" if all(member.exact for member in self.members) else "near"


@dataclass(frozen=True, slots=True)
class DuplicateReceipt:
    """What was really done.

    Attributes:
        documents: looked through.
        threshold: how alike near-duplicates are at least; None: exact ones alone were wanted.
        suggested: the threshold was not given.
        false_share: of a suggested threshold: the share of documents found that would have so
            similar a neighbour by chance; None where nothing is known of it.
        exact_documents: copies of a text that is kept once.
        near_documents: other members of groups, translations apart.
        told_apart: pairs above the threshold that numbers or wording told apart.
        exact_search: every document was compared with every other.
        neighbour_recall: share of the true neighbours found; below 1 measured on a sample.
        made_from: collection, version of its documents, fingerprint of the encoder, filter.
        milliseconds: by stage.
        warnings: what a reader of the result should know.
        translations: pairs across languages; None where they were not looked for: not wanted, or
            fewer than 30 documents of one of the languages.
    """

    documents: int
    threshold: float | None
    suggested: bool
    false_share: float | None
    exact_documents: int
    near_documents: int
    told_apart: int
    exact_search: bool
    neighbour_recall: float
    made_from: Mapping[str, Any]
    milliseconds: Mapping[str, float]
    warnings: tuple[str, ...] = ()
    translations: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Duplicates:
    """Groups of documents that say the same, the largest first, translations last.

    Attributes:
        groups: of two documents and more, equal sizes by the id of the representative; then
            translations, the most similar first.
        receipt: what was really done.
    """

    groups: tuple[DuplicateGroup, ...]
    receipt: DuplicateReceipt

    @property
    def threshold(self) -> float | None:
        """How alike near-duplicates are at least."""
        return self.receipt.threshold

    @property
    def redundant(self) -> int:
        """Documents that could go if each group kept its representative."""
        return sum(len(group.members) for group in self.groups if not group.translation)

    @property
    def translations(self) -> int:
        """Groups that are translations."""
        return sum(group.translation for group in self.groups)

    def to_result(self) -> Result:
        """A table `members`: group, id, representative, score, exact, translation."""
        import pyarrow as pa

        rows = [
            (
                number,
                member.id,
                group.representative,
                member.score,
                member.exact,
                group.translation,
            )
            for number, group in enumerate(self.groups)
            for member in group.members
        ]
        columns = list(zip(*rows, strict=True)) or [()] * 6
        table = pa.table(
            {
                "group": pa.array(columns[0], pa.int32()),
                "id": pa.array(columns[1], pa.string()),
                "representative": pa.array(columns[2], pa.string()),
                "score": pa.array(columns[3], pa.float32()),
                "exact": pa.array(columns[4], pa.bool_()),
                "translation": pa.array(columns[5], pa.bool_()),
            }
        )
        return Result({"receipt": asdict(self.receipt)}, {"members": table})

    @classmethod
    def from_result(cls, result: Result) -> Duplicates:
        """What `to_result` wrote; what was kept before translations were looked for has none."""
        rows = result.tables["members"].to_pylist()
        groups = tuple(
            DuplicateGroup(
                representative,
                tuple(DuplicateMember(row["id"], row["score"], row["exact"]) for row in members),
                translation,
            )
            for (_, representative, translation), members in groupby(
                rows,
                key=lambda row: (
                    row["group"],
                    row["representative"],
                    row.get("translation", False),
                ),
            )
        )
        receipt = dict(result.header["receipt"])
        receipt["warnings"] = tuple(receipt["warnings"])
        return cls(groups, DuplicateReceipt(**receipt))
