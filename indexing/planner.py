"""Choosing an index from size and memory, and what an allowance of memory must suffice for."""

from __future__ import annotations

from dataclasses import dataclass

from indexing.errors import InvalidRequestError
from indexing.index import KINDS, kind_of

TARGET_RECALL = 0.98

_FLAT_NUMBERS = 20_000_000
"""Up to this many numbers (rows * dim), comparing all of them takes a few milliseconds."""
_PREFERRED = ("ivf-pq", "hnsw", "hnsw-sq8")
"""By the time of a query at the same recall; docs/decisions/0010-index-kinds.md has figures."""


@dataclass(frozen=True, slots=True)
class IndexWish:
    """What an index shall be like.

    Attributes:
        recall: recall@10 it shall reach, above 0 to 1; 1 compares every vector.
        memory: bytes it may keep in memory; None: no bound. Vectors that are read from their
            mapped file are not counted: the system keeps or drops them as memory allows.
        kind: of `indexing.index.KINDS`; None leaves the choice to the planner.

    Raises:
        InvalidRequestError: an impossible value.
    """

    recall: float = TARGET_RECALL
    memory: int | None = None
    kind: str | None = None

    def __post_init__(self) -> None:
        if not 0 < self.recall <= 1:
            message = f"recall is {self.recall}; above 0 to 1 is possible"
            raise InvalidRequestError(message, "recall")
        if self.memory is not None and self.memory < 1:
            message = f"memory is {self.memory} bytes; 1 or more are possible, null for no bound"
            raise InvalidRequestError(message, "memory")
        if self.kind is not None and self.kind not in KINDS:
            message = f"index kind {self.kind!r} is unknown; this version has {', '.join(KINDS)}"
            raise InvalidRequestError(message, "kind")


def possible_kinds(rows: int, dim: int, wish: IndexWish) -> tuple[str, ...]:
    """Kinds for so many vectors, the preferred one first; `flat` alone where no index is needed.

    Raises:
        InvalidRequestError: the memory allowed is too little for the kind wished for, or for any;
            the message says how much would do.
    """
    if wish.recall == 1 or (wish.kind is None and rows * dim <= _FLAT_NUMBERS):
        return ("flat",)
    asked = _PREFERRED if wish.kind is None else (wish.kind,)
    if wish.kind == "flat":
        return asked
    fitting = tuple(kind for kind in asked if _fits(kind, rows, dim, wish.memory))
    if not fitting:
        least = min(expected_bytes(kind, rows, dim) for kind in asked)
        message = (
            f"memory is {wish.memory:,} bytes; {least:,} would do for an index "
            f"{'' if wish.kind is None else f'of kind {wish.kind} '}of {rows:,} vectors of {dim} "
            "numbers (or ask for recall 1, which compares every vector and needs none)"
        )
        raise InvalidRequestError(message, "memory")
    return fitting


def expected_bytes(kind: str, rows: int, dim: int) -> int:
    """About how much memory an index of that kind takes."""
    return round(rows * kind_of(kind).bytes_per_vector(dim))


def _fits(kind: str, rows: int, dim: int, memory: int | None) -> bool:
    return memory is None or expected_bytes(kind, rows, dim) <= memory
