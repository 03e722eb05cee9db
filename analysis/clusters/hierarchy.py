"""Clusters joined into groups, level above level, to look at them from further off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from embeddings.types import Vectors

_FURTHEST = 2
"""Fewest groups of a level."""


def level_sizes(k: int, levels: int) -> list[int]:
    """How many groups each level above the clusters has, the nearest level first.

    They get fewer by the same factor from level to level, down to about the levels-th root of k:
    100 clusters in 3 levels are seen as 22 groups and as 5. Levels that would equal another are
    left out.
    """
    sizes: list[int] = []
    for level in range(1, levels):
        size = max(_FURTHEST, round(k ** ((levels - level) / levels)))
        if size < (sizes[-1] if sizes else k):
            sizes.append(size)
    return sizes


def join_clusters(centroids: Vectors, levels: int) -> list[list[list[int]]]:
    """Groups of clusters by level, the nearest first, each level's groups within the next one's.

    One tree over the centroids by Ward's criterion, cut once for each level.

    Args:
        centroids: float32 (k, dim).
        levels: 1 or more, the clusters themselves counted.

    Returns:
        For each level of `level_sizes` its groups, each the ascending rows of its clusters; groups
        by their first cluster.
    """
    sizes = level_sizes(len(centroids), levels)
    if not sizes:
        return []
    from scipy.cluster.hierarchy import cut_tree, linkage

    cuts = cut_tree(linkage(centroids, "ward"), n_clusters=sizes)
    found = []
    for column in range(len(sizes)):
        groups: dict[int, list[int]] = {}
        for row, number in enumerate(cuts[:, column].tolist()):
            groups.setdefault(number, []).append(row)
        found.append(list(groups.values()))
    return found


def parents(finer: list[list[int]], coarser: list[list[int]], k: int) -> list[int]:
    """For each group of a level, the place of the group of the next one that it is in."""
    of = np.empty(k, dtype=np.int64)
    for place, group in enumerate(coarser):
        of[group] = place
    return [int(of[group[0]]) for group in finer]
