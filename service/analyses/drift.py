"""Drift: found in a job, shown with the documents that are new."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from analysis.corpus import read_corpus
from analysis.drift.finding import Drift, find_drift
from analysis.origin import made_from
from service.analyses.clusters import kept_before
from service.analyses.finding import Found
from service.analyses.showing import Texts
from service.schemas.analysis import Made
from service.schemas.drift import DriftAnswer, DriftBody, NewAnswer, ShiftAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.corpus import Corpus
    from analysis.progress import Progress
    from indexing.local import LocalCollection
    from service.analyses.finding import Opening
    from service.analyses.kept import Kept, Shelf
    from service.schemas.drift import SideBody

KIND = "drift"


def find(
    collection: str, request: Mapping[str, Any], opening: Opening, progress: Progress
) -> Found:
    """How later documents differ from earlier ones; see `service.analyses.finding.Finder`.

    Growth is told by the clusters of the collection that is asked, where it has some.
    """
    body = DriftBody.model_validate(request)
    target = opening(collection)

    def read(side: SideBody) -> Corpus:
        there = side.collection in {None, collection}
        place = target if there else opening(str(side.collection))
        return read_corpus(place, filter=body.filter_of(side), least=0)

    before, after = read(body.before), read(body.after)
    found = find_drift(
        before, after, body.to_request(), clusters=kept_before(target), progress=progress
    )
    return Found(KIND, target, made_from(after), found.to_result(), asdict(found.receipt))


def take(collection: LocalCollection, shelf: Shelf) -> Kept[Drift]:
    """What was found last.

    Raises:
        ResultNotFoundError: nobody asked yet.
    """
    return shelf.take(collection, KIND, Drift.from_result)


def answer_of(collection: LocalCollection, shelf: Shelf) -> DriftAnswer:
    """What changed. Texts are told of new documents of this collection."""
    kept = take(collection, shelf)
    drift = kept.value
    texts = Texts(collection, (each.id for each in drift.new))
    return DriftAnswer(
        changed=drift.changed,
        p_value=drift.p_value,
        statistic=drift.statistic,
        usual=drift.usual,
        mmd_p_value=drift.mmd_p_value,
        auc=drift.auc,
        auc_p_value=drift.auc_p_value,
        clusters=[ShiftAnswer(**asdict(each)) for each in drift.clusters],
        new_share=drift.new_share,
        new_line=drift.new_line,
        new=[
            NewAnswer(**texts.of(each.id), score=each.score, nearest=each.nearest)
            for each in drift.new
        ],
        made=Made.of(kept),
        stale=kept.stale,
        receipt=asdict(drift.receipt),
    )
