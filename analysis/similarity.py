"""How documents are compared with one another, whatever questions are compared by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexing.index.exact import unit
from indexing.types import Metric

if TYPE_CHECKING:
    from analysis.corpus import Corpus
    from embeddings.types import Vectors


def similar(corpus: Corpus) -> tuple[Vectors, Metric]:
    """Vectors and the metric under which the nearest are the most alike.

    Inner products grow with length: the best match of a vector need not be itself. Where the
    collection's metric is `dot`, directions are compared instead.

    Returns:
        float32 (n, dim), `comparable` under the metric beside it, COSINE or EUCLIDEAN.
    """
    metric = corpus.card.metric
    if metric is Metric.DOT:
        return unit(corpus.vectors), Metric.COSINE
    return corpus.vectors, metric
