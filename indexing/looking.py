"""One look into a collection: a filter's rows, a ranking, and the documents of a page of it."""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from embeddings.errors import AnalyzerError
from indexing.candidates import GROWTH, SLACK, Taken, Window, take
from indexing.questions import vector_of
from indexing.ranking import Asked, depth_of, rank
from indexing.tuning import MEASURED_AT
from indexing.types import MAX_LIMIT, Hits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embeddings.types import Vectors
    from indexing.calibration import Calibration
    from indexing.generation import Generation
    from indexing.local import LocalCollection
    from indexing.questions import Question
    from indexing.ranking import Ranking
    from indexing.row_mask import RowMask
    from indexing.sampling import RecallSampler
    from indexing.snapshot import Found, Snapshot
    from indexing.storage import Storage


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What one look saw.

    Attributes:
        snapshot: the moment searched.
        matched: documents that satisfy the filter; None without one.
        ranking: the best rows of that moment.
        taken: the window's part of it.
    """

    snapshot: Snapshot
    matched: int | None
    ranking: Ranking
    taken: Taken


@dataclass(frozen=True, slots=True, eq=False)
class _Moment:
    """The files as they stand, and what searches see of them."""

    version: int
    generation: Generation
    snapshot: Snapshot
    calibration: Calibration | None
    sampler: RecallSampler

    @classmethod
    def of(cls, storage: Storage) -> _Moment:
        """Now."""
        calibration = storage.calibration
        version, generation = storage.version, storage.generation
        return cls(version, generation, generation.snapshot, calibration, storage.sampler)


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What a question looks for at a moment.

    Attributes:
        question: asked.
        moment: that is looked at.
        vector: float32 (1, dim); None for words alone.
        window: of the answer.
        found: what vectors found already, together with those of other questions.
    """

    question: Question
    moment: _Moment
    vector: Vectors | None
    window: Window
    found: Found | None = None

    @classmethod
    def of(
        cls, collection: LocalCollection, question: Question, window: Window, moment: _Moment
    ) -> Sight:
        """Examples looked up, and left out of the window."""
        generation, snapshot = moment.generation, moment.snapshot
        name = collection.card.name
        vector, excluded = vector_of(question, generation.documents, snapshot, name)
        if excluded:
            window = replace(window, excluded=excluded)
        return cls(question, moment, vector, window)

    @property
    def depth(self) -> int:
        """Rows that its vector finds at first."""
        both = self.vector is not None and self.question.terms is not None
        return depth_of(self.window.depth, both=both)

    @property
    def is_shared(self) -> bool:
        """True if its vector may be compared in one call with those of others."""
        return self.vector is not None and self.question.request.filter is None

    def is_exact(self, depth: int) -> bool:
        """True where every vector is to be compared: asked for, or paged beyond offsets."""
        return self.question.request.exact or depth > MAX_LIMIT + SLACK


def sights_of(
    collection: LocalCollection, questions: Sequence[Question], windows: Sequence[Window]
) -> list[Sight | Exception]:
    """What each question looks for in its window, or why it cannot be asked.

    Vectors of like depth without a filter are compared in one call.
    """
    if any(question.terms is not None for question in questions):
        with suppress(AnalyzerError):  # words that cannot be read now are told of in the receipt
            collection.storage.lexicon.catch_up()  # before the moment: calibration needs them
    moment = _Moment.of(collection.storage)
    sights: list[Sight | Exception] = []
    for question, window in zip(questions, windows, strict=True):
        try:
            sights.append(Sight.of(collection, question, window, moment))
        except Exception as error:  # told by whoever asks for it
            sights.append(error)
    _find_together(sights)
    return sights


def look(collection: LocalCollection, sight: Sight) -> Look:
    """What a question finds in its window.

    Rows are found in memory, documents are read from the database. Where a writer came in between
    so that the two disagree, the question is asked again while writers wait.

    Raises:
        DocumentNotFoundError: an id that no document has any more.
        InvalidRequestError: examples that cancel each other out.
    """
    storage, question = collection.storage, sight.question
    if question.request.filter is not None:
        moment = _Moment.of(storage)
        sight = Sight.of(collection, question, sight.window, moment)
    seen = _look_once(sight)
    version = sight.moment.version
    undisturbed = version % 2 == 0 and version == storage.version
    whole = seen.taken.whole and seen.ranking.whole
    if whole and (undisturbed or question.request.filter is None):
        return seen
    with storage.publishing:
        moment = _Moment.of(storage)
        return _look_once(Sight.of(collection, question, sight.window, moment))


def _look_once(sight: Sight) -> Look:
    question, window = sight.question, sight.window
    generation, snapshot = sight.moment.generation, sight.moment.snapshot
    mask = _mask(sight)
    k, found = window.depth, sight.found
    calibration = sight.moment.calibration
    while True:
        asked = Asked(
            sight.vector,
            question.terms,
            mask,
            sight.is_exact(k),
            calibration,
            recall=question.request.recall,
        )
        with question.timed("search"):
            ranking = rank(snapshot, generation.lexicon, asked, k, found=found)
        with question.timed("fetch"):
            complete = k >= snapshot.documents
            taken = take(ranking, window, generation.documents, complete=complete)
        if taken is not None:
            break
        k, found = min(k * GROWTH, snapshot.documents), None
    if not ranking.exact and sight.vector is not None and ranking.found is not None:
        scores = ranking.found.hits.scores[:, :MEASURED_AT]
        sight.moment.sampler.offer(snapshot, sight.vector, scores, mask)
    return Look(
        snapshot=snapshot,
        matched=None if mask is None else mask.count,
        ranking=ranking,
        taken=taken,
    )


def _find_together(sights: list[Sight | Exception]) -> None:
    """Give the sights that may share a call of the vector index what it finds for them."""
    groups: dict[tuple[int, bool, float | None], list[int]] = defaultdict(list)
    for place, sight in enumerate(sights):
        if isinstance(sight, Sight) and sight.is_shared:
            exact = sight.is_exact(sight.window.depth)
            groups[sight.depth, exact, sight.question.request.recall].append(place)
    for (depth, exact, recall), places in groups.items():
        some = [sight for sight in map(sights.__getitem__, places) if isinstance(sight, Sight)]
        if len(some) == 1:
            continue
        started = time.perf_counter()
        queries = np.concatenate([each.vector for each in some if each.vector is not None])
        found = some[0].moment.snapshot.find(queries, depth, exact=exact, recall=recall)
        elapsed = 1e3 * (time.perf_counter() - started)
        for number, (place, sight) in enumerate(zip(places, some, strict=True)):
            its = slice(number, number + 1)
            hits = Hits(found.hits.ids[its], found.hits.scores[its])
            sights[place] = replace(sight, found=replace(found, hits=hits))
            sight.question.milliseconds["search"] += elapsed / len(places)


def _mask(sight: Sight) -> RowMask | None:
    """Which rows satisfy the filter and hold documents; None without a filter."""
    question = sight.question
    if question.request.filter is None:
        return None
    with question.timed("filter"):
        columns, live = sight.moment.generation.columns, sight.moment.snapshot.live
        return columns.live_mask(question.request.filter, live)
