"""What was found about a collection, beside the matches of a search."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

import numpy as np

from analysis.clusters.assigning import assign
from analysis.clusters.result import OUTLIER
from analysis.errors import ResultNotFoundError, UnsuitableCorpusError
from analysis.outliers.scoring import judge_question
from service.analyses.clusters import take
from service.analyses.outliers import scored_corpus
from service.analyses.outliers import take as take_outliers
from service.schemas.results import MatchCluster, QuestionVerdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.clusters.result import Clusters
    from embeddings.types import Vectors
    from indexing.local import LocalCollection
    from service.analyses.kept import Kept, Shelf
    from service.schemas.results import SearchAnswer


def with_clusters(collection: LocalCollection, shelf: Shelf, answer: SearchAnswer) -> SearchAnswer:
    """The answer with each match's cluster; where no clusters were found, with a warning.

    Documents that came since the clusters were found are assigned to the nearest, as they are when
    clusters are shown. A search costs a look-up for each match, whatever the collection's size.
    """
    try:
        kept = take(collection, shelf)
    except ResultNotFoundError as error:
        return _warned(answer, f"matches have no clusters: {error}")
    labels = _labels(collection, shelf, kept, [match.id for match in answer.matches])
    names = {cluster.id: cluster.label for cluster in kept.value.clusters}
    matches = [
        match.model_copy(update={"cluster": MatchCluster(id=label, label=names.get(label, ""))})
        for match, label in zip(answer.matches, labels, strict=True)
    ]
    return answer.model_copy(update={"matches": matches})


def with_verdict(
    collection: LocalCollection, shelf: Shelf, answer: SearchAnswer, vector: Vectors | None
) -> SearchAnswer:
    """The answer with how unlike the collection the question is; else with a warning.

    Args:
        collection: that was asked.
        shelf: of its results.
        answer: to the question.
        vector: float32 (dim,), the question's; None where it has none.
    """
    try:
        if vector is None:
            message = "a document or words alone were asked with"
            raise UnsuitableCorpusError(message)
        kept = take_outliers(collection, shelf)
        verdict = judge_question(kept.value, scored_corpus(collection, kept), vector)
    except (ResultNotFoundError, UnsuitableCorpusError) as error:
        return _warned(answer, f"the question is not judged: {error}")
    nearest = verdict.neighbours[0].id if verdict.neighbours else None
    told = QuestionVerdict(score=verdict.score, is_outlier=verdict.is_outlier, nearest=nearest)
    receipt = answer.receipt.model_copy(update={"question": told})
    return answer.model_copy(update={"receipt": receipt})


def _warned(answer: SearchAnswer, warning: str) -> SearchAnswer:
    warnings = [*answer.receipt.warnings, warning]
    receipt = answer.receipt.model_copy(update={"warnings": warnings})
    return answer.model_copy(update={"receipt": receipt})


def _labels(
    collection: LocalCollection, shelf: Shelf, kept: Kept[Clusters], ids: Sequence[str]
) -> list[int]:
    clusters = kept.value
    order = shelf.derive(
        collection, "id order", kept.stamp, lambda: np.argsort(clusters.ids, kind="stable")
    )
    labels: dict[str, int] = {}
    for id in ids:
        place = bisect_left(order, id, key=lambda row: str(clusters.ids[row]))
        if place < len(order) and str(clusters.ids[order[place]]) == id:
            labels[id] = int(clusters.labels[order[place]])
    labels |= _assigned(collection, clusters, [id for id in ids if id not in labels])
    return [labels.get(id, OUTLIER) for id in ids]


def _assigned(
    collection: LocalCollection, clusters: Clusters, ids: Sequence[str]
) -> dict[str, int]:
    """Clusters of documents that came since, by their vectors."""
    if not ids:
        return {}
    generation = collection.storage.generation
    vectors = generation.snapshot.vectors
    rows = {id: item.row for id, item in generation.documents.by_ids(ids).items()}
    there = {id: row for id, row in rows.items() if 0 <= row < len(vectors)}
    if not there:
        return {}
    labels, _ = assign(clusters, np.array(vectors[list(there.values())]))
    return dict(zip(there, labels.tolist(), strict=True))
