"""What clusters are asked for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from analysis.errors import InvalidAnalysisError

if TYPE_CHECKING:
    from collections.abc import Mapping

Method = Literal["kmeans", "hdbscan", "agglomerative"]

METHODS = ("kmeans", "hdbscan", "agglomerative")
MOST_CLUSTERS = 4_096
MOST_LEVELS = 8
MOST_AGGLOMERATED = 5_000
"""Documents: the tree over them needs their distances to each other, 100 MB for so many."""
_MOST_SEED = (1 << 32) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRequest:
    """How documents are to be grouped.

    Attributes:
        method: `kmeans` puts every document into one of k groups; `hdbscan` finds dense groups and
            leaves the rest out; `agglomerative` joins the most alike again and again, for up to
            5,000 documents.
        k: how many groups, 2 to 4,096; None chooses by measure (`hdbscan` always does).
        min_size: the fewest documents of a group; None: 1, for `hdbscan` by the number of
            documents. Smaller groups are dissolved.
        levels: how many levels to zoom through, 1 (the groups alone) to 8.
        seed: of all that is drawn, 0 to 4,294,967,295.

    Raises:
        InvalidAnalysisError: an impossible value.
    """

    method: Method = "kmeans"
    k: int | None = None
    min_size: int | None = None
    levels: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what no corpus could satisfy."""
        if self.method not in METHODS:
            message = f"method {self.method!r} is unknown; there are {', '.join(METHODS)}"
            raise InvalidAnalysisError(message, "method")
        if self.k is not None and self.method == "hdbscan":
            message = (
                f"k is {self.k}, and hdbscan finds by itself how many clusters there are; leave k "
                "out, or say min_size"
            )
            raise InvalidAnalysisError(message, "k")
        if self.k is not None:
            _check("k", self.k, 2, MOST_CLUSTERS)
        if self.min_size is not None:
            _check("min_size", self.min_size, 2 if self.method == "hdbscan" else 1, None)
        _check("levels", self.levels, 1, MOST_LEVELS)
        _check("seed", self.seed, 0, _MOST_SEED)

    def check_against(self, documents: int) -> None:
        """Refuse what so many documents cannot satisfy.

        Raises:
            InvalidAnalysisError: more clusters than documents, clusters larger than there are
                documents for, or too many documents for the method.
        """
        if self.k is not None and self.k > documents:
            message = (
                f"k is {self.k:,} and there are {documents:,} documents; at most one cluster a "
                "document is possible"
            )
            raise InvalidAnalysisError(message, "k")
        least, groups = self.min_size or 1, self.k or 1
        if least * groups > documents:
            what = f"{groups:,} clusters" if groups > 1 else "a cluster"
            message = (
                f"min_size is {least:,}: {what} of that size cannot be had of {documents:,} "
                f"documents; at most {documents // groups:,} is possible"
            )
            raise InvalidAnalysisError(message, "min_size")
        if self.method == "agglomerative" and documents > MOST_AGGLOMERATED:
            message = (
                f"method agglomerative groups up to {MOST_AGGLOMERATED:,} documents, and there "
                f"are {documents:,}; use kmeans or hdbscan, or a filter"
            )
            raise InvalidAnalysisError(message, "method")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> ClusterRequest:
        """What `to_json` gave."""
        return cls(**fields)


def _check(field: str, value: int, least: int, most: int | None) -> None:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if is_whole and value >= least and (most is None or value <= most):
        return
    limits = f"{least:,} or more" if most is None else f"{least:,} to {most:,}"
    message = f"{field} is {value!r}; a whole number of {limits} is needed"
    raise InvalidAnalysisError(message, field)
