"""Drift: found in a job, shown with the documents that are new."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.corpus import read_corpus
from analysis.drift.finding import LEAST_DOCUMENTS, Drift, find_drift
from analysis.drift.questions import as_corpus, find_answered
from analysis.errors import UnsuitableCorpusError
from analysis.origin import made_from
from indexing.images import check_question_fits
from service.analyses.clusters import kept_before
from service.analyses.finding import Found
from service.analyses.showing import Texts
from service.schemas.analysis import Made
from service.schemas.drift import (
    DriftAnswer,
    DriftBody,
    NewAnswer,
    PoorAnswerBody,
    QuestionsAnswer,
    ShiftAnswer,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.corpus import Corpus
    from analysis.drift.result import PoorAnswer
    from analysis.progress import Progress
    from indexing.local import LocalCollection
    from service.analyses.finding import Opening
    from service.analyses.kept import Kept, Shelf
    from service.schemas.drift import QuestionsBody, SideBody

KIND = "drift"
_AT_ONCE = 256
"""Questions encoded between two looks at whether to go on."""


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

    before = read(body.before)
    if body.questions is not None:
        return _ask(body, body.questions, target, before, progress)
    after = read(body.after)
    found = find_drift(
        before, after, body.to_request(), clusters=kept_before(target), progress=progress
    )
    return Found(KIND, target, made_from(after), found.to_result(), asdict(found.receipt))


def _ask(
    body: DriftBody,
    asked: QuestionsBody,
    target: LocalCollection,
    before: Corpus,
    progress: Progress,
) -> Found:
    """Questions compared with those before, or with the documents, and what answers them."""
    check_question_fits("text", target.card.encoder, target.card.name)
    if len(before) < LEAST_DOCUMENTS:
        message = (
            f"collection {before.card.name!r} has {len(before)} documents to answer questions; at "
            f"least {LEAST_DOCUMENTS} are needed: widen the filter"
        )
        raise UnsuitableCorpusError(message)

    def encoded(texts: Sequence[str], first: int) -> Corpus:
        vectors = []
        for start in range(0, len(texts), _AT_ONCE):
            part = list(texts[start : start + _AT_ONCE])
            vectors.append(target.encoder.encode(part, role="query").vectors)
            progress("questions", start + len(part), len(texts))
        return as_corpus(before, texts, np.concatenate(vectors), first=first)

    after = encoded(asked.texts, 1)
    usual = None if asked.usual is None else encoded(asked.usual, 1 + len(asked.texts))
    request = body.to_request()
    found = find_drift(
        before if usual is None else usual,
        after,
        request,
        clusters=kept_before(target),
        progress=progress,
    )
    answered = find_answered(
        before, after, usual=usual, least=asked.least, examples=request.examples
    )
    warnings = list(found.receipt.warnings)
    if usual is None:
        warnings.append(
            "questions were compared with documents, which differ in style whatever they are "
            "about; give usual questions to see change"
        )
    if answered.least is None:
        warnings.append(
            "nothing says below which score an answer is poor; give usual questions, or least"
        )
    receipt = replace(found.receipt, warnings=tuple(warnings))
    found = replace(found, questions=answered, receipt=receipt)
    return Found(KIND, target, made_from(before), found.to_result(), asdict(receipt))


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
    poor = () if drift.questions is None else drift.questions.poor
    named = [*(each.id for each in drift.new), *(each.nearest for each in poor)]
    texts = Texts(collection, named)
    questions = None
    if drift.questions is not None:
        questions = QuestionsAnswer(
            asked=drift.questions.asked,
            least=drift.questions.least,
            share=drift.questions.share,
            poor=[_poor(each, texts) for each in poor],
        )
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
        questions=questions,
        made=Made.of(kept),
        stale=kept.stale,
        receipt=asdict(drift.receipt),
    )


def _poor(each: PoorAnswer, texts: Texts) -> PoorAnswerBody:
    shown = texts.of(each.nearest)
    return PoorAnswerBody(
        question=each.question,
        score=each.score,
        nearest=each.nearest,
        title=shown["title"],
        text=shown["text"],
    )
