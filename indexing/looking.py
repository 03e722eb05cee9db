"""One look into a collection: a filter's rows, a ranking and the documents of a page of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from indexing.candidates import GROWTH, SLACK, Taken, Window, take
from indexing.questions import vector_of
from indexing.ranking import Asked, rank
from indexing.types import MAX_LIMIT

if TYPE_CHECKING:
    from indexing.local import LocalCollection
    from indexing.questions import Question
    from indexing.ranking import Ranking
    from indexing.snapshot import Snapshot
    from indexing.types import Ids


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What one look saw.

    Attributes:
        snapshot: the moment searched.
        matched: documents that satisfy the filter; None without one.
        searched: documents the answer was chosen from.
        ranking: the best rows of that moment.
        taken: the window's part of it.
    """

    snapshot: Snapshot
    matched: int | None
    searched: int
    ranking: Ranking
    taken: Taken


def look(collection: LocalCollection, question: Question, window: Window) -> Look:
    """What a question finds.

    Rows are found in memory, filters and documents are read from the database. Where a writer
    came in between so that the two disagree, the question is asked again while writers wait.
    """
    storage = collection.storage
    version, documents = storage.version, storage.documents
    seen = _look_once(collection, question, window)
    undisturbed = version % 2 == 0 and version == storage.version
    filtered = question.request.filter is not None
    if seen.taken.whole and storage.documents is documents and (undisturbed or not filtered):
        return seen
    with storage.publishing:
        return _look_once(collection, question, window)


def _look_once(collection: LocalCollection, question: Question, window: Window) -> Look:
    storage, request = collection.storage, question.request
    snapshot = storage.snapshot
    rows = _filter_rows(collection, question)
    vector, excluded = vector_of(collection, question, snapshot)
    window = replace(window, excluded=excluded) if excluded else window
    k = window.depth
    while True:
        exact = request.exact or k > MAX_LIMIT + SLACK
        asked = Asked(vector, question.terms, rows, exact)
        with question.timed("search"):
            ranking = rank(snapshot, storage.lexicon, asked, k)
        with question.timed("fetch"):
            complete = k >= snapshot.documents
            taken = take(ranking, window, storage.documents, complete=complete)
        if taken is not None:
            break
        k = min(k * GROWTH, snapshot.documents)
    return Look(
        snapshot=snapshot,
        matched=None if rows is None else len(rows),
        searched=snapshot.documents if rows is None else int(np.count_nonzero(rows >= 0)),
        ranking=ranking,
        taken=taken,
    )


def _filter_rows(collection: LocalCollection, question: Question) -> Ids | None:
    if question.request.filter is None:
        return None
    with question.timed("filter"):
        return collection.storage.documents.rows(question.request.filter)
