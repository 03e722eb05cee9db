"""The documents that do not belong to a corpus, with scores, reasons and a receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.outliers.fitting import fit_outliers
from analysis.outliers.nearness import similarity_of
from analysis.outliers.request import OutlierRequest
from analysis.outliers.result import OutlierReceipt, Outliers, draw_line
from analysis.progress import unwatched

if TYPE_CHECKING:
    from typing import Protocol

    import numpy.typing as npt

    from analysis.corpus import Corpus
    from analysis.outliers.fitting import Fitted
    from analysis.progress import Progress
    from embeddings.types import Vectors
    from indexing.types import Ids, Metric

    class Centred(Protocol):
        """Clusters, as far as they are needed here."""

        @property
        def centroids(self) -> Vectors:
            """float32 (k, dim)."""


__all__ = ["OutlierRequest", "Outliers", "find_outliers"]


def find_outliers(
    corpus: Corpus,
    request: OutlierRequest,
    *,
    clusters: Centred | None = None,
    progress: Progress = unwatched,
) -> Outliers:
    """Score every document by how little it belongs, and say why.

    Memory: some k * 24 bytes a document beside the vectors, which are read in blocks.

    Args:
        corpus: 3 documents or more.
        request: how.
        clusters: of the same corpus, for the detector `clusters`; None: they are found.
        progress: told of the stages `neighbours`, `detectors` and `scores`.

    Raises:
        UnsuitableCorpusError: fewer than 3 documents, or all vectors equal.
        InvalidAnalysisError: k is not below the number of documents.
        CancelledError: by `progress`.
    """
    metric = corpus.card.metric
    centroids = None if clusters is None else clusters.centroids
    fitted = fit_outliers(corpus.vectors, metric, request, centroids=centroids, progress=progress)
    return _ranked(corpus.ids, corpus.version, metric, request, fitted)


def _ranked(
    ids: npt.NDArray[np.str_], version: int, metric: Metric, request: OutlierRequest, fitted: Fitted
) -> Outliers:
    by_id = np.argsort(ids, kind="stable")
    order: Ids = by_id[np.argsort(-fitted.scored.scores[by_id], kind="stable")]
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    scores = fitted.scored.scores[order].astype(np.float32)
    outliers, threshold = draw_line(scores, request.contamination)
    shown = min(request.explained, fitted.near.positions.shape[1])
    receipt = OutlierReceipt(
        method=request.method,
        detectors=fitted.model.weights,
        k=fitted.model.k,
        documents=len(order),
        outliers=outliers,
        threshold=threshold,
        rule="robust" if request.contamination is None else "contamination",
        contamination=request.contamination,
        exact=fitted.exact,
        recall=fitted.recall,
        seed=request.seed,
        milliseconds=fitted.milliseconds,
        warnings=fitted.warnings,
    )
    return Outliers(
        request=request,
        receipt=receipt,
        metric=metric,
        version=version,
        ids=ids[order],
        positions=order,
        scores=scores,
        parts={name: part[order].astype(np.float32) for name, part in fitted.scored.parts.items()},
        neighbours=rank[fitted.near.positions[order, :shown]],
        similarities=similarity_of(fitted.near.distances[order, :shown], metric),
        model=fitted.model,
    )
