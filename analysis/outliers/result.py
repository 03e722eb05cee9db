"""What was found: scores with their reasons, most outlying first, and how they came about."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.outliers.calibration import LINE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from analysis.outliers.model import Model
    from analysis.outliers.request import OutlierRequest
    from indexing.types import Ids, Metric, Scores

    Ranks = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A document near another, or near a new vector.

    Attributes:
        id: of the document.
        score: cosine, or minus the Euclidean distance where that is the metric or it is `dot`.
    """

    id: str
    score: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """One document or new vector, and why it scored so.

    Attributes:
        id: of the document; None for a new vector.
        score: 0 to 1.
        is_outlier: the score reaches the threshold.
        neighbours: the nearest documents, nearest first.
        detectors: the score of each detector alone, on the same scale.
    """

    id: str | None
    score: float
    is_outlier: bool
    neighbours: tuple[Neighbour, ...]
    detectors: Mapping[str, float]

    @property
    def spoke(self) -> tuple[str, ...]:
        """Detectors that by themselves find it outside the bulk, the surest first."""
        heard = [name for name, score in self.detectors.items() if score >= LINE]
        return tuple(sorted(heard, key=lambda name: -self.detectors[name]))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        named = {} if self.id is None else {"id": self.id}
        return named | {
            "score": self.score,
            "outlier": self.is_outlier,
            "neighbours": [asdict(neighbour) for neighbour in self.neighbours],
            "detectors": dict(self.detectors),
            "spoke": list(self.spoke),
        }


@dataclass(frozen=True, slots=True)
class OutlierReceipt:
    """What was really done.

    Attributes:
        method: as asked for.
        detectors: whose mean the score is, and how often each counts; or the one.
        k: neighbours each document was compared with.
        documents: how many were scored.
        outliers: how many reach the threshold.
        threshold: 0 to 1, from which score on a document is called an outlier.
        rule: `robust` (the line lies where scores leave the bulk, .5) or `contamination`.
        contamination: the share asked for; None for the robust rule.
        exact: every pair of documents was compared.
        recall: share of the true neighbours that were found, estimated on a sample.
        seed: of what is random.
        milliseconds: by stage.
        warnings: what was done otherwise than one might think.
    """

    method: str
    detectors: Mapping[str, int]
    k: int
    documents: int
    outliers: int
    threshold: float
    rule: str
    contamination: float | None
    exact: bool
    recall: float
    seed: int
    milliseconds: Mapping[str, float]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self) | {
            "detectors": dict(self.detectors),
            "milliseconds": dict(self.milliseconds),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> OutlierReceipt:
        """Read back what `to_json` wrote."""
        return cls(**{**value, "warnings": tuple(value["warnings"])})


@dataclass(frozen=True, slots=True, eq=False)
class Outliers:
    """Every document of a corpus with its score, the most outlying first, ties by id.

    Row r of every array is the document of rank r.

    Attributes:
        request: what was asked for.
        receipt: what was done.
        metric: of the collection.
        version: of the collection's documents when they were read.
        ids: StringDType (n,).
        positions: int64 (n,), where each document stood in the corpus.
        scores: float32 (n,), 0 to 1, falling.
        parts: of each detector alone, float32 (n,), on the same scale.
        neighbours: int32 (n, m), ranks of the nearest documents, nearest first.
        similarities: float32 (n, m), as `Neighbour.score`.
        model: scores new vectors on the same scale.
    """

    request: OutlierRequest
    receipt: OutlierReceipt
    metric: Metric
    version: int
    ids: npt.NDArray[np.str_]
    positions: Ids
    scores: Scores
    parts: Mapping[str, Scores]
    neighbours: Ranks
    similarities: Scores
    model: Model

    def __len__(self) -> int:
        return len(self.ids)

    def verdicts(self, first: int = 0, count: int | None = None) -> list[Verdict]:
        """Documents of the ranks from `first` on; without `count`, the outliers alone.

        Args:
            first: 0 is the most outlying.
            count: how many; None goes on to the last outlier.
        """
        last = self.receipt.outliers if count is None else min(first + count, len(self))
        return [self._verdict(rank) for rank in range(first, last)]

    def _verdict(self, rank: int) -> Verdict:
        near = zip(self.neighbours[rank].tolist(), self.similarities[rank].tolist(), strict=True)
        return Verdict(
            id=str(self.ids[rank]),
            score=float(self.scores[rank]),
            is_outlier=rank < self.receipt.outliers,
            neighbours=tuple(Neighbour(str(self.ids[other]), score) for other, score in near),
            detectors={name: float(scores[rank]) for name, scores in self.parts.items()},
        )


def draw_line(falling: Sequence[float] | Scores, contamination: float | None) -> tuple[int, float]:
    """How many of the scores are outliers, and the threshold that says so.

    Args:
        falling: scores, highest first.
        contamination: their share, rounded to whole documents; None: those of .5 and more.
    """
    scores = np.asarray(falling)
    if contamination is None:
        return int((scores >= LINE).sum()), LINE
    count = int(contamination * len(scores) + 0.5)
    return count, float(scores[count - 1]) if count else 1.0
