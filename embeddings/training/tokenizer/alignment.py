"""Which old pieces a new piece is translated by, learned from parallel texts: IBM model 1.

Brown, Della Pietra, Della Pietra and Mercer, "The Mathematics of Statistical Machine
Translation", 1993, section 4.1: a token e of the one side is drawn from a token k of the other,
or from none, by t(e | k) alone; EM gives

    t(e | k) ~ sum over pairs and tokens e of  t(e | k) / sum over k' in the pair of t(e | k').
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

MOST_CELLS = 40_000_000
"""Token pairs that EM is run over; about 1.5 GB of memory at the most."""
ITERATIONS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Translations of tokens.

    Attributes:
        sources: int64 (n,), a token of the new side, sorted.
        targets: int64 (n,), a token of the old side.
        probabilities: float64 (n,), t(target | source).
        counts: of each source, by its id: how many target tokens it is expected to have made.
        pairs: parallel texts that were used.
    """

    sources: np.ndarray
    targets: np.ndarray
    probabilities: np.ndarray
    counts: dict[int, float]
    pairs: int

    def best(self, source: int, most: int, least: float) -> tuple[np.ndarray, np.ndarray]:
        """Targets of a source and their shares, which sum to 1; empty if none is likely enough.

        Args:
            source: a token of the new side.
            most: targets at most.
            least: the smallest t(target | source) of one.
        """
        start, end = np.searchsorted(self.sources, [source, source + 1])
        likely = np.argsort(-self.probabilities[start:end], kind="stable")[:most] + start
        likely = likely[self.probabilities[likely] >= least]
        weights = self.probabilities[likely]
        return self.targets[likely], weights / weights.sum() if len(likely) else weights


def align(
    pairs: Sequence[tuple[Sequence[int], Sequence[int]]],
    *,
    seed: int,
    most_cells: int = MOST_CELLS,
    iterations: int = ITERATIONS,
) -> Alignment:
    """Translation probabilities t(target | source) of all tokens that stand together.

    Args:
        pairs: tokens of the new side and of the old side of each parallel text.
        seed: of the draw of pairs where all would be too many.
        most_cells: token pairs at most.
        iterations: of EM.
    """
    usable = [pair for pair in pairs if len(pair[0]) and len(pair[1])]
    order = np.random.default_rng(seed).permutation(len(usable))
    sources, targets, occurrences, used = _cells([usable[row] for row in order], most_cells)
    if not used:
        nothing = np.empty(0, dtype=np.int64)
        return Alignment(nothing, nothing, np.empty(0), {}, 0)
    # Row 0 is no source at all: function words without a counterpart are drawn from it.
    width = int(targets.max()) + 1
    keys, cell_of = np.unique(sources * width + targets, return_inverse=True)
    del sources, targets
    row_of = keys // width
    chances = 1.0 / np.bincount(row_of)[row_of]
    totals: npt.NDArray[Any] = np.empty(0)
    for _ in range(iterations):
        weights = chances[cell_of]
        weights /= np.bincount(occurrences, weights)[occurrences]
        counts = np.bincount(cell_of, weights, minlength=len(keys))
        totals = np.bincount(row_of, counts)
        chances = counts / totals[row_of]
    kept = row_of > 0
    rows = np.unique(row_of[kept])
    return Alignment(
        sources=row_of[kept] - 1,
        targets=keys[kept] % width,
        probabilities=chances[kept],
        counts={int(row) - 1: float(totals[row]) for row in rows},
        pairs=used,
    )


def _cells(
    pairs: Sequence[tuple[Sequence[int], Sequence[int]]], most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Every source token beside every target token: sources + 1, targets, number of the target."""
    sources, targets, occurrences = [], [], []
    cells = used = numbered = 0
    for news, olds in pairs:
        distinct = np.unique(np.asarray(news, dtype=np.int64)) + 1
        distinct = np.concatenate([[0], distinct])
        size = len(distinct) * len(olds)
        if cells + size > most:
            break
        sources.append(np.tile(distinct, len(olds)))
        targets.append(np.repeat(np.asarray(olds, dtype=np.int64), len(distinct)))
        numbers = np.arange(numbered, numbered + len(olds), dtype=np.int32)
        occurrences.append(np.repeat(numbers, len(distinct)))
        cells, used, numbered = cells + size, used + 1, numbered + len(olds)
    if not used:
        nothing = np.empty(0, dtype=np.int64)
        return nothing, nothing, nothing, 0
    return np.concatenate(sources), np.concatenate(targets), np.concatenate(occurrences), used
