"""The vector between examples: near what is liked, away from what is not.

Rocchio, "Relevance feedback in information retrieval", in Salton (ed.), The SMART Retrieval
System, 1971: q' = a q + b mean(relevant) - c mean(not relevant), here with a = 0, b = 2, c = 1,
which is the "average vector" strategy that other engines recommend by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexing.errors import DocumentNotFoundError, InvalidRequestError
from indexing.types import Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embeddings.types import Vectors
    from indexing.documents import DocumentStore
    from indexing.snapshot import Snapshot

_NOTHING = 1e-6
"""Below this length, beside vectors of length 1, only rounding is left."""
_NAMED = 5


def rows_of_examples(
    documents: DocumentStore, snapshot: Snapshot, ids: Sequence[str], name: str
) -> list[int]:
    """The row of each id, in order.

    Args:
        documents: where ids have rows.
        snapshot: where rows have vectors.
        ids: of documents, each once.
        name: of the collection, for the message.

    Raises:
        DocumentNotFoundError: naming the ids that no document with a vector has.
    """
    found = documents.by_ids(ids)
    rows = [found[id_].row if id_ in found else -1 for id_ in ids]
    unknown = [
        id_ for id_, row in zip(ids, rows, strict=True) if not 0 <= row < len(snapshot.vectors)
    ]
    if unknown:
        shown = ", ".join(repr(id_) for id_ in unknown[:_NAMED])
        more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
        message = f"no document {shown}{more} in collection {name!r}"
        raise DocumentNotFoundError(message)
    return rows


def example_vector(positive: Vectors, negative: Vectors, metric: Metric) -> Vectors:
    """What to look near: the mean of the positives, moved away from the mean of the negatives.

    With negatives it is `2 mean(positive) - mean(negative)`. Under cosine all are of length 1, so
    it is a direction; under dot a document's score becomes twice its product with the positives'
    mean, less that with the negatives'; under euclidean it is the point that lies as far behind
    the positives' mean as the negatives' lies before it.

    Args:
        positive: float32 (n, dim), `comparable` under the metric, n at least 1.
        negative: float32 (m, dim), likewise, m may be 0.
        metric: how vectors are compared.

    Returns:
        float32 (1, dim).

    Raises:
        InvalidRequestError: the examples cancel out, so that there is no direction to look in.
    """
    mean = positive.mean(axis=0, dtype=np.float64)
    if len(negative):
        mean = 2.0 * mean - negative.mean(axis=0, dtype=np.float64)
    largest = max(
        float(np.linalg.norm(part, axis=1).max(initial=0.0)) for part in (positive, negative)
    )
    if metric is not Metric.EUCLIDEAN and np.linalg.norm(mean) <= _NOTHING * max(largest, _NOTHING):
        message = "positive and negative cancel each other out: no direction is left to look in"
        raise InvalidRequestError(message, "positive")
    vector: Vectors = mean.astype(np.float32)[None, :]
    return vector
