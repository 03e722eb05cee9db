"""Word vectors: neighbours, analogies, similarity."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

from fastapi import Path, Query

from embeddings.errors import UnknownWordError
from service.errors import BadTextError, WordNotFoundError
from service.routes.access import ReadyEngine, refusals, router
from service.schemas.words import (
    AnalogyAnswer,
    AnalogyBody,
    NeighboursAnswer,
    NeighboursQuery,
    WordModel,
    WordModelsAnswer,
    WordReading,
    WordSimilarityAnswer,
    WordSimilarityQuery,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

routes = router("words")

ModelName = Annotated[
    str, Path(description="A folder in the data folder's `models`.", examples=["words-ko"])
]


@routes.get("/v1/words", summary="List word vectors", responses=refusals())
async def list_word_models(engine: ReadyEngine) -> WordModelsAnswer:
    """The word vectors in the data folder's `models`, by name."""

    def work() -> WordModelsAnswer:
        opened, problems = engine.words.all()
        told = {name: engine.without_folder(text) for name, text in problems.items()}
        return WordModelsAnswer(models=[WordModel.of(each) for each in opened], unusable=told)

    return await engine.read(work)


@routes.get(
    "/v1/words/{model}/neighbours",
    summary="Find words near a word",
    responses=refusals(400, 404, 422),
)
async def find_neighbours(
    model: ModelName, query: Annotated[NeighboursQuery, Query()], engine: ReadyEngine
) -> NeighboursAnswer:
    """Known words of highest cosine. `known` is false where only parts of the word are known."""

    def work() -> NeighboursAnswer:
        with _naming({"word": query.word}):
            found = engine.words.get(model).neighbours(query.word, query.limit)
        return NeighboursAnswer.made(model, found)

    return await engine.read(work)


@routes.post(
    "/v1/words/{model}/analogy",
    summary="Solve an analogy",
    responses=refusals(400, 404, 413, 415, 422),
)
async def solve_analogy(model: ModelName, body: AnalogyBody, engine: ReadyEngine) -> AnalogyAnswer:
    """What is to `c` as `b` is to `a`, best first."""

    def work() -> AnalogyAnswer:
        with _naming({"a": body.a, "b": body.b, "c": body.c}):
            words = engine.words.get(model)
            found = words.analogy(body.a, body.b, body.c, body.limit, rule=body.rule)
        return AnalogyAnswer.made(model, body.rule, found)

    return await engine.read(work)


@routes.get(
    "/v1/words/{model}/similarity",
    summary="Compare two words",
    responses=refusals(400, 404, 422),
)
async def compare_words(
    model: ModelName, query: Annotated[WordSimilarityQuery, Query()], engine: ReadyEngine
) -> WordSimilarityAnswer:
    """The cosine of two words."""

    def work() -> WordSimilarityAnswer:
        with _naming({"a": query.a, "b": query.b}):
            *readings, score = engine.words.get(model).similarity(query.a, query.b)
        words = [WordReading.of(each) for each in readings]
        return WordSimilarityAnswer(model=model, words=words, score=score)

    return await engine.read(work)


@contextmanager
def _naming(asked: Mapping[str, str]) -> Iterator[None]:
    """Have the block's refusal of a word say which of the request's fields it speaks of.

    Raises:
        BadTextError: a blank word.
        WordNotFoundError: a word without a vector.
    """
    for name, word in asked.items():
        if not word.strip():
            raise BadTextError(f"{name} is blank; there is no word to look up", name)
    try:
        yield
    except UnknownWordError as error:
        field = next((name for name, word in asked.items() if word.strip() == error.word), None)
        raise WordNotFoundError(str(error), field) from error
