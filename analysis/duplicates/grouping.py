"""From pairs to groups around a representative, without chains.

Connected components alone would put two documents into one group because there is a path of small
steps between them. Within a component a document belongs to a representative that it is alike
itself: star clustering (Aslam, Pelekhov and Rus, "The Star Clustering Algorithm for Static and
Dynamic Information Organization", 2004), the most central documents first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from indexing.types import Ids, Scores

    Alike = Callable[[int, int], bool]
    """Whether two positions may be in one group, besides being similar."""
    Compare = Callable[[Ids], Scores]
    """float32 (m, m) for int64 (m,) positions: how alike these are."""
    Claim = npt.NDArray[np.integer]

MOST_COMPARED = 4_000
"""Documents of a component that are compared with all others of it; larger ones keep to the pairs
that were found."""


@dataclass(frozen=True, slots=True, eq=False)
class Star:
    """A group.

    Attributes:
        representative: position of the most central document.
        members: int64 (m,), positions of the others, the most similar first.
        scores: float32 (m,), how alike each is to the representative.
    """

    representative: int
    members: Ids
    scores: Scores


def stars(
    pairs: Ids, scores: Scores, compare: Compare, threshold: float, claim: Claim, alike: Alike
) -> list[Star]:
    """Groups of two and more; every member is similar to its representative itself.

    Args:
        pairs: int64 (p, 2), positions of near-duplicates.
        scores: float32 (p,), how alike they are.
        compare: tells how alike documents are, each with each.
        threshold: how alike a representative is at least.
        claim: (n,), decides among equally central documents: the higher one represents.
        alike: asked of a representative and each member.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if not len(pairs):
        return []
    nodes, places = np.unique(pairs, return_inverse=True)
    places = places.reshape(pairs.shape)
    graph = coo_matrix((scores, (places[:, 0], places[:, 1])), (len(nodes), len(nodes))).tocsr()
    graph = graph.maximum(graph.T)
    number, component = connected_components(graph, directed=False)
    order = np.argsort(component, kind="stable")
    bounds = np.searchsorted(component[order], np.arange(number + 1))
    found: list[Star] = []
    for first, last in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        inside = order[first:last]
        positions = nodes[inside]
        near = compare(positions) if len(positions) <= MOST_COMPARED else None
        neighbours = _neighbours(graph, inside, near, threshold)
        found += _around(positions, neighbours, claim[positions], alike)
    return found


def _neighbours(
    graph: object, inside: Ids, near: Scores | None, threshold: float
) -> Callable[[int], tuple[Ids, Scores]]:
    """For a place in a component, places of its near-duplicates and how alike they are."""
    if near is not None:

        def compared(place: int) -> tuple[Ids, Scores]:
            others = np.flatnonzero(near[place] >= threshold)
            others = others[others != place]
            return others, near[place][others]

        return compared
    part = graph[inside][:, inside].tocsr()  # type: ignore[index]

    def listed(place: int) -> tuple[Ids, Scores]:
        first, last = part.indptr[place], part.indptr[place + 1]
        return part.indices[first:last].astype(np.int64), part.data[first:last]

    return listed


def _around(
    positions: Ids, neighbours: Callable[[int], tuple[Ids, Scores]], claim: Claim, alike: Alike
) -> list[Star]:
    central = np.array([neighbours(place)[1].sum() for place in range(len(positions))])
    free = np.ones(len(positions), dtype=bool)
    found = []
    for place in np.lexsort((positions, -claim, -central.round(3))).tolist():
        if not free[place]:
            continue
        others, scores = neighbours(place)
        allowed = np.array(
            [
                bool(free[other]) and alike(int(positions[place]), int(positions[other]))
                for other in others.tolist()
            ],
            dtype=bool,
        )
        if not allowed.any():
            continue
        others, scores = others[allowed], scores[allowed]
        free[place] = False
        free[others] = False
        order = np.lexsort((others, -scores))
        found.append(Star(int(positions[place]), positions[others[order]], scores[order]))
    return found
