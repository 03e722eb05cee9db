"""Classifiers over HTTP: texts in, classes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import ConfigDict, Field

from service.schemas.fields import Answer, Body, Within

if TYPE_CHECKING:
    from typing import Self

    from embeddings.classifier import Answers, Classifier, ClassifierCard, Scored

Top = Annotated[int, Within(1, 1000), Field(description="Classes told of each text.")]


class ClassifyBody(Body):
    """Texts to classify."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"texts": ["My card has not arrived."], "top": 3}]}
    )

    texts: Annotated[list[str], Field(min_length=1, examples=[["My card has not arrived."]])]
    top: Top = 1


class ScoredLabel(Answer):
    """A class and how probable it is."""

    label: str
    probability: Annotated[float, Field(description="0 to 1, calibrated where there was data.")]

    @classmethod
    def of(cls, scored: Scored) -> Self:
        """The class as HTTP tells it."""
        return cls(label=scored.label, probability=scored.probability)


class Classified(Answer):
    """What a text is."""

    label: Annotated[
        str | None,
        Field(description="The most probable class it was given; null: none of these."),
    ]
    given: Annotated[
        list[ScoredLabel],
        Field(description="Every class it was given, most probable first; may be empty."),
    ]
    scores: Annotated[
        list[ScoredLabel], Field(description="The `top` most probable classes, given or not.")
    ]


class ClassifyReceipt(Answer):
    """What really answered."""

    classifier: Annotated[dict[str, str], Field(description="Name and fingerprint.")]
    encoder: Annotated[dict[str, str], Field(description="Name and fingerprint.")]
    task: Annotated[
        Literal["single", "multi"],
        Field(description="`single`: at most one class a text; `multi`: any number."),
    ]
    least: Annotated[
        float | None,
        Field(description="Texts whose best probability is lower get no class; null: none are."),
    ]
    tokens: Annotated[int, Field(description="Of all texts, before any cut.")]
    truncated: Annotated[list[int], Field(description="Positions in `texts` that were cut.")]


class ClassifyAnswer(Answer):
    """What the texts are, in their order."""

    results: list[Classified]
    receipt: ClassifyReceipt

    @classmethod
    def made(cls, classifier: Classifier, answers: Answers, top: int) -> Self:
        """The answer of a classifier."""
        card = classifier.card
        results = []
        for row in range(len(answers)):
            given = [ScoredLabel.of(each) for each in answers.given_labels(row)]
            results.append(
                Classified(
                    label=given[0].label if given else None,
                    given=given,
                    scores=[ScoredLabel.of(each) for each in answers.ranked(row, top)],
                )
            )
        receipt = ClassifyReceipt(
            classifier={"name": card.name, "fingerprint": card.fingerprint},
            encoder={"name": _name(card), "fingerprint": card.encoder.fingerprint},
            task=card.rule.task,
            least=card.rule.least,
            tokens=int(answers.tokens.sum()),
            truncated=np.flatnonzero(answers.truncated).tolist(),
        )
        return cls(results=results, receipt=receipt)


class ClassifierAnswer(Answer):
    """A classifier in the data folder."""

    name: str
    task: Literal["single", "multi"]
    labels: list[str]
    encoder: Annotated[dict[str, str], Field(description="Name and fingerprint.")]
    fingerprint: str

    @classmethod
    def of(cls, card: ClassifierCard) -> Self:
        """What is told of a classifier."""
        return cls(
            name=card.name,
            task=card.rule.task,
            labels=list(card.labels),
            encoder={"name": _name(card), "fingerprint": card.encoder.fingerprint},
            fingerprint=card.fingerprint,
        )


class ClassifiersAnswer(Answer):
    """The classifiers in the data folder's `models`, by name."""

    models: list[ClassifierAnswer]
    unusable: Annotated[dict[str, str], Field(description="Why others cannot be opened, by name.")]


def _name(card: ClassifierCard) -> str:
    """A built-in encoder's name; `encoder` for one in the classifier's own folder."""
    from embeddings.classifier_folder import ENCODER, is_built_in

    return card.encoder.name if is_built_in(card.encoder.name) else ENCODER
