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
    """Rows that any channel found, or the best of them.

    Attributes:
        rows: int64 (n,), ascending.
        dense: float32 (n,), the metric's scores; None where meaning was left out.
        lexical: float32 (n,), BM25, 0 without any of the words; None where words were left out.
        evidence: float64 (n,), 0 or more.
        confidence: float64 (n,), between 0 and 1.
        chance: what the query's scores are where only chance is at work.
    """

    rows: Ids
    dense: Scores | None
    lexical: Scores | None
    evidence: Values
    confidence: Values
    chance: Chance

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
    k: int,
) -> Assessment:
    """Judge the rows that the legs found, by their scores in both channels.

    Rows that cannot be among the k best, whatever BM25 would say of them, are left out, for a
    look-up by row is the dearest part of it.

    Args:
        snapshot: the moment searched.
        lexicon: the words of that moment.
        calibration: the collection's.
        query: vector float32 (1, dim) and terms; None for what is left out.
        legs: (1, k) hits of `dense`, `lexical`, or both.
        k: rows wanted, 1 or more.
    """
    vector, terms = query
    chance = _chance(calibration, snapshot, lexicon, vector, terms)
    if terms is None:
        return _by_meaning(legs["dense"], chance)
    found = np.concatenate([leg.ids[0] for leg in legs.values()])
    rows = np.unique(found[found >= 0])
    if vector is None:
        lexical, _ = _filled(rows, legs["lexical"])
        evidence = weigh_words(lexical, chance)
        return Assessment(rows, None, lexical, evidence, judge(evidence, chance, WORDS), chance)
    dense = _dense(snapshot, vector, rows, legs["dense"])
    meaning = weigh_meaning(dense, chance)
    rows, dense, meaning, lexical = _worded(
        lexicon, terms, legs["lexical"], chance, k, (rows, dense, meaning)
    )
    evidence = meaning + weigh_words(lexical, chance)
    return Assessment(rows, dense, lexical, evidence, judge(evidence, chance, BOTH), chance)


def _by_meaning(leg: Hits, chance: Chance) -> Assessment:
    """What the vectors found, judged by their scores alone."""
    ids = leg.ids[0]
    order = np.argsort(ids)[int(np.count_nonzero(ids < 0)) :]
    rows, dense = ids[order], leg.scores[0][order]
    meaning = weigh_meaning(dense, chance)
    return Assessment(rows, dense, None, meaning, judge(meaning, chance, MEANING), chance)


def _worded(
    lexicon: Lexicon,
    terms: tuple[str, ...],
    leg: Hits,
    chance: Chance,
    k: int,
    known: tuple[Ids, Scores, Values],
) -> tuple[Ids, Scores, Values, Scores]:
    """Rows, their scores and evidence by meaning, and BM25, without those beyond the k best."""
    rows, dense, meaning = known
    lexical, missing = _filled(rows, leg)
    if leg.ids[0, -1] < 0 or not missing.any():  # every row with any of the words was found
        return rows, dense, meaning, lexical
    least = meaning + weigh_words(lexical, chance)
    most = least + np.where(missing, weigh_words(leg.scores[0, -1:], chance), 0.0)
    bound = np.partition(least, -k)[-k] if len(rows) > k else -np.inf
    kept = most >= bound
    rows, dense, meaning, lexical = rows[kept], dense[kept], meaning[kept], lexical[kept]
    wanted = rows[missing[kept]]
    if len(wanted):
        more = lexicon.search(terms, len(wanted), wanted)
        there = more.ids[0] >= 0
        lexical[np.searchsorted(rows, more.ids[0][there])] = more.scores[0][there]
    return rows, dense, meaning, lexical


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
    scores, missing = _filled(rows, leg)
    if missing.any():
        query, wanted = comparable(vector, snapshot.metric), rows[missing][None]
        scores[missing] = score_ids(query, snapshot.vectors, wanted, snapshot.metric)[0]
    return scores


def _filled(rows: Ids, leg: Hits) -> tuple[Scores, npt.NDArray[np.bool_]]:
    """Scores (n,) of the rows as the leg has them, else 0, and which rows it lacks."""
    scores = np.zeros(len(rows), dtype=np.float32)
    lacking = np.ones(len(rows), dtype=bool)
    there = leg.ids[0] >= 0
    places = np.searchsorted(rows, leg.ids[0][there])
    scores[places], lacking[places] = leg.scores[0][there], False
    return scores, lacking
