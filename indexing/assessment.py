"""Candidates of one query with their score in every channel, and how surely each answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexing.confidence import (
    BOTH,
    MEANING,
    NO_ANSWER,
    WORDS,
    judge,
    reach,
    weigh_meaning,
    weigh_words,
)
from indexing.index.exact import comparable, score_ids

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from embeddings.types import Vectors
    from indexing.calibration import Calibration
    from indexing.confidence import Chance, Values
    from indexing.lexicon import Lexicon
    from indexing.snapshot import Snapshot
    from indexing.types import Hits, Ids, Scores


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """Rows that any channel found.

    Attributes:
        rows: int64 (n,), ascending.
        dense: float32 (n,), the metric's scores; None where meaning was left out.
        lexical: float32 (n,), BM25, 0 without any of the words; None where words were left out.
        evidence: float64 (n,), 0 or more.
        confidence: float64 (n,), between 0 and 1.
    """

    rows: Ids
    dense: Scores | None
    lexical: Scores | None
    evidence: Values
    confidence: Values

    @property
    def is_poor(self) -> bool:
        """True if not even the best is likely to answer."""
        return not len(self.confidence) or float(self.confidence.max()) < NO_ANSWER

    def by_row(self) -> dict[int, float]:
        """Confidence by row."""
        rounded = self.confidence.astype(np.float32).tolist()
        return dict(zip(self.rows.tolist(), rounded, strict=True))

    def channels(self) -> dict[int, dict[str, float]]:
        """Scores by channel, by row; `lexical` only where a word was found."""
        channels: dict[int, dict[str, float]] = {row: {} for row in self.rows.tolist()}
        if self.dense is not None:
            for its, score in zip(channels.values(), self.dense.tolist(), strict=True):
                its["dense"] = score
        if self.lexical is not None:
            for its, score in zip(channels.values(), self.lexical.tolist(), strict=True):
                if score > 0:
                    its["lexical"] = score
        return channels


def assess(
    snapshot: Snapshot,
    lexicon: Lexicon,
    calibration: Calibration,
    query: tuple[Vectors | None, tuple[str, ...] | None],
    legs: Mapping[str, Hits],
) -> Assessment:
    """Complete the scores of all rows that a leg found, and judge them.

    Args:
        snapshot: the moment searched.
        lexicon: the words of that moment.
        calibration: the collection's.
        query: vector float32 (1, dim) and terms; None for what is left out.
        legs: (1, k) hits of `dense`, `lexical`, or both.
    """
    vector, terms = query
    found = np.concatenate([leg.ids[0] for leg in legs.values()])
    rows = np.unique(found[found >= 0])
    dense = lexical = None
    evidence = np.zeros(len(rows))
    chance = _chance(calibration, snapshot, lexicon, vector, terms)
    if vector is not None:
        dense = _dense(snapshot, vector, rows, legs["dense"])
        evidence += weigh_meaning(dense, chance)
    if terms is not None:
        lexical = _lexical(lexicon, terms, rows, legs["lexical"])
        evidence += weigh_words(lexical, chance)
    logistic = BOTH if dense is not None and lexical is not None else MEANING
    if dense is None:
        logistic = WORDS
    return Assessment(rows, dense, lexical, evidence, judge(evidence, logistic))


def _chance(
    calibration: Calibration,
    snapshot: Snapshot,
    lexicon: Lexicon,
    vector: Vectors | None,
    terms: tuple[str, ...] | None,
) -> Chance:
    most = 0.0
    if terms is not None:
        times = Counter(terms)
        rows, frequencies = lexicon.frequencies(list(times))
        most = reach(dict(zip(times, frequencies, strict=True)), terms, rows)
    return calibration.chance(vector, terms, documents=snapshot.documents, reach=most)


def _dense(snapshot: Snapshot, vector: Vectors, rows: Ids, leg: Hits) -> Scores:
    """The metric's score of every row; those found by words alone are compared now."""
    scores, missing = _filled(rows, leg, np.nan)
    if missing.any():
        query, wanted = comparable(vector, snapshot.metric), rows[missing][None]
        scores[missing] = score_ids(query, snapshot.vectors, wanted, snapshot.metric)[0]
    return scores


def _lexical(lexicon: Lexicon, terms: tuple[str, ...], rows: Ids, leg: Hits) -> Scores:
    """BM25 of every row; those found by meaning alone are looked up now."""
    scores, missing = _filled(rows, leg, 0.0)
    complete = leg.ids[0, -1] < 0  # every row with any of the words was found
    if missing.any() and not complete:
        wanted = rows[missing]
        more = lexicon.search(terms, len(wanted), wanted)
        there = more.ids[0] >= 0
        scores[np.searchsorted(rows, more.ids[0][there])] = more.scores[0][there]
    return scores


def _filled(rows: Ids, leg: Hits, missing: float) -> tuple[Scores, npt.NDArray[np.bool_]]:
    """Scores (n,) of the rows as the leg has them, and which rows it lacks."""
    scores = np.full(len(rows), missing, dtype=np.float32)
    lacking = np.ones(len(rows), dtype=bool)
    there = leg.ids[0] >= 0
    places = np.searchsorted(rows, leg.ids[0][there])
    scores[places], lacking[places] = leg.scores[0][there], False
    return scores, lacking
