"""Dense groups of vectors, and those that lie between them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from analysis.clusters.joining import directions
from analysis.clusters.partition import Partition
from analysis.errors import UnsuitableCorpusError
from indexing.index.centroids import assign, means, similarity_to

if TYPE_CHECKING:
    from analysis.clusters.request import ClusterRequest
    from analysis.clusters.result import Labels
    from analysis.progress import Progress
    from embeddings.types import Vectors
    from indexing.types import Metric, Scores

MOST_DOCUMENTS = 20_000
"""Documents that dense groups are looked for among; time grows with the square of the number."""
DIMENSIONS = 30
_LEAST_SIZE = 5
_LEAST_CORE = 2
"""Neighbours that make a place dense: a third of the smallest group, at least so many."""
_SHARE_OF_ROOT = 0.1
_LEAST_SHARE = 0.05


def find_dense(
    vectors: Vectors, metric: Metric, request: ClusterRequest, progress: Progress
) -> Partition:
    """Groups by HDBSCAN over the first principal components; vectors between them are outliers.

    Campello, Moulavi, Sander, "Density-based clustering based on hierarchical density estimates",
    PAKDD 2013, by scikit-learn. In many dimensions all distances are alike and nothing is dense,
    so 30 principal components are looked at. The leaves of the tree are taken: of the most stable
    groups, which are usual, one held most of a corpus. Of more than 20,000 vectors, groups are
    found among a sample; each other vector joins the group of the nearest centroid if it is as
    near to it as 95 % of the group's members.

    Raises:
        UnsuitableCorpusError: nothing is dense enough.
    """
    from sklearn.cluster import HDBSCAN

    count = len(vectors)
    rows = np.arange(count)
    if count > MOST_DOCUMENTS:
        draw = np.random.default_rng(request.seed)
        rows = np.sort(draw.choice(count, MOST_DOCUMENTS, replace=False))
    sample = directions(vectors[rows] if len(rows) < count else vectors, metric)
    size = request.min_size or default_size(len(rows))
    progress("density", 0, 1)
    tree = HDBSCAN(
        min_cluster_size=size,
        min_samples=max(_LEAST_CORE, size // 3),
        cluster_selection_method="leaf",
        copy=False,
    )
    found = tree.fit(principal(sample, DIMENSIONS))
    progress("density", 1, 1)
    within: Labels = found.labels_.astype(np.int32)
    k = int(within.max()) + 1
    if k == 0:
        message = (
            f"{len(rows):,} documents hold no dense group of {size:,} or more; lower min_size, or "
            "use kmeans"
        )
        raise UnsuitableCorpusError(message)
    centroids = means(sample, within, k, metric)
    nearest, similarity = assign(vectors, centroids, metric)
    inside = within >= 0
    own = similarity_to(sample[inside], centroids, within[inside], metric)
    least = reached(own, within[inside], k)
    labels = np.where(similarity >= least[nearest], nearest, -1).astype(np.int32)
    labels[rows] = within
    similarity[rows[inside]] = own
    warnings: tuple[str, ...] = ()
    if len(rows) < count:
        warnings = (
            f"dense groups were found among {len(rows):,} of {count:,} documents; the others were "
            "assigned by their distance to the centroids",
        )
    return Partition(labels, similarity, centroids, len(rows), size, warnings=warnings)


def default_size(documents: int) -> int:
    """The fewest documents of a dense group where nobody says: 5, more of many documents."""
    return max(_LEAST_SIZE, round(_SHARE_OF_ROOT * math.sqrt(documents)))


def reached(similarity: Scores, labels: Labels, k: int) -> Scores:
    """float32 (k,): what 95 % of each group's members reach.

    Args:
        similarity: float32 (n,), of members to their centroid.
        labels: int32 (n,), 0 to k-1.
        k: groups, none of them empty.
    """
    order = np.lexsort((similarity, labels))
    sizes = np.bincount(labels, minlength=k)
    firsts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    places = firsts + (_LEAST_SHARE * sizes).astype(np.int64)
    least: Scores = similarity[order][places]
    return least


def principal(vectors: Vectors, count: int) -> Vectors:
    """float32 (n, count): the first principal components, those there are."""
    middle = vectors.mean(axis=0, dtype=np.float64)
    covariance = np.asarray(vectors.T @ vectors, dtype=np.float64) / len(vectors)
    covariance -= np.outer(middle, middle)
    _, axes = np.linalg.eigh(covariance)
    chosen = axes[:, ::-1][:, :count]
    chosen = chosen * np.where(
        chosen[np.abs(chosen).argmax(axis=0), range(chosen.shape[1])] < 0, -1, 1
    )
    components: Vectors = (vectors @ chosen.astype(np.float32)) - (middle @ chosen)
    return components.astype(np.float32)
