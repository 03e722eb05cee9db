"""Word vectors over HTTP: neighbours, analogies, similarity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import ConfigDict, Field

from service.schemas.fields import Answer, Body, Query, Within

if TYPE_CHECKING:
    from typing import Self

    from embeddings.words.model import Answer as WordsFound
    from embeddings.words.model import Reading, Words

Word = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        description="As it is written, or any form of it (먹었다 is read as 먹다).",
        examples=["서울"],
    ),
]
Limit = Annotated[int, Within(1, 1000), Field(description="Words at most.")]
Rule = Annotated[
    Literal["3cosadd", "3cosmul"],
    Field(
        description="`3cosadd`: cos(d, b - a + c). `3cosmul`: cos(d, b) cos(d, c) / cos(d, a), "
        "cosines from 0 to 1."
    ),
]


class NeighboursQuery(Query):
    """What stands behind `?`."""

    word: Word
    limit: Limit = 10


class WordSimilarityQuery(Query):
    """What stands behind `?`."""

    a: Word
    b: Word


class AnalogyBody(Body):
    """a : b = c : ? (man, king, woman: queen)."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"a": "한국", "b": "서울", "c": "일본"}]}
    )

    a: Word
    b: Word
    c: Word
    limit: Limit = 10
    rule: Rule = "3cosadd"


class WordReading(Answer):
    """How a word was understood."""

    word: Annotated[str, Field(description="As it was asked for.")]
    known: Annotated[bool, Field(description="True if the vector is that of one known word.")]
    through: Annotated[
        Literal["word", "parts", "subwords"],
        Field(
            description="`parts`: the mean of known words it is made of. `subwords`: of n-grams."
        ),
    ]
    read_as: Annotated[
        list[str], Field(description="Known words the vector is made of; empty for n-grams.")
    ]

    @classmethod
    def of(cls, reading: Reading) -> Self:
        """The reading without its vector."""
        return cls.model_validate(reading.to_json())


class ScoredWord(Answer):
    """A known word and its score."""

    word: str
    score: Annotated[float, Field(description="Cosine; of `3cosmul` a quotient above 0.")]


class NeighboursAnswer(WordReading):
    """Known words of highest cosine, best first, without the word itself."""

    model: str
    neighbours: list[ScoredWord]

    @classmethod
    def made(cls, model: str, found: WordsFound) -> Self:
        """The answer of a model."""
        told = [each.to_json() for each in found.neighbours]
        reading = found.readings[0].to_json()
        return cls.model_validate({**reading, "model": model, "neighbours": told})


class AnalogyAnswer(Answer):
    """Known words that answer, best first, without those of the question."""

    model: str
    rule: Rule
    words: Annotated[list[WordReading], Field(description="a, b and c.")]
    answers: list[ScoredWord]

    @classmethod
    def made(cls, model: str, rule: str, found: WordsFound) -> Self:
        """The answer of a model."""
        words = [each.to_json() for each in found.readings]
        answers = [each.to_json() for each in found.neighbours]
        told = {"model": model, "rule": rule, "words": words, "answers": answers}
        return cls.model_validate(told)


class WordSimilarityAnswer(Answer):
    """How near two words are."""

    model: str
    words: Annotated[list[WordReading], Field(description="a and b.")]
    score: Annotated[float, Field(description="Cosine, -1 to 1.")]


class WordModel(Answer):
    """Word vectors in the data folder."""

    name: str
    method: str
    words: int
    dim: int
    languages: list[str]

    @classmethod
    def of(cls, words: Words) -> Self:
        """What is told of a model."""
        facts = words.table.facts
        return cls(
            name=words.name,
            method=facts.method,
            words=len(words),
            dim=facts.dim,
            languages=list(facts.languages),
        )


class WordModelsAnswer(Answer):
    """The word vectors in the data folder's `models`, by name."""

    models: list[WordModel]
    unusable: Annotated[dict[str, str], Field(description="Why others cannot be opened, by name.")]
