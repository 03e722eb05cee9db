"""Duplicates: found in a job, shown group by group."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from analysis.corpus import read_corpus
from analysis.duplicates.finding import Duplicates, find_duplicates
from analysis.origin import made_from
from service.analyses.finding import Found
from service.analyses.paging import span_of
from service.analyses.showing import Texts
from service.schemas.analysis import Made
from service.schemas.duplicates import (
    DuplicateAnswer,
    DuplicateBody,
    DuplicateGroupAnswer,
    DuplicatesAnswer,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.duplicates.result import DuplicateGroup
    from analysis.progress import Progress
    from indexing.local import LocalCollection
    from service.analyses.finding import Opening
    from service.analyses.kept import Kept, Shelf
    from service.schemas.analysis import PageQuery

KIND = "duplicates"


def find(
    collection: str, request: Mapping[str, Any], opening: Opening, progress: Progress
) -> Found:
    """Duplicates of the collection; see `service.analyses.finding.Finder`."""
    body = DuplicateBody.model_validate(request)
    target = opening(collection)
    corpus = read_corpus(target, filter=body.parsed_filter)
    found = find_duplicates(corpus, body.to_request(), progress=progress)
    return Found(KIND, target, made_from(corpus), found.to_result(), asdict(found.receipt))


def take(collection: LocalCollection, shelf: Shelf) -> Kept[Duplicates]:
    """The duplicates that were found last.

    Raises:
        ResultNotFoundError: nobody asked yet.
    """
    return shelf.take(collection, KIND, Duplicates.from_result)


def answer_of(collection: LocalCollection, shelf: Shelf, query: PageQuery) -> DuplicatesAnswer:
    """A page of the groups."""
    kept = take(collection, shelf)
    found = kept.value
    span = span_of(kept, query.cursor, query.limit, len(found.groups))
    groups = found.groups[span.places]
    texts = Texts(
        collection,
        (id for group in groups for id in (group.representative, *(m.id for m in group.members))),
    )
    return DuplicatesAnswer(
        groups=[_group_answer(group, texts) for group in groups],
        count=len(found.groups),
        translations=found.translations,
        redundant=found.redundant,
        threshold=found.threshold,
        cursor=span.cursor,
        made=Made.of(kept),
        stale=kept.stale,
        receipt=asdict(found.receipt),
    )


def _group_answer(group: DuplicateGroup, texts: Texts) -> DuplicateGroupAnswer:
    kept = texts.of(group.representative)
    return DuplicateGroupAnswer(
        representative=group.representative,
        title=kept["title"],
        text=kept["text"],
        kind=group.kind,
        size=group.size,
        members=[
            DuplicateAnswer(**texts.of(member.id), score=round(member.score, 6), exact=member.exact)
            for member in group.members
        ],
    )
