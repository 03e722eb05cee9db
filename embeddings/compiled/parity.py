"""How near a compiled encoder's vectors are to the library's."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from embeddings.types import Vectors

Precision = Literal["int8", "bfloat16", "float32"]
"""What products are computed in."""

NEIGHBOURS = 5
"""Nearest probes of a probe that are compared."""
_TIE = 1e-4
"""Cosines that differ by less are equal: between such neighbours rounding decides."""


@dataclass(frozen=True, slots=True)
class Parity:
    """Agreement of two encoders' vectors of the same probes.

    Attributes:
        probes: how many.
        mean_cosine: of the two vectors of a probe.
        least_cosine: the same, of the probe that agrees least.
        neighbours: share of a probe's `NEIGHBOURS` nearest probes that are among the library's,
            or as near as those; the mean.
    """

    probes: int
    mean_cosine: float
    least_cosine: float
    neighbours: float

    def reaches(self, bound: Parity) -> bool:
        """True if no figure is below the bound's."""
        return (
            self.mean_cosine >= bound.mean_cosine
            and self.least_cosine >= bound.least_cosine
            and self.neighbours >= bound.neighbours
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, `from_json`'s inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Parity:
        """What `to_json` wrote.

        Raises:
            TypeError: a key is missing or unknown.
        """
        return cls(**data)

    def __str__(self) -> str:
        return (
            f"mean cosine {self.mean_cosine:.4f}, least {self.least_cosine:.4f}, "
            f"{self.neighbours:.0%} of nearest neighbours the same on {self.probes} probes"
        )


BOUNDS: dict[Precision, Parity] = {
    "int8": Parity(0, 0.99, 0.96, 0.9),
    "bfloat16": Parity(0, 0.999, 0.995, 0.95),
    "float32": Parity(0, 0.99999, 0.9999, 0.99),
}
"""The least agreement with which a precision is used."""


def compare(vectors: Vectors, reference: Vectors) -> Parity:
    """The parity of `vectors` with `reference`, both (n, dim), row by row of the same text."""
    ours, theirs = _unit(vectors), _unit(reference)
    cosines = np.einsum("ij,ij->i", ours, theirs)
    return Parity(
        probes=len(ours),
        mean_cosine=float(cosines.mean()),
        least_cosine=float(cosines.min()),
        neighbours=_shared(ours, theirs),
    )


def _shared(ours: Vectors, theirs: Vectors) -> float:
    """Share of our nearest rows that are the reference's too, or as near as those; the mean."""
    count = min(NEIGHBOURS, len(ours) - 1)
    nearest = np.argsort(-_scores(ours), axis=1, kind="stable")[:, :count]
    scores = _scores(theirs)
    farthest = -np.sort(-scores, axis=1)[:, count - 1 : count]
    return float((np.take_along_axis(scores, nearest, axis=1) >= farthest - _TIE).mean())


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Vectors = vectors / np.maximum(lengths, np.float32(1e-12))
    return scaled


def _scores(vectors: Vectors) -> Vectors:
    scores: Vectors = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    return scores
