"""Leakage: documents that another collection has as well, found in a job."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from analysis.corpus import read_corpus
from analysis.duplicates.leakage import Leakage, find_leakage
from analysis.origin import made_from
from service.analyses.finding import Found
from service.analyses.paging import span_of
from service.analyses.showing import Texts
from service.schemas.analysis import Made
from service.schemas.leakage import LeakageAnswer, LeakageBody, LeakedAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.progress import Progress
    from indexing.local import LocalCollection
    from service.analyses.finding import Opening
    from service.analyses.kept import Kept, Shelf
    from service.schemas.analysis import PageQuery

KIND = "leakage"


def find(
    collection: str, request: Mapping[str, Any], opening: Opening, progress: Progress
) -> Found:
    """What the other collection repeats; see `service.analyses.finding.Finder`."""
    body = LeakageBody.model_validate(request)
    target = opening(collection)
    corpus = read_corpus(target, filter=body.parsed_filter)
    other = read_corpus(opening(body.other), filter=body.parsed_other_filter)
    found = find_leakage(corpus, other, body.to_request(), progress=progress)
    return Found(KIND, target, made_from(corpus), found.to_result(), asdict(found.receipt))


def take(collection: LocalCollection, shelf: Shelf) -> Kept[Leakage]:
    """What was found last.

    Raises:
        ResultNotFoundError: nobody asked yet.
    """
    return shelf.take(collection, KIND, Leakage.from_result)


def answer_of(collection: LocalCollection, shelf: Shelf, query: PageQuery) -> LeakageAnswer:
    """A page of the pairs, the most similar first."""
    kept = take(collection, shelf)
    found = kept.value
    span = span_of(kept, query.cursor, query.limit, len(found.pairs))
    pairs = found.pairs[span.places]
    texts = Texts(collection, (pair.other for pair in pairs))
    return LeakageAnswer(
        pairs=[
            LeakedAnswer(
                **texts.of(pair.other), other=pair.id, score=round(pair.score, 6), exact=pair.exact
            )
            for pair in pairs
        ],
        other=kept.made["request"]["other"],
        count=len(found.pairs),
        share=round(found.share, 6),
        threshold=found.receipt.threshold,
        cursor=span.cursor,
        made=Made.of(kept),
        stale=kept.stale,
        receipt=asdict(found.receipt),
    )
