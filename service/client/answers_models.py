"""The JSON objects that word vectors and classifiers answer with, as types."""

from __future__ import annotations

from typing import Literal, TypedDict

from service.client.answers import Identity  # noqa: TC001 - type hints can be resolved


class WordReading(TypedDict):
    """How a word was understood."""

    word: str
    known: bool
    through: Literal["word", "parts", "subwords"]
    read_as: list[str]


class ScoredWord(TypedDict):
    """A known word and its score."""

    word: str
    score: float


class NeighboursAnswer(WordReading):
    """Known words of highest cosine, best first."""

    model: str
    neighbours: list[ScoredWord]


class AnalogyAnswer(TypedDict):
    """Known words that answer, best first."""

    model: str
    rule: Literal["3cosadd", "3cosmul"]
    words: list[WordReading]
    answers: list[ScoredWord]


class WordSimilarityAnswer(TypedDict):
    """How near two words are."""

    model: str
    words: list[WordReading]
    score: float


class WordModel(TypedDict):
    """Word vectors in the server's data folder."""

    name: str
    method: str
    words: int
    dim: int
    languages: list[str]


class WordModelsAnswer(TypedDict):
    """Word vectors by name, and why others cannot be opened."""

    models: list[WordModel]
    unusable: dict[str, str]


class ScoredLabel(TypedDict):
    """A class and how probable it is."""

    label: str
    probability: float


class Classified(TypedDict):
    """What a text is."""

    label: str | None
    given: list[ScoredLabel]
    scores: list[ScoredLabel]


class ClassifyReceipt(TypedDict):
    """What really answered."""

    classifier: Identity
    encoder: Identity
    task: Literal["single", "multi"]
    least: float | None
    tokens: int
    truncated: list[int]


class ClassifyAnswer(TypedDict):
    """What the texts are, in their order."""

    results: list[Classified]
    receipt: ClassifyReceipt


class ClassifierAnswer(TypedDict):
    """A classifier in the server's data folder."""

    name: str
    task: Literal["single", "multi"]
    labels: list[str]
    encoder: Identity
    fingerprint: str


class ClassifiersAnswer(TypedDict):
    """Classifiers by name, and why others cannot be opened."""

    models: list[ClassifierAnswer]
    unusable: dict[str, str]
