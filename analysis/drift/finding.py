"""Whether and how a corpus differs from an earlier one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from analysis.drift.novelty import Novelty, novelty
from analysis.drift.request import DriftRequest
from analysis.drift.result import Drift, DriftReceipt, NewDocument
from analysis.drift.shares import ClusterShift, shifts
from analysis.drift.testing import mean_discrepancy, separation
from analysis.encoders import check_same_encoder
from analysis.errors import UnsuitableCorpusError
from analysis.origin import made_from
from analysis.progress import unwatched
from analysis.similarity import similar

if TYPE_CHECKING:
    from analysis.clusters.result import Clusters
    from analysis.corpus import Corpus
    from analysis.progress import Progress
    from embeddings.types import Vectors
    from indexing.types import Ids, Metric

__all__ = ["ClusterShift", "Drift", "DriftReceipt", "DriftRequest", "NewDocument", "find_drift"]

LEAST_DOCUMENTS = 10
_LEAST_CLUSTERS, _MOST_CLUSTERS = 2, 50
_PER_CLUSTER = 40


def find_drift(
    before: Corpus,
    after: Corpus,
    request: DriftRequest | None = None,
    *,
    clusters: Clusters | None = None,
    progress: Progress = unwatched,
) -> Drift:
    """How a later corpus differs from an earlier one: two windows of a collection, or two of them.

    Up to `request.sample` documents of each are drawn. A test says whether they are of one
    distribution, a classifier how easily they are told apart; clusters that grew or shrank say
    where, and new documents what about. All of it holds for documents that are independent of
    each other: many copies of one text look like change.

    Args:
        before: at least 10 documents.
        after: at least 10, by the same encoder.
        request: how; None: the defaults.
        clusters: found before, to tell growth by; None: up to 50 are made of both corpora,
            without names.
        progress: told of the stages `exchanges`, `classifier`, `clusters` and `new documents`.

    Raises:
        UnsuitableCorpusError: fewer documents, or encoders that differ; both are named.
        CancelledError: `progress` stopped it.
    """
    request = DriftRequest() if request is None else request
    check_same_encoder(before, after)
    for side, corpus in (("earlier", before), ("later", after)):
        if len(corpus) < LEAST_DOCUMENTS:
            message = (
                f"the {side} corpus, of collection {corpus.card.name!r}, has {len(corpus)} "
                f"documents; at least {LEAST_DOCUMENTS} are needed: widen its filter"
            )
            raise UnsuitableCorpusError(message)
    rng = np.random.default_rng(request.seed)
    rows = [_drawn(len(corpus), request.sample, rng) for corpus in (before, after)]
    (earlier, metric), (later, _) = similar(before, rows[0]), similar(after, rows[1])
    times = [time.perf_counter()]
    discrepancy = mean_discrepancy(
        earlier,
        later,
        permutations=request.permutations,
        seed=request.seed,
        told=lambda done, total: progress("exchanges", done, total),
    )
    times.append(time.perf_counter())
    told_apart = separation(earlier, later, seed=request.seed)
    progress("classifier", 1, 1)
    times.append(time.perf_counter())
    moved = _moved(earlier, later, metric, clusters, request)
    progress("clusters", 1, 1)
    times.append(time.perf_counter())
    novel = novelty(earlier, later, metric)
    progress("new documents", 1, 1)
    times.append(time.perf_counter())
    p_value = discrepancy.p_value if request.test == "mmd" else told_apart.p_value
    names = ("exchanges", "classifier", "clusters", "new documents")
    stages = dict(zip(names, np.diff(times).tolist(), strict=True))
    return Drift(
        changed=bool(p_value <= request.level),
        p_value=p_value,
        statistic=discrepancy.statistic,
        usual=discrepancy.usual,
        mmd_p_value=discrepancy.p_value,
        auc=told_apart.auc,
        auc_p_value=told_apart.p_value,
        clusters=moved,
        new_share=len(novel.new) / len(later),
        new_line=novel.line,
        new=_examples(before, after, rows, novel, request.examples),
        receipt=_receipt(before, after, rows, request, stages),
    )


def _drawn(number: int, most: int, rng: np.random.Generator) -> Ids:
    if number <= most:
        return np.arange(number)
    return np.sort(rng.choice(number, most, replace=False))


def _moved(
    earlier: Vectors,
    later: Vectors,
    metric: Metric,
    clusters: Clusters | None,
    request: DriftRequest,
) -> tuple[ClusterShift, ...]:
    if clusters is not None:
        from analysis.clusters.assigning import assign

        first, second = assign(clusters, earlier)[0], assign(clusters, later)[0]
        names = {cluster.id: cluster.label for cluster in clusters.clusters}
        return shifts(first, second, names, level=request.level)
    from indexing.index.kmeans import TooFewVectorsError, fit_kmeans

    both = np.concatenate([earlier, later])
    wanted = int(np.clip(len(both) // _PER_CLUSTER, _LEAST_CLUSTERS, _MOST_CLUSTERS))
    try:
        found = fit_kmeans(both, wanted, metric, seed=request.seed)
    except TooFewVectorsError as error:
        if error.different < _LEAST_CLUSTERS:
            return ()
        found = fit_kmeans(both, error.different, metric, seed=request.seed)
    labels = found.labels
    return shifts(labels[: len(earlier)], labels[len(earlier) :], {}, level=request.level)


def _examples(
    before: Corpus, after: Corpus, rows: list[Ids], novel: Novelty, most: int
) -> tuple[NewDocument, ...]:
    return tuple(
        NewDocument(
            id=str(after.ids[rows[1][place]]),
            score=float(novel.scores[place]),
            nearest=str(before.ids[rows[0][novel.nearest[place]]]),
        )
        for place in novel.new[:most].tolist()
    )


def _receipt(
    before: Corpus,
    after: Corpus,
    rows: list[Ids],
    request: DriftRequest,
    stages: dict[str, float],
) -> DriftReceipt:
    warnings = []
    shared = 0
    if before.card.name == after.card.name:
        shared = len(np.intersect1d(before.rows, after.rows))
    if shared:
        warnings.append(
            f"{shared:,} documents are in both corpora, which hides change; let the filters "
            "exclude each other"
        )
    if len(rows[0]) < len(before) or len(rows[1]) < len(after):
        warnings.append(
            f"{len(rows[0]):,} of {len(before):,} earlier and {len(rows[1]):,} of {len(after):,} "
            "later documents were drawn and compared"
        )
    return DriftReceipt(
        test=request.test,
        level=request.level,
        before=len(before),
        after=len(after),
        before_compared=len(rows[0]),
        after_compared=len(rows[1]),
        shared=shared,
        permutations=request.permutations,
        seed=request.seed,
        made_from=made_from(before),
        after_made_from=made_from(after),
        milliseconds={stage: round(1e3 * seconds, 1) for stage, seconds in stages.items()},
        warnings=tuple(warnings),
    )
