"""Documents that say in another language what one says: each the other's nearest across languages.

The field mines translations by a margin, the cosine of a pair against those of either text's
nearest few in the other language (Artetxe and Schwenk, "Margin-based Parallel Corpus Mining with
Multilingual Sentence Embeddings", 2019), above a threshold that somebody tunes: of texts of which
none is a translation some lie above it too. Here a pair's margin is told as a chance. With
y = -log(1 - cosine), best first, neighbours thicken towards a text like a power (see
`analysis.duplicates.threshold`), so that y_1 - y_2 of a text without a translation is exponential,
with the mean of j (y_j - y_(j+1)) for its scale. That is averaged over j = 2..19, and the median of
all texts of a language is taken: a pair needs no scale of its own to be unusual. A pair's chance is
the geometric mean of both texts', and as many pairs are kept as leave a tenth of them to chance
(Benjamini and Hochberg, 1995), counted over the texts of the smaller language. Where there are no
translations there are next to no pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexing.index.graph import nearest_among
from indexing.types import Metric

if TYPE_CHECKING:
    import numpy.typing as npt

    from embeddings.types import Vectors
    from indexing.index.cells import Told
    from indexing.types import Ids, Scores

FALSE_SHARE = 0.1
FEWEST = 30
"""Texts of either language: of fewer, what is usual cannot be told."""
_WIDTH = 20
_LEAST = 0.4
"""A cosine below is no translation, however alone a text stands."""
_CLOSEST = 1e-7
_NO_SCALE = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Translations:
    """Pairs across two languages; a document is in one pair at most.

    Attributes:
        pairs: int64 (p, 2), positions, the lower first; the most similar pair first.
        scores: float32 (p,), cosines.
        looked: False where a language had fewer than 30 texts to compare, so that only pairs that
            were known to be alike are told.
    """

    pairs: Ids
    scores: Scores
    looked: bool


def find_translations(
    vectors: Vectors,
    languages: tuple[Ids, Ids],
    alike: tuple[Ids, Scores],
    *,
    seed: int = 0,
    told: Told | None = None,
) -> Translations:
    """Pairs that are nearest across languages by more than chance, with those known to be alike.

    Args:
        vectors: float32 (n, dim), of length 1.
        languages: int64, positions of the texts of either language, ascending; no repetitions
            among them, for a text said twice in one language leaves its translation no margin.
        alike: int64 (p, 2), pairs across languages that are near-duplicates anyway, and float32
            (p,), how alike.
        seed: of the approximate search, for more than 20,000 x 20,000 comparisons.
        told: hears how many texts are done; what it raises stops the work.
    """
    looked = min(map(len, languages)) >= FEWEST
    pairs, scores = alike
    if looked:
        mined, cosines = _mined(vectors, *languages, seed, told)
        pairs, scores = np.concatenate([pairs, mined]), np.concatenate([scores, cosines])
    free = np.ones(len(vectors), dtype=bool)
    kept = []
    for place in np.lexsort((pairs[:, 1], pairs[:, 0], -scores)).tolist():
        if free[pairs[place]].all():
            free[pairs[place]] = False
            kept.append(place)
    return Translations(np.sort(pairs[kept], axis=1), scores[kept], looked)


def _mined(
    vectors: Vectors, ones: Ids, others: Ids, seed: int, told: Told | None
) -> tuple[Ids, Scores]:
    near, scores = nearest_among(vectors, ones, others, _WIDTH, Metric.COSINE, seed=seed, told=told)
    back, backs = nearest_among(vectors, others, ones, _WIDTH, Metric.COSINE, seed=seed, told=told)
    there = np.searchsorted(others, near[:, 0])
    mutual = np.flatnonzero(back[there, 0] == ones)
    there = there[mutual]
    chances = np.sqrt(_chances(scores)[mutual] * _chances(backs)[there])
    chances[scores[mutual, 0] < _LEAST] = 1
    chosen = unusual(chances, min(len(ones), len(others)))
    pairs = np.column_stack([ones[mutual], others[there]])[chosen]
    return pairs, scores[mutual, 0][chosen]


def _chances(scores: Scores) -> npt.NDArray[np.float64]:
    """float64 (n,): how probable so great a lead of the nearest over the second is by chance."""
    closeness = -np.log(np.maximum(1 - scores.astype(np.float64), _CLOSEST))
    ranks = np.arange(2, scores.shape[1])
    scale = np.median(((closeness[:, 1:-1] - closeness[:, 2:]) * ranks).mean(axis=1))
    if scale < _NO_SCALE:  # most texts have nothing in common with the other language
        return np.ones(len(scores))
    found: npt.NDArray[np.float64] = np.exp(-(closeness[:, 0] - closeness[:, 1]) / scale)
    return found


def unusual(chances: npt.NDArray[np.float64], tests: int) -> npt.NDArray[np.bool_]:
    """Bool (n,): the least chances, as many as leave a tenth of them to chance among `tests`."""
    order = np.sort(chances)
    good = np.flatnonzero(order * tests <= FALSE_SHARE * np.arange(1, len(order) + 1))
    if not len(good):
        return np.zeros(len(chances), dtype=bool)
    found: npt.NDArray[np.bool_] = chances <= order[good[-1]]
    return found
