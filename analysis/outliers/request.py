"""What can be asked of outliers, checked before any work."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from analysis.errors import InvalidAnalysisError

METHODS = ("combined", "knn", "lof", "forest", "clusters", "centroid")
"""The default first; see docs/outliers.md."""
COMBINED = {"knn": 2, "clusters": 1, "forest": 1}
"""Detectors whose mean the combined score is, and how often each counts: docs/decisions/0017."""
LEAST = 3
"""Documents needed: of two, neither is the odd one."""
DEFAULT_K = 20
MOST_EXPLAINED = 50
_MOST_K = 1_000


@dataclass(frozen=True, slots=True)
class OutlierRequest:
    """How outliers are to be found.

    Attributes:
        method: one of `METHODS`.
        contamination: the share of documents to call outliers, above 0 and below 0.5; None draws
            the line where scores leave the bulk of the corpus, which may be nowhere.
        k: neighbours a document is compared with, 1 to 1,000 and fewer than documents; None: 20,
            or all others where there are not so many.
        explained: nearest neighbours kept with each document as its explanation, 1 to 50.
        seed: of the forest, the clusters and the approximation beyond 20,000 documents.

    Raises:
        InvalidAnalysisError: a field outside its range.
    """

    method: str = METHODS[0]
    contamination: float | None = None
    k: int | None = None
    explained: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            message = f"method {self.method!r} is unknown; there are {', '.join(METHODS)}"
            raise InvalidAnalysisError(message, "method")
        share = self.contamination
        if share is not None and not (math.isfinite(share) and 0 < share < 0.5):
            message = (
                f"contamination is {share:g}; above 0 and below 0.5 is possible, or null, which "
                "draws the line by the scores"
            )
            raise InvalidAnalysisError(message, "contamination")
        if self.k is not None:
            _check_range("k", self.k, 1, _MOST_K)
        _check_range("explained", self.explained, 1, MOST_EXPLAINED)
        _check_range("seed", self.seed, 0, 2**32 - 1)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def _check_range(field: str, value: int, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        message = f"{field} is {value!r}; a whole number from {least:,} to {most:,} is possible"
        raise InvalidAnalysisError(message, field)
