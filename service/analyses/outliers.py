"""Outliers: found in a job, shown by rank, and new texts judged by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.corpus import read_corpus
from analysis.origin import made_from
from analysis.outliers.finding import Outliers, find_outliers
from analysis.outliers.keeping import from_result, to_result
from analysis.outliers.scoring import score_new
from embeddings.errors import InvalidImageError
from indexing.filters import Filter
from indexing.images import check_question_fits
from service.analyses.clusters import kept_before
from service.analyses.finding import Found
from service.analyses.paging import span_of
from service.analyses.showing import Texts
from service.errors import BadValueError
from service.schemas.analysis import Made
from service.schemas.outliers import (
    NeighbourAnswer,
    OutlierAnswer,
    OutlierBody,
    OutliersAnswer,
    ScoresAnswer,
    VerdictAnswer,
    reason_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.corpus import Corpus
    from analysis.outliers.result import Verdict
    from analysis.progress import Progress
    from embeddings.types import Encoding, Role
    from indexing.local import LocalCollection
    from service.analyses.finding import Opening
    from service.analyses.kept import Kept, Shelf
    from service.schemas.analysis import PageQuery

KIND = "outliers"


def find(
    collection: str, request: Mapping[str, Any], opening: Opening, progress: Progress
) -> Found:
    """Outliers of the collection; see `service.analyses.finding.Finder`."""
    body = OutlierBody.model_validate(request)
    target = opening(collection)
    corpus = read_corpus(target, filter=body.parsed_filter)
    clusters = kept_before(target) if body.method == "clusters" else None
    found = find_outliers(corpus, body.to_request(), clusters=clusters, progress=progress)
    return Found(KIND, target, made_from(corpus), to_result(found), found.receipt.to_json())


def take(collection: LocalCollection, shelf: Shelf) -> Kept[Outliers]:
    """The outliers that were found last.

    Raises:
        ResultNotFoundError: there are none.
    """
    return shelf.take(collection, KIND, from_result)


def answer_of(collection: LocalCollection, shelf: Shelf, query: PageQuery) -> OutliersAnswer:
    """A page of the documents, the most outlying first."""
    kept = take(collection, shelf)
    outliers = kept.value
    span = span_of(kept, query.cursor, query.limit, len(outliers))
    verdicts = outliers.verdicts(span.first, span.last - span.first)
    texts = Texts(collection, (str(verdict.id) for verdict in verdicts))
    return OutliersAnswer(
        outliers=[
            OutlierAnswer(**texts.of(str(verdict.id)), **_facts(verdict)) for verdict in verdicts
        ],
        threshold=outliers.receipt.threshold,
        count=outliers.receipt.outliers,
        documents=len(outliers),
        cursor=span.cursor,
        made=Made.of(kept),
        stale=kept.stale,
        receipt=outliers.receipt.to_json(),
    )


def scored_corpus(collection: LocalCollection, kept: Kept[Outliers]) -> Corpus:
    """The documents that satisfy the filter the outliers were found under, as they are now."""
    filter = kept.made["request"].get("filter")
    return read_corpus(collection, filter=None if filter is None else Filter.parse(filter))


def scores_of(collection: LocalCollection, shelf: Shelf, encoding: Encoding) -> ScoresAnswer:
    """How little encoded texts belong to the collection.

    Raises:
        ResultNotFoundError: its outliers were not found yet.
        UnsuitableCorpusError: too few of the documents are left that they were found among.
    """
    kept = take(collection, shelf)
    found = score_new(kept.value, scored_corpus(collection, kept), encoding.vectors)
    return ScoresAnswer(
        scores=[VerdictAnswer(**_facts(verdict)) for verdict in found.verdicts()],
        threshold=found.threshold,
        truncated=encoding.truncated.nonzero()[0].tolist(),
        receipt=kept.value.receipt.to_json(),
    )


def scores_of_images(
    collection: LocalCollection, shelf: Shelf, images: Sequence[bytes], role: Role
) -> ScoresAnswer:
    """How little pictures belong to the collection.

    Raises:
        ResultNotFoundError: its outliers were not found yet.
        ModalityMismatchError: its encoder reads no pictures.
        BadValueError: one cannot be read.
        UnsuitableCorpusError: see `scores_of`.
    """
    take(collection, shelf)
    check_question_fits("image", collection.card.encoder, collection.card.name)
    encoder: Any = collection.encoder  # reads pictures too, as was asked
    try:
        encoding = encoder.encode(images, role=role)
    except InvalidImageError as error:
        place, _, reason = str(error).removeprefix("input ").partition(": ")
        raise BadValueError(f"images[{place}]: {reason}", f"images[{place}]") from error
    return scores_of(collection, shelf, encoding)


def _facts(verdict: Verdict) -> dict[str, Any]:
    return {
        "score": verdict.score,
        "is_outlier": verdict.is_outlier,
        "reason": reason_of(verdict),
        "neighbours": [
            NeighbourAnswer(id=each.id, score=round(each.score, 6)) for each in verdict.neighbours
        ],
        "detectors": {name: round(score, 6) for name, score in verdict.detectors.items()},
    }
