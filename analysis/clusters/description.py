"""What is told of groups: names, representatives, and the levels above them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.clusters.hierarchy import join_clusters, parents
from analysis.clusters.labels import label_of_text, name_groups
from analysis.clusters.representatives import represent
from analysis.clusters.result import Cluster, Group
from analysis.clusters.surface import Surfaces
from analysis.clusters.words import count_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.clusters.labels import Name
    from analysis.clusters.request import ClusterRequest
    from analysis.clusters.result import Labels
    from analysis.corpus import Corpus
    from analysis.progress import Progress
    from embeddings.text.analyzer import Analyzer
    from embeddings.types import Vectors
    from indexing.types import Scores


@dataclass(frozen=True, slots=True, eq=False)
class Description:
    """What is told of groups.

    Attributes:
        clusters: row by row of the centroids.
        levels: groups of clusters, the nearest level first.
        counted: documents whose words were counted.
    """

    clusters: tuple[Cluster, ...]
    levels: tuple[tuple[Group, ...], ...]
    counted: int


def describe(
    corpus: Corpus,
    rows: Labels,
    similarity: Scores,
    centroids: Vectors,
    ids: Sequence[int],
    request: ClusterRequest,
    analyzer: Analyzer,
    *,
    least: Scores | None,
    progress: Progress,
) -> Description:
    """Names, representatives and levels of groups.

    Args:
        corpus: the documents.
        rows: int32 (n,), row of the centroid of each document, -1 for outliers.
        similarity: float32 (n,), to that centroid.
        centroids: float32 (k, dim).
        ids: of the clusters, row by row.
        request: whose `levels` and `seed` count.
        analyzer: finds terms.
        least: float32 (k,), `Cluster.least`; None where every document belongs to a cluster.
        progress: told how far it is.

    Raises:
        AnalyzerError: Kiwi cannot be loaded.
    """
    k, metric = len(centroids), corpus.card.metric
    counted = count_terms(corpus, rows, analyzer, seed=request.seed, progress=progress)
    surfaces = Surfaces(corpus, counted, analyzer)
    joined = join_clusters(centroids, request.levels)
    each: list[list[int]] = [[row] for row in range(k)]
    named = []
    for place, groups in enumerate([each, *joined]):
        progress("labels", place, 1 + len(joined))
        named.append(name_groups(corpus, counted, groups, analyzer, surfaces))
    progress("labels", 1 + len(joined), 1 + len(joined))
    chosen = represent(corpus.vectors, rows, similarity, k, metric)
    inside = rows >= 0
    sizes = np.bincount(rows[inside], minlength=k)
    mean = np.bincount(rows[inside], similarity[inside], minlength=k) / np.maximum(sizes, 1)
    clusters = tuple(
        Cluster(
            id=int(ids[row]),
            label=named[0][row].label or _stand_in(corpus, int(chosen[row][0])),
            terms=named[0][row].terms,
            size=int(sizes[row]),
            representatives=tuple(str(id) for id in corpus.ids[chosen[row]]),
            similarity=round(float(mean[row]), 6),
            least=None if least is None else round(float(least[row]), 6),
        )
        for row in range(k)
    )
    return Description(clusters, _levels(clusters, joined, named[1:]), len(counted.positions))


def _levels(
    clusters: Sequence[Cluster], joined: Sequence[list[list[int]]], named: Sequence[list[Name]]
) -> tuple[tuple[Group, ...], ...]:
    """Groups as they are told, the largest first on each level."""
    by_size = [
        [sorted((clusters[row] for row in group), key=_largest_first) for group in groups]
        for groups in joined
    ]
    levels = []
    for place, groups in enumerate(by_size):
        above: list[int | None] = [None] * len(groups)
        if place + 1 < len(joined):
            up = parents(joined[place], joined[place + 1], len(clusters))
            above = [by_size[place + 1][number][0].id for number in up]
        level = [
            Group(
                id=group[0].id,
                label=name.label or group[0].label,
                terms=name.terms,
                size=sum(cluster.size for cluster in group),
                clusters=tuple(cluster.id for cluster in group),
                parent=parent,
            )
            for group, name, parent in zip(groups, named[place], above, strict=True)
        ]
        levels.append(tuple(sorted(level, key=_largest_first)))
    return tuple(levels)


def _largest_first(one: Cluster | Group) -> tuple[int, int]:
    return -one.size, one.id


def _stand_in(corpus: Corpus, position: int) -> str:
    return label_of_text(corpus.texts([position])[0], str(corpus.ids[position]))
