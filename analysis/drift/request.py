"""How two corpora shall be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analysis.errors import InvalidAnalysisError

TESTS = ("mmd", "classifier")
_MOST_SAMPLE = 100_000
_MOST_PERMUTATIONS = 10_000


@dataclass(frozen=True, slots=True)
class DriftRequest:
    """How two corpora shall be compared.

    Attributes:
        test: whose p-value decides: `mmd`, the maximum mean discrepancy, or `classifier`.
        level: p-values up to it count as change, above 0 to below 1: without change, so many of
            the comparisons are false alarms.
        permutations: of documents between the corpora, 99 to 10,000; the least p-value of `mmd` is
            1 / (permutations + 1).
        sample: documents of each corpus that are compared at most, 10 to 100,000; drawn.
        examples: of new documents, 0 to 1,000.
        seed: of samples, halves and permutations.

    Raises:
        InvalidAnalysisError: an impossible value.
    """

    test: Literal["mmd", "classifier"] = "mmd"
    level: float = 0.05
    permutations: int = 999
    sample: int = 10_000
    examples: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        if self.test not in TESTS:
            message = f"test {self.test!r} is unknown; there are {' and '.join(TESTS)}"
            raise InvalidAnalysisError(message, "test")
        if not 0 < self.level < 1:
            message = f"level is {self.level}; above 0 to below 1 is possible"
            raise InvalidAnalysisError(message, "level")
        for field, least, most in (
            ("permutations", 99, _MOST_PERMUTATIONS),
            ("sample", 10, _MOST_SAMPLE),
            ("examples", 0, 1_000),
        ):
            value = getattr(self, field)
            if not least <= value <= most:
                message = f"{field} is {value:,}; {least:,} to {most:,} are possible"
                raise InvalidAnalysisError(message, field)
        if self.seed < 0:
            message = f"seed is {self.seed}; 0 or more is possible"
            raise InvalidAnalysisError(message, "seed")
        if self.test == "mmd" and 1 / (self.permutations + 1) > self.level:
            message = (
                f"permutations is {self.permutations}, so no p-value is below "
                f"{1 / (self.permutations + 1):.4f} and none can reach the level {self.level}"
            )
            raise InvalidAnalysisError(message, "permutations")
