"""The types of answers against what the server says it answers, and what it does answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from typing import get_type_hints as hints_of

import pytest

from service.client import answers, answers_models, questions
from service.schemas import (
    classify,
    collections,
    documents,
    encoding,
    health,
    index,
    results,
    search,
    words,
)
from tests.service.client.conforming import mismatch

if TYPE_CHECKING:
    from pydantic import BaseModel

ANSWERS: list[tuple[type, type[BaseModel]]] = [
    (answers.EncoderCard, collections.EncoderCardAnswer),
    (answers.CollectionHealth, health.CollectionHealth),
    (answers.HealthAnswer, health.HealthAnswer),
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
    (answers.Match, results.MatchAnswer),
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
]
BODIES: list[tuple[type, type[BaseModel]]] = [
    (questions.Search, search.SearchBody),
    (questions.OptimizeOptions, index.OptimizeBody),
    (questions.DocumentInput, documents.DocumentBody),
    (questions.ParentInput, documents.ParentBody),
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


def test_every_answer_of_the_schemas_has_a_type() -> None:
    """A schema that nobody gave a type is a route that the client has no method for."""
    typed = {theirs for _, theirs in ANSWERS}
    told_otherwise = {
        "LiveAnswer",
        "ReadyAnswer",
        "CollectionAnswer",
        "IndexCardAnswer",
        "CalibrationAnswer",
    }
    for schemas in (collections, documents, results, words, classify, health):
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
