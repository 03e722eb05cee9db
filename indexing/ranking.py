"""Rows of one moment in order of merit: by meaning, by words, or by both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from indexing.assessment import assess
from indexing.fusion import Leg, best_of, fuse_ranks, fuse_scores
from indexing.types import Hits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from embeddings.types import Vectors
    from indexing.assessment import Assessment
    from indexing.calibration import Calibration
    from indexing.lexicon import Lexicon
    from indexing.row_mask import RowMask
    from indexing.snapshot import Found, Snapshot
    from indexing.types import Ids, Scores

Fusion = Literal["calibrated", "scores", "ranks"]
"""How both channels become one: by calibrated evidence, by scores scaled between the least and the
best candidate, or by reciprocal ranks."""

_HYBRID_DEPTH = 100
"""Rows taken from each channel to be fused, more only for pages beyond them."""

WEIGHTS = {"dense": 0.7, "lexical": 0.3}
"""What each channel's scaled score counts in `scores`; docs/decisions/0006-lexical-search.md says
why."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What to rank by.

    Attributes:
        vector: float32 (1, dim), or None to leave meaning out.
        terms: words, or None to leave them out.
        mask: rows that may be found; None allows all.
        exact: compare with every vector.
        calibration: the collection's; without one there are no confidences, and `calibrated`
            fusion is by `scores`.
        fusion: how both channels become one.
        recall: that the vector index shall reach; None takes what it was built for.
    """

    vector: Vectors | None
    terms: tuple[str, ...] | None
    mask: RowMask | None = None
    exact: bool = False
    calibration: Calibration | None = None
    fusion: Fusion = "calibrated"
    recall: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """The best rows, best first, and how they were found.

    Attributes:
        ids: int64 (k,), padded with -1.
        scores: float32 (k,), padded with -inf: the metric's, BM25's, or fused ones from 0 to 1.
        channels: score by channel, by row.
        exact: False if an approximate index was asked.
        index: what was asked, joined by `+`: `flat`, `hnsw`, `bm25`.
        recall: of the vector index, measured; 1.0 where it is exact or was not asked.
        found: what the vector index found; None where vectors played no part.
        confidence: 0 to 1 by row, how surely it answers; empty without a calibration.
        no_good_answer: True if probably none of the rows answers; None without a calibration.
        whole: False if words were found in rows written since the moment, which are left out: what
            they replaced may be missed.
    """

    ids: Ids
    scores: Scores
    channels: Mapping[int, Mapping[str, float]]
    exact: bool
    index: str
    recall: float
    found: Found | None = None
    confidence: Mapping[int, float] = field(default_factory=dict)
    no_good_answer: bool | None = None
    whole: bool = True


def depth_of(k: int, *, both: bool) -> int:
    """Rows taken from each channel for k rows of an answer; more where `both` are fused."""
    return max(k, _HYBRID_DEPTH) if both else k


def rank(
    snapshot: Snapshot, lexicon: Lexicon, asked: Asked, k: int, *, found: Found | None = None
) -> Ranking:
    """The k best rows.

    Both channels are fused as `Asked.fusion` says. With a calibration a row's fused score is its
    confidence: it follows from the row's own score in both channels, whichever of them found it,
    and stays the same however many rows are asked for.

    Raises:
        LexicalIndexError: words are asked for and there is no lexical search.
    """
    both = asked.vector is not None and asked.terms is not None
    depth = depth_of(k, both=both)
    legs: dict[str, Hits] = {}
    exact, names, recall, whole = True, [], 1.0, True
    if asked.vector is not None:
        if found is None:
            found = snapshot.find(
                asked.vector, depth, rows=asked.mask, exact=asked.exact, recall=asked.recall
            )
        exact, recall = found.exact, found.recall
        names.append(found.index)
        legs["dense"] = found.hits
    if asked.terms is not None:
        names.append("bm25")
        words = lexicon.search(asked.terms, depth, None if asked.mask is None else asked.mask.rows)
        legs["lexical"], whole = _until(words, len(snapshot.live))
    judged = None
    if asked.calibration is not None:
        kept = k if asked.fusion == "calibrated" else 2 * depth  # others rank by other numbers
        query = asked.vector, asked.terms
        judged = assess(snapshot, lexicon, asked.calibration, query, legs, kept)
    hits = _fused(asked, legs, judged, k) if both else next(iter(legs.values()))
    return Ranking(
        ids=hits.ids[0],
        scores=hits.scores[0],
        channels=_by_row(legs) if judged is None else judged.channels(),
        exact=exact,
        index="+".join(names),
        recall=recall,
        found=found,
        confidence={} if judged is None else judged.by_row(),
        no_good_answer=None if judged is None else judged.is_poor,
        whole=whole,
    )


def _until(leg: Hits, rows: int) -> tuple[Hits, bool]:
    """(1, k) hits among the first so many rows, and whether those are all.

    Words are those of now, vectors those of a moment: a row behind its last has none there.
    """
    known = leg.ids[0] < rows
    if known.all():
        return leg, True
    ids, scores = np.full_like(leg.ids, -1), np.full_like(leg.scores, -np.inf)
    there = int(np.count_nonzero(known))
    ids[0, :there], scores[0, :there] = leg.ids[0][known], leg.scores[0][known]
    return Hits(ids, scores), False


def _fused(asked: Asked, legs: Mapping[str, Hits], judged: Assessment | None, k: int) -> Hits:
    """(1, k) hits with scores from 0 to 1."""
    if asked.fusion == "ranks":
        return fuse_ranks([Leg(leg) for leg in legs.values()], k)
    if judged is None or asked.fusion == "scores":
        return fuse_scores([Leg(leg, weight=WEIGHTS[name]) for name, leg in legs.items()], k)
    return best_of(judged.rows, judged.confidence, k)


def _by_row(legs: Mapping[str, Hits]) -> dict[int, dict[str, float]]:
    channels: dict[int, dict[str, float]] = {}
    for name, hits in legs.items():
        for row, score in zip(hits.ids[0].tolist(), hits.scores[0].tolist(), strict=True):
            if row >= 0:
                channels.setdefault(row, {})[name] = score
    return channels
