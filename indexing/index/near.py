"""The nearest others of every row: what maps, duplicates and other analyses begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexing.index.faiss_file import faiss_metric
from indexing.types import Metric

if TYPE_CHECKING:
    from collections.abc import Callable

    import faiss

    from embeddings.types import Vectors
    from indexing.types import Ids, Scores

EXACT_ROWS = 30_000
"""Up to so many rows, comparing each with all takes seconds."""
_BLOCK = 8_192
_LISTS = 1.0
_TRAINING_PER_LIST = 40
_REACHES = (8, 16, 32, 64, 128)
_SAMPLE = 500


@dataclass(frozen=True, slots=True, eq=False)
class NeighbourGraph:
    """The nearest others of every row.

    Attributes:
        ids: int64 (n, k), best first, -1 where there are fewer others.
        scores: float32 (n, k), the metric's, higher is better, -inf where padded.
        exact: every row was compared with every other.
        recall: share of the true neighbours that were found, 1 if exact; otherwise measured
            on sampled rows.
    """

    ids: Ids
    scores: Scores
    exact: bool
    recall: float


def neighbour_graph(
    vectors: Vectors,
    k: int,
    metric: Metric,
    *,
    recall: float = 0.95,
    seed: int = 0,
    told: Callable[[int, int], None] | None = None,
) -> NeighbourGraph:
    """The k nearest others of every row, by comparison with all or by inverted lists.

    Above `EXACT_ROWS` rows are put into lists around centres and compared with those of the
    nearest lists, as many as a sample of rows needs to find `recall` of its true neighbours.
    Memory beside the vectors: their copy in the lists, and the answer.

    Args:
        vectors: float32 (n, dim), C-contiguous, `comparable` under the metric.
        k: neighbours of a row, at least 1.
        metric: how vectors are compared; rows of length 1 for cosine.
        recall: share of true neighbours that shall be found, above 0 to 1; 1 compares all.
        seed: of centres and sample.
        told: called with rows done and rows in all after every block; may raise.
    """
    if recall >= 1 or len(vectors) <= EXACT_ROWS:
        ids, scores = _in_blocks(
            lambda rows, wanted: _scan(vectors, rows, wanted, metric), vectors, k, told
        )
        return NeighbourGraph(ids, scores, exact=True, recall=1.0)
    index = _lists(vectors, metric, seed)
    reached = _reach(index, vectors, k, metric, recall, seed)
    ids, scores = _in_blocks(
        lambda rows, wanted: _look(index, rows, wanted, metric), vectors, k, told
    )
    return NeighbourGraph(ids, scores, exact=False, recall=reached)


def _in_blocks(
    search: Callable[[Vectors, int], tuple[Scores, Ids]],
    vectors: Vectors,
    k: int,
    told: Callable[[int, int], None] | None,
) -> tuple[Ids, Scores]:
    ids = np.full((len(vectors), k), -1, dtype=np.int64)
    scores = np.full((len(vectors), k), -np.inf, dtype=np.float32)
    wanted = min(k + 1, len(vectors))
    for first in range(0, len(vectors), _BLOCK):
        block = np.ascontiguousarray(vectors[first : first + _BLOCK])
        found_scores, found = search(block, wanted)
        rows = np.arange(first, first + len(block))
        others, their = _without_self(found, found_scores, rows)
        ids[first : first + len(block), : others.shape[1]] = others
        scores[first : first + len(block), : others.shape[1]] = their
        if told is not None:
            told(first + len(block), len(vectors))
    return ids, scores


def _without_self(found: Ids, scores: Scores, rows: Ids) -> tuple[Ids, Scores]:
    """One column less: the row itself, or where equals crowded it out, the last."""
    own = found == rows[:, None]
    missed = ~own.any(axis=1)
    own[missed, -1] = True
    shape = (len(rows), found.shape[1] - 1)
    return found[~own].reshape(shape), scores[~own].reshape(shape)


def _scan(vectors: Vectors, queries: Vectors, k: int, metric: Metric) -> tuple[Scores, Ids]:
    import faiss

    distances, ids = faiss.knn(queries, vectors, k, metric=faiss_metric(metric))
    return _scores(distances, metric), ids.astype(np.int64, copy=False)


def _look(
    index: faiss.IndexIVFFlat, queries: Vectors, k: int, metric: Metric
) -> tuple[Scores, Ids]:
    distances, ids = index.search(queries, k)
    scores = _scores(distances, metric)
    scores[ids < 0] = -np.inf
    return scores, ids


def _scores(distances: Scores, metric: Metric) -> Scores:
    if metric is Metric.EUCLIDEAN:
        scores: Scores = -np.sqrt(np.maximum(distances, 0))
        return scores
    return distances


def _lists(vectors: Vectors, metric: Metric, seed: int) -> faiss.IndexIVFFlat:
    import faiss

    number, dim = faiss_metric(metric), vectors.shape[1]
    lists = round(_LISTS * len(vectors) ** 0.5)
    quantizer = faiss.IndexFlat(dim, number)
    index = faiss.IndexIVFFlat(quantizer, dim, lists, number)
    index.own_fields = True
    quantizer.this.disown()
    index.cp.seed = seed
    index.cp.min_points_per_centroid = 1
    index.cp.max_points_per_centroid = _TRAINING_PER_LIST
    rng = np.random.default_rng(seed)
    most = min(len(vectors), lists * _TRAINING_PER_LIST)
    index.train(vectors[np.sort(rng.choice(len(vectors), most, replace=False))])
    for first in range(0, len(vectors), 65_536):
        index.add(np.ascontiguousarray(vectors[first : first + 65_536]))
    return index


def _reach(
    index: faiss.IndexIVFFlat, vectors: Vectors, k: int, metric: Metric, recall: float, seed: int
) -> float:
    """Set how many lists are looked through; the recall a sample then has."""
    rng = np.random.default_rng(seed + 1)
    rows = np.sort(rng.choice(len(vectors), min(_SAMPLE, len(vectors)), replace=False))
    queries = vectors[rows]
    true_scores, true = _scan(vectors, queries, k + 1, metric)
    _, truth = _without_self(true, true_scores, rows)
    reached = 0.0
    for reach in (*(r for r in _REACHES if r < index.nlist), index.nlist):
        index.nprobe = reach
        scores, ids = _look(index, queries, k + 1, metric)
        _, found = _without_self(ids, scores, rows)
        reached = float((found >= truth[:, -1:] - 1e-5).mean())
        if reached >= recall:
            break
    return reached
