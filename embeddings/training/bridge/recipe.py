"""The recipe of `train bridge`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from embeddings.training.errors import RecipeError
from embeddings.training.options import Optimiser, Schedule
from embeddings.training.recipe import Above0, Count, FileName, Within
from embeddings.training.siamese.recipe import Examples  # noqa: TC001 - read with the fields
from embeddings.types import Role  # noqa: TC001 - read with the fields

FORMS = ("texts", "sentences", "parallel")


def _fast() -> Optimiser:
    return Optimiser(learning_rate=2e-3)


def _falling() -> Schedule:
    return Schedule(name="cosine", warmup=0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeRecipe:
    """All that `train bridge` needs to know.

    Attributes:
        name: of the encoder made; None is the folder's name.
        languages: ISO 639-1 codes, for the card.
        body: encoder that reads the texts; its weights stay as they are.
        teacher: encoder whose vectors are wanted.
        role: whose prompt of the body stands before every text; the encoder made keeps it for both.
        max_tokens: tokens the body reads of a text; None is its own limit.
        width: of the hidden layer.
        dropout: share of hidden numbers set to 0.
        scale: of cosines in the softmax over a batch, see `distillation_loss`.
        train: `texts` or `sentences`, whose teacher's vectors are aimed at; `parallel`, where the
            body reads source and target and the teacher the source alone.
        dev: `parallel`, measured once at the end: who finds whose translation.
        optimiser: see `Optimiser`.
        schedule: see `Schedule`.
        epochs: times the vectors are read; they are computed once.
        batch: vectors of a step.
        seed: of weights, order and dropout.
        precision: what the encoders multiply in; `auto` as in other recipes.
        device: where the encoders compute; `auto` takes a GPU where there is one.
    """

    name: str | None = None
    languages: tuple[str, ...] = ()
    body: Annotated[str, FileName(or_name=True)]
    teacher: Annotated[str, FileName(or_name=True)]
    role: Role = "query"
    max_tokens: Annotated[int, Within(least=2, most=131_072)] | None = None
    width: Count = 2048
    dropout: Annotated[float, Within(least=0, below=1)] = 0.1
    scale: Above0 = 20.0
    train: tuple[Examples, ...] = ()
    dev: tuple[Examples, ...] = ()
    optimiser: Optimiser = field(default_factory=_fast)
    schedule: Schedule = field(default_factory=_falling)
    epochs: Count = 12
    batch: Annotated[int, Within(least=2, most=65_536)] = 512
    seed: Annotated[int, Within(least=0, below=1 << 31)] = 0
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"

    def __post_init__(self) -> None:
        if not self.train:
            message = "the recipe has no data to learn from; add a [[train]] table with its path"
            raise RecipeError(message)
        for source in self.train:
            if source.form not in FORMS:
                message = (
                    f"{source.path} is of form {source.form!r}; a bridge learns from "
                    f"{', '.join(FORMS)}"
                )
                raise RecipeError(message)
        for source in self.dev:
            if source.form != "parallel":
                message = f"{source.path} is of form {source.form!r}; dev is measured on parallel"
                raise RecipeError(message)
