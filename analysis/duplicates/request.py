"""What counts as a duplicate."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.errors import InvalidAnalysisError


@dataclass(frozen=True, slots=True)
class DuplicateRequest:
    """How duplicates shall be found.

    Attributes:
        threshold: how alike near-duplicates are at least, above 0 to 1; None: suggested from how
            alike the corpus's nearest documents are.
        wording: letters in common count besides the cosine, see `analysis.duplicates.prints`;
            False: the cosine alone.
        exact_only: texts that are the same but for case, width and spaces, and no others.
        same_numbers: documents that each have a number the other lacks are told apart, however
            alike they are: `Invoice 17` and `Invoice 18` say different things.
        least_overlap: share of letter triples that near-duplicates have in common at least, above
            0 to 1; None: the wording does not matter.
        translations: pairs of documents, one Korean and one in Latin letters, that say the same are
            told, see `analysis.duplicates.translations`; False: they are left out.
        seed: of the approximate search for neighbours.

    Raises:
        InvalidAnalysisError: an impossible value.
    """

    threshold: float | None = None
    wording: bool = True
    exact_only: bool = False
    same_numbers: bool = True
    least_overlap: float | None = None
    translations: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 < self.threshold <= 1:
            message = (
                f"threshold is {self.threshold}; above 0 to 1 is possible, "
                "null to have one suggested"
            )
            raise InvalidAnalysisError(message, "threshold")
        if self.least_overlap is not None and not 0 < self.least_overlap <= 1:
            message = (
                f"least_overlap is {self.least_overlap}; above 0 to 1 is possible, "
                "null for any wording"
            )
            raise InvalidAnalysisError(message, "least_overlap")
        if self.seed < 0:
            message = f"seed is {self.seed}; 0 or more is possible"
            raise InvalidAnalysisError(message, "seed")
        if self.exact_only and (self.threshold is not None or self.least_overlap is not None):
            field = "threshold" if self.threshold is not None else "least_overlap"
            message = (
                f"{field} is for near-duplicates, which exact_only leaves out; give one of them"
            )
            raise InvalidAnalysisError(message, field)
