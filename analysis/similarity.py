"""How documents are compared with one another, whatever questions are compared by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexing.index.exact import unit
from indexing.types import Metric

if TYPE_CHECKING:
    from analysis.corpus import Corpus
    from embeddings.types import Vectors
    from indexing.types import Ids


def similar(corpus: Corpus, positions: Ids | None = None) -> tuple[Vectors, Metric]:
    """Vectors and the metric under which the nearest are the most alike.

    Inner products grow with length: the best match of a vector need not be itself. Where the
    collection's metric is `dot`, directions are compared instead.

    Args:
        corpus: the documents.
        positions: int64 (n,), of those that are wanted; None: all.

    Returns:
        float32 (n, dim), `comparable` under the metric beside it, COSINE or EUCLIDEAN.
    """
    metric = corpus.card.metric
    vectors = corpus.vectors if positions is None else corpus.vectors_at(positions)
    if metric is Metric.DOT:
        return unit(vectors), Metric.COSINE
    return vectors, metric
