"""The types of answers against what the server says it answers, and what it does answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from typing import get_type_hints as hints_of

import pytest

from service.client import (
    answers,
    answers_models,
    answers_structure,
    questions,
    questions_structure,
)
from service.schemas import (
    analysis,
    classify,
    clusters,
    collections,
    documents,
    drift,
    duplicates,
    encoding,
    errors,
    health,
    images,
    index,
    jobs,
    leakage,
    outliers,
    results,
    search,
    words,
)
from service.schemas import map as maps
from tests.service.client.conforming import mismatch

if TYPE_CHECKING:
    from pydantic import BaseModel

ANSWERS: list[tuple[type, type[BaseModel]]] = [
    (answers.EncoderCard, collections.EncoderCardAnswer),
    (answers.CollectionHealth, health.CollectionHealth),
    (answers.HealthAnswer, health.HealthAnswer),
    (answers.Image, images.ImageAnswer),
    (answers.CollectionAnswer, collections.CollectionCardAnswer),
    (answers.CollectionsAnswer, collections.CollectionsAnswer),
    (answers.DropAnswer, collections.DropAnswer),
    (answers.VerifyAnswer, collections.VerifyAnswer),
    (answers.Parent, documents.ParentAnswer),
    (answers.DocumentAnswer, documents.DocumentAnswer),
    (answers.PageAnswer, documents.PageAnswer),
    (answers.WriteAnswer, documents.WriteAnswer),
    (answers.StatesAnswer, documents.StatesAnswer),
    (answers.DeletedAnswer, documents.DeleteAnswer),
    (answers.CountAnswer, documents.CountAnswer),
    (answers.Snippet, results.SnippetAnswer),
    (answers.MatchCluster, results.MatchCluster),
    (answers.Match, results.MatchAnswer),
    (answers.QuestionVerdict, results.QuestionVerdict),
    (answers.SearchReceipt, results.ReceiptAnswer),
    (answers.SearchAnswer, results.SearchAnswer),
    (answers.SearchesAnswer, results.BatchAnswer),
    (answers.Embedding, encoding.Embedding),
    (answers.Usage, encoding.Usage),
    (answers.EmbeddingsAnswer, encoding.EmbeddingsAnswer),
    (answers.SimilarityReceipt, encoding.SimilarityReceipt),
    (answers.SimilarityAnswer, encoding.SimilarityAnswer),
    (answers.EncoderAnswer, encoding.EncoderAnswer),
    (answers.EncodersAnswer, encoding.EncodersAnswer),
    (answers_models.WordReading, words.WordReading),
    (answers_models.ScoredWord, words.ScoredWord),
    (answers_models.NeighboursAnswer, words.NeighboursAnswer),
    (answers_models.AnalogyAnswer, words.AnalogyAnswer),
    (answers_models.WordSimilarityAnswer, words.WordSimilarityAnswer),
    (answers_models.WordModel, words.WordModel),
    (answers_models.WordModelsAnswer, words.WordModelsAnswer),
    (answers_models.ScoredLabel, classify.ScoredLabel),
    (answers_models.Classified, classify.Classified),
    (answers_models.ClassifyReceipt, classify.ClassifyReceipt),
    (answers_models.ClassifyAnswer, classify.ClassifyAnswer),
    (answers_models.ClassifierAnswer, classify.ClassifierAnswer),
    (answers_models.ClassifiersAnswer, classify.ClassifiersAnswer),
    (answers_structure.JobProgress, jobs.ProgressAnswer),
    (answers_structure.JobFault, errors.ErrorDetail),
    (answers_structure.Job, jobs.JobAnswer),
    (answers_structure.JobsAnswer, jobs.JobsAnswer),
    (answers_structure.Made, analysis.Made),
    (answers_structure.Shown, analysis.Shown),
    (answers_structure.Cluster, clusters.ClusterAnswer),
    (answers_structure.ClusterGroup, clusters.GroupAnswer),
    (answers_structure.ClusterEvent, clusters.EventAnswer),
    (answers_structure.ClustersAnswer, clusters.ClustersAnswer),
    (answers_structure.ClusterMember, clusters.Member),
    (answers_structure.MembersAnswer, clusters.MembersAnswer),
    (answers_structure.NearDocument, outliers.NeighbourAnswer),
    (answers_structure.Verdict, outliers.VerdictAnswer),
    (answers_structure.Outlier, outliers.OutlierAnswer),
    (answers_structure.OutliersAnswer, outliers.OutliersAnswer),
    (answers_structure.ScoresAnswer, outliers.ScoresAnswer),
    (answers_structure.Duplicate, duplicates.DuplicateAnswer),
    (answers_structure.DuplicateGroup, duplicates.DuplicateGroupAnswer),
    (answers_structure.DuplicatesAnswer, duplicates.DuplicatesAnswer),
    (answers_structure.Leaked, leakage.LeakedAnswer),
    (answers_structure.LeakageAnswer, leakage.LeakageAnswer),
    (answers_structure.MapTile, maps.TileFacts),
    (answers_structure.MapLabel, maps.LabelAnswer),
    (answers_structure.MapAnswer, maps.MapAnswer),
    (answers_structure.MapPoint, maps.PointAnswer),
    (answers_structure.MapPointsAnswer, maps.PointsAnswer),
    (answers_structure.MapDocument, maps.Placed),
    (answers_structure.MapDocumentsAnswer, maps.PlacedAnswer),
    (answers_structure.MapFieldAnswer, maps.FieldAnswer),
    (answers_structure.ClusterShift, drift.ShiftAnswer),
    (answers_structure.NewDocument, drift.NewAnswer),
    (answers_structure.PoorAnswer, drift.PoorAnswerBody),
    (answers_structure.QuestionsAnswer, drift.QuestionsAnswer),
    (answers_structure.DriftAnswer, drift.DriftAnswer),
]
BODIES: list[tuple[type, type[BaseModel]]] = [
    (questions.Search, search.SearchBody),
    (questions.OptimizeOptions, index.OptimizeBody),
    (questions.DocumentInput, documents.DocumentBody),
    (questions.ParentInput, documents.ParentBody),
    (questions_structure.ClusterOptions, clusters.ClusterBody),
    (questions_structure.OutlierOptions, outliers.OutlierBody),
    (questions_structure.DuplicateOptions, duplicates.DuplicateBody),
    (questions_structure.MapOptions, maps.MapBody),
    (questions_structure.Side, drift.SideBody),
    (questions_structure.DriftOptions, drift.DriftBody),
    (questions_structure.JobsWanted, jobs.JobsQuery),
]


def name_of(pair: object) -> str:
    return getattr(pair, "__name__", "")


@pytest.mark.parametrize(("ours", "theirs"), ANSWERS + BODIES, ids=name_of)
def test_a_type_has_the_fields_of_the_servers_schema(ours: type, theirs: type[BaseModel]) -> None:
    assert ours.__annotations__.keys() <= hints_of(ours).keys()
    assert set(hints_of(ours)) == set(theirs.model_fields)


def test_a_recommendation_has_the_fields_of_its_schema() -> None:
    ours = {*hints_of(questions.RecommendOptions), "positive"}
    assert ours == set(search.RecommendBody.model_fields)


def test_leakage_has_the_fields_of_its_schema() -> None:
    ours = {*hints_of(questions_structure.LeakageOptions), "other"}
    assert ours == set(leakage.LeakageBody.model_fields)


def test_every_answer_of_the_schemas_has_a_type() -> None:
    """A schema that nobody gave a type is a route that the client has no method for."""
    typed = {theirs for _, theirs in ANSWERS}
    told_otherwise = {
        "LiveAnswer",
        "ReadyAnswer",
        "CollectionAnswer",
        "IndexCardAnswer",
        "CalibrationAnswer",
        "ResultAnswer",
    }
    structure = (jobs, clusters, outliers, duplicates, leakage, maps, drift)
    for schemas in (collections, documents, results, words, classify, health, *structure):
        for name, kind in vars(schemas).items():
            if name.endswith("Answer") and name != "Answer" and name not in told_otherwise:
                assert kind in typed, name


@pytest.mark.parametrize(
    ("value", "hint", "wrong"),
    [
        ({"count": 1}, answers.CountAnswer, None),
        ({"count": True}, answers.CountAnswer, "answer.count is True, not <class 'int'>"),
        ({"count": "1"}, answers.CountAnswer, "answer.count is '1', not <class 'int'>"),
        ({}, answers.CountAnswer, "answer has ['count'] too many or too few"),
        ({"a": 1}, dict[str, float], None),
        ([None], list[int | None], None),
        ([None], list[int], "answer[0] is None, not <class 'int'>"),
        ("b", Literal["a"], "answer is 'b'"),
        ({"card": None}, dict[str, answers.Parent], "answer['card'] is None, not"),
        ([{"id": 1}], list[answers.Parent | None], "answer[0] has ['chunk', 'end', 'start'] too"),
    ],
)
def test_the_check_itself(value: object, hint: object, wrong: str | None) -> None:
    found = mismatch(value, hint)
    assert found is None if wrong is None else (found or "").startswith(wrong)
