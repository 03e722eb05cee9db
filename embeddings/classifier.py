"""Classifiers of texts: an encoder, a head on its vectors, and a rule that decides.

The head is computed by numpy: beside the encoder it costs nothing, and needs no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Self

    import numpy.typing as npt

    from embeddings.types import Counts, Encoder, EncoderCard, Encoding, Role, Vectors

    Floats = npt.NDArray[np.float32]
    Flags = npt.NDArray[np.bool_]

Task = Literal["single", "multi"]


class Layer(NamedTuple):
    """A linear layer: x W^T + b.

    Attributes:
        weight: float32 (outputs, inputs).
        bias: float32 (outputs,).
    """

    weight: Floats
    bias: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """Linear layers with ReLU between them.

    Attributes:
        layers: the first takes vectors, the last gives a logit for each class.
    """

    layers: tuple[Layer, ...]

    @property
    def kind(self) -> str:
        """`logistic` for one layer, `mlp` for more."""
        return "logistic" if len(self.layers) == 1 else "mlp"

    def logits(self, vectors: Vectors) -> Floats:
        """float32 (n, C)."""
        found = vectors
        for place, layer in enumerate(self.layers):
            found = found @ layer.weight.T + layer.bias
            if place < len(self.layers) - 1:
                found = np.maximum(found, 0)
        return found


@dataclass(frozen=True, slots=True)
class Rule:
    """How logits become probabilities, and probabilities answers.

    Attributes:
        task: `single`: softmax, the best class is the answer; `multi`: a sigmoid each, every
            class at or above its threshold is.
        temperature: logits are divided by it.
        thresholds: of `multi`, one for each class.
        least: of `single`: a text whose best probability is below it belongs to no class; None
            answers every text.
    """

    task: Task
    temperature: float = 1.0
    thresholds: tuple[float, ...] | None = None
    least: float | None = None

    def probabilities(self, logits: Floats) -> Floats:
        """float32 (n, C); rows of `single` add up to 1."""
        scaled = logits / np.float32(self.temperature)
        if self.task == "multi":
            # By tanh, which overflows for no logit: sigmoid(x) = (1 + tanh(x / 2)) / 2.
            return np.asarray((1 + np.tanh(scaled / 2)) / 2, dtype=np.float32)
        powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        shares: Floats = powers / powers.sum(axis=1, keepdims=True)
        return shares

    def decide(self, probabilities: Floats) -> Flags:
        """Bool (n, C): the classes a text is given; of equal ones the first."""
        if self.task == "multi":
            each = (0.5,) if self.thresholds is None else self.thresholds
            return np.asarray(probabilities >= np.asarray(each, dtype=np.float32))
        made = np.zeros(probabilities.shape, dtype=np.bool_)
        best = probabilities.argmax(axis=1)
        rows = np.arange(len(best))
        made[rows, best] = True
        if self.least is not None:
            made[probabilities[rows, best] < np.float32(self.least)] = False
        return made


class Scored(NamedTuple):
    """A class and how probable it is."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a classifier says of texts, in their order.

    Attributes:
        labels: C names, in the order of columns.
        probabilities: float32 (n, C).
        given: bool (n, C); a row without any True belongs to no class.
        tokens: int32 (n,), of each text before any cut.
        truncated: bool (n,), True where the encoder did not read to the end.
    """

    labels: tuple[str, ...]
    probabilities: Floats
    given: Flags
    tokens: Counts
    truncated: Flags

    @classmethod
    def of(cls, encoding: Encoding, head: Head, rule: Rule, labels: tuple[str, ...]) -> Self:
        """The answers to encoded texts."""
        probabilities = rule.probabilities(head.logits(encoding.vectors))
        given = rule.decide(probabilities)
        return cls(labels, probabilities, given, encoding.tokens, encoding.truncated)

    def __len__(self) -> int:
        return len(self.probabilities)

    def given_labels(self, row: int) -> list[Scored]:
        """The classes a text was given, most probable first; may be empty."""
        return [each for each in self.ranked(row) if self.given[row, self.labels.index(each.label)]]

    def ranked(self, row: int, top: int | None = None) -> list[Scored]:
        """The most probable classes, given or not; ties in the order of labels."""
        found = self.probabilities[row]
        order = np.argsort(-found, kind="stable")[:top]
        return [Scored(self.labels[place], float(found[place])) for place in order]


@dataclass(frozen=True, slots=True)
class ClassifierCard:
    """The identity of a classifier: two of one fingerprint give the same answers.

    Attributes:
        name: what it is called; a folder's name unless told otherwise.
        labels: C classes, in the order of logits.
        rule: how it decides.
        role: whose prompt goes before a text.
        head: `logistic` or `mlp`.
        encoder: the card of its encoder.
        fingerprint: sha256 (hex) over the encoder's fingerprint, head, labels, role and rule.
    """

    name: str
    labels: tuple[str, ...]
    rule: Rule
    role: Role
    head: str
    encoder: EncoderCard
    fingerprint: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "name": self.name,
            "task": self.rule.task,
            "labels": list(self.labels),
            "temperature": self.rule.temperature,
            "thresholds": None if self.rule.thresholds is None else list(self.rule.thresholds),
            "least": self.rule.least,
            "role": self.role,
            "head": self.head,
            "encoder": {"name": self.encoder.name, "fingerprint": self.encoder.fingerprint},
            "fingerprint": self.fingerprint,
        }


class Classifier:
    """Tells which classes texts belong to; safe to use in threads if its encoder is.

    Use `open`.

    Attributes:
        card: its identity.
        encoder: what makes vectors of texts.
        head: what makes logits of vectors.
    """

    def __init__(self, card: ClassifierCard, encoder: Encoder, head: Head) -> None:
        self.card = card
        self.encoder = encoder
        self.head = head

    @classmethod
    def open(
        cls, folder: Path, *, name: str | None = None, load: Callable[[str], Encoder] | None = None
    ) -> Self:
        """The classifier in a folder; nothing in it is run.

        Args:
            folder: as `train classifier` leaves it.
            name: what it is called; None is the folder's name.
            load: opens its encoder by built-in name or folder; None is `load_encoder`.

        Raises:
            EncoderNotFoundError: the folder is no classifier, or its encoder is gone.
            EncoderRefusedError: it is damaged, or asks for code or pickle.
            HeadMismatchError: the encoder is another one than the head was made for.
        """
        from embeddings.classifier_folder import read_classifier

        return cls(*read_classifier(folder, name=name or folder.resolve().name, load=load))

    def classify(self, texts: Sequence[str]) -> Answers:
        """The classes of texts, in their order.

        Raises:
            TypeError: `texts` is a bare string, or holds something that is not one.
            InvalidInputError: a text is empty or blank.
        """
        encoding = self.encoder.encode(texts, role=self.card.role)
        return Answers.of(encoding, self.head, self.card.rule, self.card.labels)
