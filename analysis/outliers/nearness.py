"""The nearest documents of every document, as distances: what k-NN distance and LOF are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexing.types import Metric

if TYPE_CHECKING:
    import numpy.typing as npt

    from embeddings.types import Vectors
    from indexing.types import Ids, Scores


@dataclass(frozen=True, slots=True, eq=False)
class Nearness:
    """Nearest documents of some vectors, the nearest first.

    Attributes:
        positions: int64 (m, k), of the corpus.
        distances: float32 (m, k), Euclidean; for cosine, between vectors of length 1.
    """

    positions: Ids
    distances: Scores


def searched_by(metric: Metric) -> Metric:
    """The metric neighbours are looked for by: an inner product is no distance."""
    return Metric.COSINE if metric is Metric.COSINE else Metric.EUCLIDEAN


def distances_of(scores: Scores, metric: Metric) -> Scores:
    """Euclidean distances from the scores of a search by `searched_by(metric)`.

    For cosine s, vectors of length 1 are sqrt(2 - 2 s) apart.
    """
    if metric is Metric.COSINE:
        apart: Scores = np.sqrt(np.maximum(0, 2 - 2 * scores))
        return apart
    return -scores


def similarity_of(distances: Scores, metric: Metric) -> Scores:
    """What people are told beside a neighbour, higher is nearer: a cosine, or minus a distance."""
    if metric is Metric.COSINE:
        cosines: Scores = 1 - distances**2 / np.float32(2)
        return cosines
    return -distances


def nearest_documents(
    vectors: Vectors, queries: Vectors, k: int, metric: Metric, among: npt.NDArray[np.bool_] | None
) -> Nearness:
    """The k nearest documents of new vectors, by comparison with every one.

    Args:
        vectors: float32 (n, dim), the corpus, as its metric compares them.
        queries: float32 (m, dim), likewise.
        k: at most as many as there are documents.
        metric: of the corpus.
        among: bool (n,), documents that count; None: all.
    """
    from indexing.index.exact import nearest

    hits = nearest(vectors, queries, k, searched_by(metric), allowed=among)
    return Nearness(hits.ids, distances_of(hits.scores, metric))
