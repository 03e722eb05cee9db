"""From which similarity on documents are said twice, read from how alike the nearest ones are.

Around a document the similarities of its 5th to 20th nearest others show how they thicken towards
it: distances grow like a power, whose exponent is estimated as usual for a local dimension (Hill,
1975; Levina and Bickel, 2005, eq. 8). What the power promises for the nearest four is what a
document would have for neighbours if nobody had said the same again. The threshold is the lowest at
which so many documents really have such a neighbour that the promised ones are 0.7 % of them: a
false discovery rate by an empirical null (Efron, 2004), but a null of each document's own.

With d = 1 - likeness, y = -log d and a document's y_5 and b (the mean of j (y_j - y_(j+1)) over
j = 5..19), one of the nearest four is closer than d by chance with the probability
1 - (1 - exp(-(y - y_5) / b))^4. At a threshold where that is 20 % and more, a document says nothing
and is left out: it is of a family of documents that are all alike, of which chance would promise
so many that no threshold were low enough for the others.
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
FALSE_SHARE = 0.007
UNDECIDED = 0.95
"""Taken where no threshold separates duplicates from what is merely alike."""
_INNER = 5
_LOWEST, _HIGHEST = 0.3, 0.999
_FEWEST = 50
_NO_SURPRISE = 0.2
_ONE = 0.7
_MOST_FALSE = 0.05
"""Of few documents 0.7 may be promised by chance, but no more than this share of them."""
_LEAST_TOLD = 0.5
"""Of the documents found, those that chance says something of; of fewer it would vouch for many."""
_MOST_HINTED = 0.5
_MOST_SHOWN = 0.1
"""By chance where a threshold is taken that does not separate: nine of ten are worth a look."""
_CLOSEST = 1e-7


@dataclass(frozen=True, slots=True)
class Hint:
    """A threshold that finds something, though more of it by chance than may be suggested.

    Attributes:
        threshold: a likeness, see `analysis.duplicates.prints`.
        documents: with a neighbour above it.
        false_share: about so many of them by chance, 0 to 1.
    """

    threshold: float
    documents: int
    false_share: float


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A threshold.

    Attributes:
        threshold: a likeness, see `analysis.duplicates.prints`.
        separates: False: documents thicken towards one another without a gap, or are too few.
            `threshold` is the hint's if it is lower and a tenth of what it finds at most by chance,
            else `UNDECIDED`.
        false_share: of the documents that such a neighbour surprises, how many would have one by
            chance.
        documents: with a neighbour above it.
        hint: where nothing separates, the threshold with the least share by chance, to look at;
            None where there is none, and where `threshold` separates.
    """

    threshold: float
    separates: bool
    false_share: float | None
    documents: int
    hint: Hint | None = None


def suggest(scores: Scores) -> Suggestion:
    """The lowest threshold at which 0.7 % of what it finds would be found by chance.

    Args:
        scores: float32 (n, k), each document's similarities, best first, k of at least 20; -inf
            where it has no further neighbours. Rows of fewer than 20 say nothing of chance.
    """
    scores = scores[:, :WIDTH]
    full = np.isfinite(scores).all(axis=1)
    if scores.shape[1] < WIDTH or full.sum() < _FEWEST:
        return Suggestion(UNDECIDED, False, None, int((scores[:, 0] >= UNDECIDED).sum()))
    grid = np.round(np.arange(_LOWEST, _HIGHEST, 0.001), 3)
    by_chance, surprised = _expected(scores[full], grid)
    share = by_chance / np.maximum(surprised, 1)
    good = (by_chance <= np.maximum(FALSE_SHARE * surprised, _ONE)) & (share <= _MOST_FALSE)
    near = np.sort(scores[full, 0])
    reached = len(near) - np.searchsorted(near, grid.astype(np.float32))
    telling = surprised >= np.maximum(_LEAST_TOLD * reached, 2)
    places = np.flatnonzero(good & telling)
    if not len(places):
        hint = _hint(scores, grid, share, telling)
        if hint is not None and hint.false_share <= _MOST_SHOWN and hint.threshold < UNDECIDED:
            return Suggestion(hint.threshold, False, hint.false_share, hint.documents, hint)
        found = int((scores[:, 0] >= UNDECIDED).sum())
        return Suggestion(UNDECIDED, False, None, found, hint)
    at = int(places[0])
    found = int((scores[:, 0] >= np.float32(grid[at])).sum())
    return Suggestion(float(grid[at]), True, round(float(share[at]), 4), found)


def _hint(
    scores: Scores,
    grid: npt.NDArray[np.float64],
    share: npt.NDArray[np.float64],
    telling: npt.NDArray[np.bool_],
) -> Hint | None:
    """Where the least is by chance, the lowest such; None where half of everything would be."""
    possible = np.flatnonzero(telling & (share <= _MOST_HINTED))
    if not len(possible):
        return None
    at = int(possible[np.argmin(share[possible])])
    found = int((scores[:, 0] >= np.float32(grid[at])).sum())
    return Hint(float(grid[at]), found, round(float(share[at]), 4))


def _expected(
    scores: Scores, grid: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Both float64 (len(grid),), of documents that so near a neighbour would surprise.

    How many of them have one by chance, and how many really have one.
    """
    closeness = -np.log(np.maximum(1 - scores.astype(np.float64), _CLOSEST))
    ranks = np.arange(_INNER, WIDTH)
    spacings = (closeness[:, _INNER - 1 : -1] - closeness[:, _INNER:]) * ranks
    scale = np.maximum(spacings.mean(axis=1), 1e-9)
    start = closeness[:, _INNER - 1]
    expected, really = np.empty(len(grid)), np.empty(len(grid))
    for place, threshold in enumerate(grid):
        beyond = np.maximum(-np.log(1 - threshold) - start, 0) / scale
        chance = 1 - (1 - np.exp(-beyond)) ** (_INNER - 1)
        surprising = chance < _NO_SURPRISE
        expected[place] = chance[surprising].sum()
        really[place] = (scores[surprising, 0] >= np.float32(threshold)).sum()
    return expected, really
