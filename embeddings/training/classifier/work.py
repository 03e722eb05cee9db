"""What a run of `train classifier` holds, before, while and after it learns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from embeddings.classifier import Answers, Layer, Rule
    from embeddings.training.classifier.calibration import Calibrated
    from embeddings.training.classifier.examples import Examples
    from embeddings.training.classifier.fitting import Fitted
    from embeddings.training.classifier.objective import Objective
    from embeddings.training.classifier.recipe import ClassifierRecipe
    from embeddings.training.precision import Place
    from embeddings.training.trainer import Listener
    from embeddings.types import Encoder, Encoding

VECTORS = "vectors"
"""Kept vectors, beside the checkpoints."""
TUNED = "tuned"
"""The tuned encoder, beside the checkpoints until it is known to be kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """A run: its recipe, its data and where it computes.

    Attributes:
        recipe: what to do.
        out: the classifier's folder.
        place: device and precision.
        listener: who is told.
        examples: what is learned and measured.
        objective: what is made small.
    """

    recipe: ClassifierRecipe
    out: Path
    place: Place
    listener: Listener
    examples: Examples
    objective: Objective

    @property
    def device(self) -> str:
        """Of this process (`cuda:1` for the second of several)."""
        from embeddings.training.processes import join_processes

        return join_processes(self.place)

    @property
    def checkpoints(self) -> Path:
        """What is kept while the run goes on."""
        from embeddings.training.loop import CHECKPOINTS

        return self.out / CHECKPOINTS


@dataclass(frozen=True, slots=True, eq=False)
class Frozen:
    """A head that learned alone, and the vectors it learned on.

    Attributes:
        encoder: whose vectors.
        fitted: the head and how it went.
        encoded: vectors by split.
        seconds: encoding train and dev split took; little where they were kept.
    """

    encoder: Encoder
    fitted: Fitted
    encoded: dict[str, Encoding]
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A finished classifier before it is written: one of two ways.

    Attributes:
        way: `head` or `full`.
        encoder: as it will answer.
        layers: of the head.
        calibrated: the rule, and what setting it did.
        answers: to dev and test split.
        scores: of dev and test split.
        history: like a trainer's log.
        seconds: of all that this way needs.
        throughput: as the receipt has it.
        knows_nothing: True if the head began with weights that were drawn.
        extra: for the receipt.
        notes: in sentences.
    """

    way: str
    encoder: Encoder
    layers: tuple[Layer, ...]
    calibrated: Calibrated
    answers: dict[str, Answers]
    scores: dict[str, dict[str, float]]
    history: list[dict[str, Any]]
    seconds: float
    throughput: dict[str, Any]
    knows_nothing: bool
    extra: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def rule(self) -> Rule:
        """How it decides."""
        return self.calibrated.rule
