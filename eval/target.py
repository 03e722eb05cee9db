"""What is evaluated: the searcher protocol, and the facts a report states about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    from embeddings.types import Counts, EncoderCard, Encoding

    Progress: TypeAlias = Callable[[str, int, int], None]
    """Called with what is being done (`encode`, `search`), how much is done and how much it is."""


@dataclass(frozen=True, slots=True)
class TextCounts:
    """How much of some texts an encoder read; None where nobody can say.

    Attributes:
        texts: how many.
        tokens: tokens of the whole texts.
        tokens_read: tokens that were read, after any cut.
        truncated: texts that were not read to the end.
        unknown: tokens read that the encoder does not know.
    """

    texts: int = 0
    tokens: int | None = 0
    tokens_read: int | None = 0
    truncated: int | None = 0
    unknown: int | None = 0

    @classmethod
    def of(cls, encoding: Encoding, max_tokens: int) -> TextCounts:
        """The counts of texts that were just encoded."""
        return cls(
            texts=len(encoding),
            tokens=int(encoding.tokens.sum(dtype=np.int64)),
            tokens_read=_read(encoding.tokens, max_tokens),
            truncated=int(encoding.truncated.sum()),
            unknown=int(encoding.unknown.sum(dtype=np.int64)),
        )

    def __add__(self, other: TextCounts) -> TextCounts:
        return TextCounts(
            self.texts + other.texts,
            _sum(self.tokens, other.tokens),
            _sum(self.tokens_read, other.tokens_read),
            _sum(self.truncated, other.truncated),
            _sum(self.unknown, other.unknown),
        )

    @property
    def unknown_share(self) -> float | None:
        """Unknown tokens over tokens read, 0 to 1; None where nobody can say."""
        if self.unknown is None or not self.tokens_read:
            return None
        return self.unknown / self.tokens_read

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """What answered, and how.

    Attributes:
        kind: a collection on disk, an encoder with exact search in memory, or a server.
        name: the collection's or encoder's name; for a server its address and collection.
        encoder: the encoder's card; None if the server does not show it.
        metric: how vectors are compared.
        index: which index answered (`flat`, `hnsw`, `hnsw+flat`; several joined by commas).
        exact: True if every answer compared every vector.
        recall_estimate: share of the true nearest neighbours found; the least of all answers.
        grouped: True if chunks were folded into the texts they were cut from.
        documents: what was read of the documents (chunks count as texts).
        queries: what was read of the queries asked so far.
        blank_documents: documents without any text, which cannot be found.
        prepare_seconds: time spent on encoding documents; 0 for what stood ready.
        warnings: what the target said of its own answers.
    """

    kind: Literal["collection", "encoder", "server"]
    name: str
    encoder: EncoderCard | None
    metric: str
    index: str
    exact: bool
    recall_estimate: float | None
    grouped: bool
    documents: TextCounts
    queries: TextCounts
    blank_documents: int = 0
    prepare_seconds: float = 0.0
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "kind": self.kind,
            "name": self.name,
            "encoder": None if self.encoder is None else self.encoder.to_json(),
            "metric": self.metric,
            "index": self.index,
            "exact": self.exact,
            "recall_estimate": self.recall_estimate,
            "grouped": self.grouped,
            "documents": self.documents.to_json(),
            "queries": self.queries.to_json(),
            "blank_documents": self.blank_documents,
            "prepare_seconds": self.prepare_seconds,
            "warnings": list(self.warnings),
        }


class Searcher(Protocol):
    """Answers queries with ranked document ids."""

    def search(self, queries: Sequence[str], k: int) -> list[list[tuple[str, float]]]:
        """Up to k (document id, score) for each query, best first, no id twice in one answer.

        Args:
            queries: texts that are not blank.
            k: 1 or more.
        """

    def describe(self) -> TargetFacts:
        """What answers, with the counts of all queries asked so far."""

    def lacking(self, ids: Sequence[str]) -> tuple[str, ...] | None:
        """Which of these documents it does not hold, in their order; None if it cannot say."""


@dataclass(slots=True)
class Receipts:
    """What was done to answer the queries so far, added up from receipts."""

    queries: TextCounts = field(default_factory=TextCounts)
    exact: bool = True
    recall: float = 1.0
    indexes: set[str] = field(default_factory=set)
    warnings: dict[str, None] = field(default_factory=dict)

    def add(self, receipt: Mapping[str, Any], max_tokens: int | None) -> None:
        """Count one answer's receipt, in the form of the HTTP API.

        Args:
            receipt: `SearchReceipt` as an object.
            max_tokens: of the encoder; None if it is not known.
        """
        tokens = receipt["query_tokens"]
        known = None not in {tokens, max_tokens}
        self.queries += TextCounts(
            texts=1,
            tokens=tokens,
            tokens_read=min(tokens, max_tokens) if known else None,
            truncated=int(receipt["query_truncated"]),
            unknown=receipt["query_unknown"],
        )
        self.exact = self.exact and bool(receipt["exact"])
        self.recall = min(self.recall, float(receipt["recall_estimate"]))
        self.indexes.add(str(receipt["index"]))
        self.warnings |= dict.fromkeys(receipt["warnings"])


def _read(tokens: Counts, max_tokens: int) -> int:
    return int(np.minimum(tokens, max_tokens).sum(dtype=np.int64))


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b
