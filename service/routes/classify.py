"""Classifiers: which class a text belongs to."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

from service.routes.access import JsonAnswer, ReadyEngine, check_texts, refusals, router
from service.schemas.classify import (
    ClassifierAnswer,
    ClassifiersAnswer,
    ClassifyAnswer,
    ClassifyBody,
)

routes = router("classify")

ModelName = Annotated[
    str, Path(description="A folder in the data folder's `models`.", examples=["intents"])
]


@routes.get("/v1/classify", summary="List classifiers", responses=refusals())
async def list_classifiers(engine: ReadyEngine) -> ClassifiersAnswer:
    """The classifiers in the data folder's `models`, by name."""

    def work() -> ClassifiersAnswer:
        opened, problems = engine.classifiers.all()
        told = {name: engine.without_folder(text) for name, text in problems.items()}
        return ClassifiersAnswer(
            models=[ClassifierAnswer.of(each.card) for each in opened], unusable=told
        )

    return await engine.read(work)


@routes.post(
    "/v1/classify/{model}",
    summary="Classify texts",
    response_model=ClassifyAnswer,
    responses=refusals(400, 404, 409, 413, 415, 422),
)
async def classify_texts(model: ModelName, body: ClassifyBody, engine: ReadyEngine) -> JsonAnswer:
    """The class of each text, in order. `label` is null where no class is probable enough."""
    check_texts("texts", body.texts, engine.settings)

    def work() -> JsonAnswer:
        classifier = engine.classifiers.get(model)
        answers = classifier.classify(body.texts)
        engine.metrics.count_tokens(int(answers.tokens.sum()))
        return JsonAnswer.of(ClassifyAnswer.made(classifier, answers, body.top))

    return await engine.read(work)
