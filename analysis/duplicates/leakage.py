"""Documents of one collection that another has as well: test questions that were trained on."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.duplicates.prints import likeness, overlaps
from analysis.duplicates.request import DuplicateRequest
from analysis.duplicates.threshold import WIDTH, suggest
from analysis.duplicates.wording import Wording, overlap, read_wording
from analysis.encoders import check_same_encoder
from analysis.errors import UnsuitableCorpusError
from analysis.origin import made_from
from analysis.progress import unwatched
from analysis.results import Result
from indexing.index.exact import nearest, unit
from indexing.types import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from analysis.corpus import Corpus
    from analysis.progress import Progress
    from embeddings.types import Vectors
    from indexing.types import Ids, Scores

_NEIGHBOURS = WIDTH + 4
_BLOCK = 1_024


@dataclass(frozen=True, slots=True)
class LeakedPair:
    """A document that another collection has as well.

    Attributes:
        id: of the document looked for (of the second corpus).
        other: id of the most similar document of the first corpus.
        score: how alike they are; 1 where the text is the same.
        exact: the text is the same but for case, width and spaces.
    """

    id: str
    other: str
    score: float
    exact: bool


@dataclass(frozen=True, slots=True)
class LeakageReceipt:
    """What was really done; see `DuplicateReceipt`.

    Attributes:
        documents: of the second corpus, each looked for in the first.
        among: documents of the first.
        threshold: how alike they are at least; None: exact ones alone were wanted.
        suggested: the threshold was not given.
        false_share: of a suggested threshold.
        exact_documents: whose text is the same.
        near_documents: other leaked ones.
        made_from: the first corpus.
        other_made_from: the second.
        milliseconds: by stage.
        warnings: what a reader of the result should know.
    """

    documents: int
    among: int
    threshold: float | None
    suggested: bool
    false_share: float | None
    exact_documents: int
    near_documents: int
    made_from: Mapping[str, Any]
    other_made_from: Mapping[str, Any]
    milliseconds: Mapping[str, float]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Leakage:
    """Documents that both corpora have.

    Attributes:
        pairs: the most similar first, equal ones by id; each document once.
        receipt: what was really done.
    """

    pairs: tuple[LeakedPair, ...]
    receipt: LeakageReceipt

    @property
    def share(self) -> float:
        """Of the second corpus, 0 to 1."""
        return len(self.pairs) / self.receipt.documents

    def to_result(self) -> Result:
        """A table `pairs`: id, other, score, exact."""
        import pyarrow as pa

        rows = [(pair.id, pair.other, pair.score, pair.exact) for pair in self.pairs]
        columns = list(zip(*rows, strict=True)) or [()] * 4
        types = (pa.string(), pa.string(), pa.float32(), pa.bool_())
        arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
        table = pa.table(dict(zip(("id", "other", "score", "exact"), arrays, strict=True)))
        return Result({"receipt": asdict(self.receipt)}, {"pairs": table})

    @classmethod
    def from_result(cls, result: Result) -> Leakage:
        """What `to_result` wrote."""
        receipt = dict(result.header["receipt"])
        receipt["warnings"] = tuple(receipt["warnings"])
        pairs = tuple(LeakedPair(**row) for row in result.tables["pairs"].to_pylist())
        return cls(pairs, LeakageReceipt(**receipt))


def find_leakage(
    corpus: Corpus,
    other: Corpus,
    request: DuplicateRequest | None = None,
    *,
    progress: Progress = unwatched,
) -> Leakage:
    """Documents of `other` that are in `corpus`, in the same words or nearly so.

    Each is compared with all of `corpus`, so time grows with the product of both sizes (10,000 with
    200,000 of 384 numbers: tens of seconds on two processors), memory with the larger.

    Args:
        corpus: where to look, a training set for instance.
        other: what to look for, a test set.
        request: what counts as the same; None: the defaults.
        progress: told of the stages `texts`, `other texts` and `neighbours`.

    Raises:
        UnsuitableCorpusError: one of them is empty, or their encoders differ.
        CancelledError: `progress` stopped it.
    """
    request = DuplicateRequest() if request is None else request
    check_same_encoder(corpus, other)
    for each in (corpus, other):
        if not len(each):
            message = f"collection {each.card.name!r}: no documents to compare"
            raise UnsuitableCorpusError(message)
    times = [time.perf_counter()]
    known = read_wording(corpus, progress)
    asked = read_wording(other, progress, "other texts")
    found = _exact(known, asked)
    times.append(time.perf_counter())
    threshold, separates, false_share = None, True, None
    if not request.exact_only:
        ids, scores = _nearest(corpus, other, progress)
        if request.wording:
            rows = np.arange(len(other))
            scores = likeness(scores, overlaps(asked.prints, known.prints, rows, ids))
        if request.same_numbers:
            apart = _contradictions(known, asked, ids)
            scores = np.where(apart, -np.inf, scores)
        order = np.argsort(-scores, axis=1, kind="stable")
        ids, scores = np.take_along_axis(ids, order, 1), np.take_along_axis(scores, order, 1)
        threshold = request.threshold
        if threshold is None:
            suggestion = suggest(scores)
            threshold, separates = suggestion.threshold, suggestion.separates
            false_share = suggestion.false_share
        _add_near(found, corpus, other, ids, scores, threshold, request.least_overlap)
    times.append(time.perf_counter())
    pairs = [
        LeakedPair(str(other.ids[place]), str(corpus.ids[where]), min(score, 1.0), exact)
        for place, (where, score, exact) in found.items()
    ]
    exact = sum(pair.exact for pair in pairs)
    stages = dict(zip(("texts", "near"), np.diff(times).tolist(), strict=True))
    receipt = LeakageReceipt(
        documents=len(other),
        among=len(corpus),
        threshold=threshold,
        suggested=threshold is not None and request.threshold is None,
        false_share=false_share,
        exact_documents=exact,
        near_documents=len(pairs) - exact,
        made_from=made_from(corpus),
        other_made_from=made_from(other),
        milliseconds={stage: round(1e3 * seconds, 1) for stage, seconds in stages.items()},
        warnings=()
        if separates
        else (f"no threshold separates what leaked from what is merely alike; {threshold} taken",),
    )
    return Leakage(tuple(sorted(pairs, key=lambda p: (not p.exact, -p.score, p.id))), receipt)


def _exact(known: Wording, asked: Wording) -> dict[int, tuple[int, float, bool]]:
    """By position in the second corpus: position in the first, score, exactness."""
    order = np.argsort(known.hashes, kind="stable")
    places = np.searchsorted(known.hashes[order], asked.hashes)
    places = np.minimum(places, len(order) - 1)
    same = (known.hashes[order[places]] == asked.hashes) & (asked.hashes != 0)
    return {int(place): (int(order[places[place]]), 1.0, True) for place in np.flatnonzero(same)}


def _nearest(corpus: Corpus, other: Corpus, progress: Progress) -> tuple[Ids, Scores]:
    vectors, queries = _unit(corpus), _unit(other)
    k = min(_NEIGHBOURS, len(corpus))
    ids = np.empty((len(other), k), dtype=np.int64)
    scores = np.empty((len(other), k), dtype=np.float32)
    for first in range(0, len(other), _BLOCK):
        block = np.ascontiguousarray(queries[first : first + _BLOCK])
        hits = nearest(vectors, block, k, Metric.COSINE)
        ids[first : first + _BLOCK], scores[first : first + _BLOCK] = hits.ids, hits.scores
        progress("neighbours", first + len(block), len(other))
    return ids, scores


def _unit(corpus: Corpus) -> Vectors:
    return corpus.vectors if corpus.card.metric is Metric.COSINE else unit(corpus.vectors)


def _contradictions(known: Wording, asked: Wording, ids: Ids) -> npt.NDArray[np.bool_]:
    apart: npt.NDArray[np.bool_] = np.zeros(ids.shape, dtype=bool)
    for place, numbers in asked.numbers.items():
        for column, where in enumerate(ids[place].tolist()):
            there = known.numbers.get(where, frozenset())
            apart[place, column] = bool(numbers - there) and bool(there - numbers)
    return apart


def _add_near(
    found: dict[int, tuple[int, float, bool]],
    corpus: Corpus,
    other: Corpus,
    ids: Ids,
    scores: Scores,
    threshold: float,
    least_overlap: float | None,
) -> None:
    for place in np.flatnonzero(scores[:, 0] >= threshold).tolist():
        if place in found:
            continue
        for where, score in zip(ids[place].tolist(), scores[place].tolist(), strict=True):
            if score < threshold:
                break
            if least_overlap is not None:
                texts = (*corpus.texts([where]), *other.texts([place]))
                if overlap(*texts) < least_overlap:
                    continue
            found[place] = (where, score, False)
            break
