"""From which similarity on documents are said twice, read from how alike the nearest ones are.

Around a document the similarities of its 5th to 20th nearest others show how they thicken towards
it: distances grow like a power, whose exponent is estimated as usual for a local dimension (Hill,
1975; Levina and Bickel, 2005, eq. 8). What the power promises for the nearest four is what a
document would have for neighbours if nobody had said the same again. A threshold is taken where
so many more documents really have such a neighbour that the promised ones are 2 % of them: a false
discovery rate by an empirical null (Efron, 2004), but a null of each document's own.

With d = 1 - cosine, y = -log d and a document's y_5 and b (the mean of j (y_j - y_(j+1)) over
j = 5..19), one of the nearest four is closer than d by chance with the probability
1 - (1 - exp(-(y - y_5) / b))^4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from indexing.types import Scores

WIDTH = 20
"""Neighbours of a document that are looked at."""
FALSE_SHARE = 0.02
UNDECIDED = 0.95
"""Taken where no threshold separates duplicates from what is merely alike."""
_INNER = 5
_LOWEST, _HIGHEST = 0.3, 0.999
_FEWEST = 50
_CLOSEST = 1e-7


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A threshold.

    Attributes:
        threshold: a cosine.
        separates: False: `threshold` is `UNDECIDED` because documents thicken towards one another
            without a gap, or are too few.
        false_share: of the documents with a neighbour above it, how many would have one by chance.
        documents: with a neighbour above it.
    """

    threshold: float
    separates: bool
    false_share: float | None
    documents: int


def suggest(scores: Scores) -> Suggestion:
    """The lowest threshold at which 2 % of what it finds would be found by chance.

    Args:
        scores: float32 (n, k), each document's similarities, best first, k of at least 20; -inf
            where it has no further neighbours. Rows of fewer than 20 say nothing of chance.
    """
    scores = scores[:, :WIDTH]
    full = np.isfinite(scores).all(axis=1)
    if scores.shape[1] < WIDTH or full.sum() < _FEWEST:
        return Suggestion(UNDECIDED, False, None, int((scores[:, 0] >= UNDECIDED).sum()))
    grid = np.round(np.arange(_LOWEST, _HIGHEST, 0.001), 3)
    by_chance = _expected(scores[full], grid)
    best = np.sort(scores[:, 0])
    really = len(best) - np.searchsorted(best, grid.astype(np.float32))
    share = by_chance / np.maximum(really, 1)
    good = np.flatnonzero((share <= FALSE_SHARE) & (really >= 2))
    if not len(good):
        return Suggestion(UNDECIDED, False, None, int((best >= UNDECIDED).sum()))
    at = int(good[0])
    return Suggestion(float(grid[at]), True, round(float(share[at]), 4), int(really[at]))


def _expected(scores: Scores, grid: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """float64 (len(grid),): how many documents have a neighbour above each threshold by chance."""
    closeness = -np.log(np.maximum(1 - scores.astype(np.float64), _CLOSEST))
    ranks = np.arange(_INNER, WIDTH)
    spacings = (closeness[:, _INNER - 1 : -1] - closeness[:, _INNER:]) * ranks
    scale = np.maximum(spacings.mean(axis=1), 1e-9)
    start = closeness[:, _INNER - 1]
    expected = np.empty(len(grid))
    for place, threshold in enumerate(grid):
        beyond = np.maximum(-np.log(1 - threshold) - start, 0) / scale
        expected[place] = (1 - (1 - np.exp(-beyond)) ** (_INNER - 1)).sum()
    return expected
