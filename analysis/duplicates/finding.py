"""Groups of documents that say the same."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from analysis.duplicates.grouping import Star, stars
from analysis.duplicates.naming import grouped, paired
from analysis.duplicates.prints import likeness, overlaps
from analysis.duplicates.request import DuplicateRequest
from analysis.duplicates.result import (
    DuplicateGroup,
    DuplicateMember,
    DuplicateReceipt,
    Duplicates,
)
from analysis.duplicates.threshold import WIDTH, Hint, Suggestion, suggest
from analysis.duplicates.translations import Translations, find_translations
from analysis.duplicates.wording import (
    KOREAN,
    LATIN,
    Wording,
    contradict_each,
    overlap,
    read_wording,
)
from analysis.errors import UnsuitableCorpusError
from analysis.origin import made_from
from analysis.progress import unwatched
from indexing.index.exact import unit
from indexing.index.graph import neighbour_graph
from indexing.types import Metric

if TYPE_CHECKING:
    import numpy.typing as npt

    from analysis.corpus import Corpus
    from analysis.progress import Progress
    from embeddings.types import Vectors
    from indexing.index.graph import NeighbourGraph
    from indexing.types import Ids, Scores

__all__ = [
    "DuplicateGroup",
    "DuplicateMember",
    "DuplicateReceipt",
    "DuplicateRequest",
    "Duplicates",
    "find_duplicates",
]

_NEIGHBOURS = WIDTH + 12
"""More than the suggestion looks at: numbers tell some of them apart."""
_FEW, _NEIGHBOURS_OF_FEW = 1_000, 128
"""Of so few documents each is compared with more: where most have numbers, 32 leave too few."""


@dataclass(frozen=True, slots=True, eq=False)
class _Near:
    """Near-duplicates among documents of different texts.

    `across` are pairs of two languages at and above the threshold: places in `vectors`, which are
    those of the different texts, of length 1.
    """

    stars: list[Star]
    suggestion: Suggestion | None
    threshold: float
    told_apart: int
    graph: NeighbourGraph
    vectors: Vectors
    across: tuple[Ids, Scores]


def find_duplicates(
    corpus: Corpus, request: DuplicateRequest | None = None, *, progress: Progress = unwatched
) -> Duplicates:
    """What a corpus says twice: the same text, and texts whose vectors are nearly the same.

    Texts are read once and compared by hashes; of each different text one document goes on to be
    compared with its 32 nearest by cosine, so time and memory grow with n and not with n². Pairs
    above the threshold make groups in which every member is that similar to the representative.
    Documents in two languages are never of one group: they are told as translations, two and two.

    Args:
        corpus: at least 2 documents.
        request: what counts as a duplicate; None: the defaults.
        progress: told of the stages `texts`, `neighbours` and `translations`.

    Raises:
        UnsuitableCorpusError: one document.
        CancelledError: `progress` stopped it.
    """
    request = DuplicateRequest() if request is None else request
    if len(corpus) < 2:
        message = f"collection {corpus.card.name!r}: one document cannot repeat another"
        raise UnsuitableCorpusError(message)
    times = [time.perf_counter()]
    wording = read_wording(corpus, progress)
    kept, copies = _copies(corpus, wording)
    times.append(time.perf_counter())
    near = None
    if not request.exact_only and len(kept) > 1:
        near = _find_near(corpus, request, wording, kept, progress)
    times.append(time.perf_counter())
    groups = grouped(corpus, near.stars if near else [], copies)
    across = None
    if near is not None and request.translations:
        across = _translations(request, near, wording.languages[kept], kept, progress)
    times.append(time.perf_counter())
    stages = dict(zip(("texts", "near", "translations"), np.diff(times).tolist(), strict=True))
    receipt = _receipt(corpus, request, near, copies, groups, stages)
    if across is None:
        return Duplicates(groups, receipt)
    groups += paired(corpus, kept, across)
    told = len(across.pairs) if across.looked or len(across.pairs) else None
    return Duplicates(groups, replace(receipt, translations=told))


def _translations(
    request: DuplicateRequest,
    near: _Near,
    languages: npt.NDArray[np.uint8],
    kept: Ids,
    progress: Progress,
) -> Translations:
    """Of one document of each group, the representative: positions among `kept`."""
    repeated = [star.members for star in near.stars]
    single = ~np.isin(kept, np.concatenate(repeated)) if repeated else np.ones(len(kept), bool)
    return find_translations(
        near.vectors,
        (
            np.flatnonzero((languages == KOREAN) & single),
            np.flatnonzero((languages == LATIN) & single),
        ),
        near.across,
        seed=request.seed,
        told=lambda done, total: progress("translations", done, total),
    )


def _copies(corpus: Corpus, wording: Wording) -> tuple[Ids, dict[int, Ids]]:
    """Positions of different texts, ascending, and by those repeated, the positions of copies.

    The first by id stands for its text; documents without text stand for themselves.
    """
    n = len(corpus)
    key = wording.hashes.copy()
    empty = np.flatnonzero(key == 0)
    order = np.lexsort((np.argsort(np.argsort(corpus.ids, kind="stable")), key))
    starts = np.flatnonzero(np.r_[True, key[order][1:] != key[order][:-1]])
    groups = np.split(order, starts[1:])
    copies = {int(group[0]): group[1:] for group in groups if len(group) > 1 and key[group[0]]}
    kept = np.ones(n, dtype=bool)
    for others in copies.values():
        kept[others] = False
    kept[empty] = True
    return np.flatnonzero(kept), copies


def _find_near(
    corpus: Corpus, request: DuplicateRequest, wording: Wording, kept: Ids, progress: Progress
) -> _Near:
    vectors: Vectors = corpus.vectors if len(kept) == len(corpus) else corpus.vectors[kept]
    if corpus.card.metric is not Metric.COSINE:
        vectors = unit(vectors)
    graph = neighbour_graph(
        vectors,
        min(_NEIGHBOURS if len(kept) > _FEW else _NEIGHBOURS_OF_FEW, len(kept) - 1),
        Metric.COSINE,
        seed=request.seed,
        told=lambda done, total: progress("neighbours", done, total),
    )
    others = np.where(graph.ids < 0, -1, kept[graph.ids])
    prints = wording.prints[kept]
    alike = graph.scores
    if request.wording:
        alike = likeness(alike, overlaps(prints, prints, np.arange(len(kept)), graph.ids))
    apart: npt.NDArray[np.bool_] = np.zeros(others.shape, dtype=bool)
    if request.same_numbers:
        apart = contradict_each(wording, kept, others)
    languages = wording.languages[kept]
    there = languages[graph.ids]
    foreign = (languages[:, None] != there) & (languages[:, None] > 0) & (there > 0)
    threshold, suggestion = request.threshold, None
    if threshold is None:
        suggestion = suggest(
            _closed_up(np.where(apart | foreign | (graph.ids < 0), -np.inf, alike))
        )
        threshold = suggestion.threshold
    above = (alike >= threshold) & (graph.ids >= 0)
    across = _pairs(graph.ids, alike, above & ~apart & foreign)
    above &= ~foreign
    pairs, scores = _pairs(graph.ids, alike, above & ~apart)
    if request.least_overlap is not None:
        worded = _overlapping(corpus, kept[pairs], request.least_overlap)
        pairs, scores = pairs[worded], scores[worded]

    def compare(positions: Ids) -> Scores:
        cosines: Scores = vectors[positions] @ vectors[positions].T
        if not request.wording:
            return cosines
        each = np.broadcast_to(positions, (len(positions), len(positions)))
        return likeness(cosines, overlaps(prints, prints, positions, each))

    def together(one: int, other: int) -> bool:
        return not (
            {KOREAN, LATIN} == {languages[one], languages[other]}
            or (request.same_numbers and wording.contradict(int(kept[one]), int(kept[other])))
        ) and (
            request.least_overlap is None
            or bool(_overlapping(corpus, kept[[[one, other]]], request.least_overlap)[0])
        )

    found = stars(pairs, scores, compare, threshold, wording.lengths[kept], together)
    told_apart = len(_pairs(graph.ids, alike, above)[0]) - len(pairs)
    named = [Star(int(kept[s.representative]), kept[s.members], s.scores) for s in found]
    return _Near(named, suggestion, threshold, told_apart, graph, vectors, across)


def _pairs(ids: Ids, alike: Scores, chosen: npt.NDArray[np.bool_]) -> tuple[Ids, Scores]:
    """int64 (p, 2), the lower position first, each pair once; and how alike they are."""
    rows, columns = np.nonzero(chosen)
    pairs = np.sort(np.column_stack([rows, ids[rows, columns]]), axis=1)
    first = np.unique(pairs[:, 0] * len(ids) + pairs[:, 1], return_index=True)[1]
    return pairs[first], alike[rows, columns][first]


def _closed_up(scores: Scores) -> Scores:
    """Best first again, what was told apart last."""
    closed: Scores = -np.sort(-scores, axis=1)
    return closed


def _overlapping(corpus: Corpus, pairs: Ids, least: float) -> npt.NDArray[np.bool_]:
    """Bool (p,): the wording of a pair overlaps enough."""
    found = np.zeros(len(pairs), dtype=bool)
    for first in range(0, len(pairs), 2_000):
        block = pairs[first : first + 2_000]
        positions, places = np.unique(block, return_inverse=True)
        texts = corpus.texts(positions.tolist())
        found[first : first + 2_000] = [
            overlap(texts[one], texts[other]) >= least
            for one, other in zip(*places.reshape(block.shape).T, strict=True)
        ]
    return found


def _advice(threshold: float, hint: Hint | None) -> str:
    if hint is None:
        return f"{threshold} was taken: look at the pairs and give a threshold"
    if threshold == hint.threshold:
        return (
            f"{threshold:g} was taken, where about {hint.false_share:.0%} of the "
            f"{hint.documents:,} documents found may be so by chance; look at them, and give a "
            "lower threshold for more"
        )
    return (
        f"{threshold} was taken: threshold {hint.threshold:g} would find {hint.documents:,} "
        f"documents, of which about {hint.false_share:.0%} by chance; look at them, and give a "
        "threshold"
    )


def _receipt(
    corpus: Corpus,
    request: DuplicateRequest,
    near: _Near | None,
    copies: dict[int, Ids],
    groups: tuple[DuplicateGroup, ...],
    stages: dict[str, float],
) -> DuplicateReceipt:
    warnings = []
    if near is not None and near.suggestion is not None and not near.suggestion.separates:
        warnings.append(
            "no threshold separates near-duplicates from documents that are merely alike; "
            f"{_advice(near.threshold, near.suggestion.hint)}"
        )
    exact = sum(len(same) for same in copies.values())
    return DuplicateReceipt(
        documents=len(corpus),
        threshold=None if near is None else near.threshold,
        suggested=near is not None and near.suggestion is not None,
        false_share=None
        if near is None or near.suggestion is None
        else near.suggestion.false_share,
        exact_documents=exact,
        near_documents=sum(len(group.members) for group in groups) - exact,
        told_apart=0 if near is None else near.told_apart,
        exact_search=near is None or near.graph.exact,
        neighbour_recall=1.0 if near is None else round(near.graph.recall, 4),
        made_from=made_from(corpus),
        milliseconds={stage: round(1e3 * seconds, 1) for stage, seconds in stages.items()},
        warnings=tuple(warnings),
    )
