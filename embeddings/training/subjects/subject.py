"""What a kind of recipe gives to be checked and tuned, and how one is opened."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from embeddings.training.errors import RecipeError
from embeddings.training.recipe import keys_of, read_recipe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from embeddings.training.batches import Batches
    from embeddings.training.options import Optimiser, Running, Schedule
    from embeddings.training.subjects.table import Table
    from embeddings.training.trainer import Listener, Loop
    from embeddings.training.verdict import Expected


class AnyRecipe(Protocol):
    """What recipes of all trainers have in common."""

    @property
    def optimiser(self) -> Optimiser:
        """How weights move."""

    @property
    def schedule(self) -> Schedule:
        """How the learning rate moves."""

    @property
    def run(self) -> Running:
        """How long, how large and where."""


class Subject(Protocol):
    """A recipe whose data were read and checked, before its first step.

    Attributes:
        size: training examples.
        largest: those of the largest source, by number.
        measure: the name of the measure that decides; None without dev data.
        higher_is_better: of the measure.
        rate: the learning rate at the top of the schedule.
        batches: how the run cuts its batches at first.
        fits_to: the share of its first value that the loss of a few examples can be brought
            below; some losses have a floor above zero.
    """

    size: int
    largest: range
    measure: str | None
    higher_is_better: bool
    rate: float
    batches: Batches
    fits_to: float

    @property
    def recipe(self) -> AnyRecipe:
        """What to do."""

    def tables(self) -> list[Table]:
        """The examples of every source, as its file has them."""

    def example(self, row: int) -> tuple[str, ...]:
        """The texts of a training example."""

    def trainer(self, batches: Batches, rows: Sequence[int]) -> Loop:
        """A trainer over some training examples, with fresh, seeded weights and no dev data.

        Args:
            batches: how batches are cut.
            rows: numbers of examples, ascending.
        """

    def expected(self, batches: Batches, trainer: Loop) -> Expected | None:
        """What the first loss should be; None where that depends on the data."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Where a kind of recipe lives, as `module:name`.

    Attributes:
        recipe: its dataclass.
        subject: made with recipe, folder and listener.
        train: the whole run: recipe, folder and `listener=` to the receipt.
    """

    recipe: str
    subject: str
    train: str


KINDS = {
    "siamese": Kind(
        "embeddings.training.siamese.recipe:SiameseRecipe",
        "embeddings.training.subjects.siamese:SiameseSubject",
        "embeddings.training.siamese.run:train_siamese",
    ),
    "classifier": Kind(
        "embeddings.training.classifier.recipe:ClassifierRecipe",
        "embeddings.training.subjects.classifier:ClassifierSubject",
        "embeddings.training.classifier.run:train_classifier",
    ),
    "images": Kind(
        "embeddings.training.images.recipe:ImageRecipe",
        "embeddings.training.subjects.images:ImageSubject",
        "embeddings.training.images.run:train_images",
    ),
}


def read_any(
    path: Path, overrides: Sequence[str] = (), kind: str | None = None
) -> tuple[str, AnyRecipe]:
    """The recipe in a file, and its kind.

    Args:
        path: the file.
        overrides: `a.b=value` each.
        kind: one of `KINDS`; None takes the kind whose keys the file uses.

    Raises:
        RecipeError: the recipe does not fit together, or its kind is not known.
    """
    name = kind or guess_kind(path)
    if name not in KINDS:
        message = f"{name!r} is no kind of recipe; possible: {', '.join(KINDS)}"
        raise RecipeError(message)
    recipe: AnyRecipe = read_recipe(_load(KINDS[name].recipe), path, overrides)
    return name, recipe


def open_subject(kind: str, recipe: AnyRecipe, folder: Path, listener: Listener) -> Subject:
    """The recipe with its data read.

    Args:
        kind: one of `KINDS`.
        recipe: of that kind.
        folder: where the model would go, and what is needed on the way.
        listener: told what is done.

    Raises:
        DataError: the data cannot be used.
        TrainingError: something lies in the folder.
    """
    subject: Subject = _load(KINDS[kind].subject)(recipe, folder, listener)
    return subject


def train_any(kind: str, recipe: AnyRecipe, folder: Path, listener: Listener) -> dict[str, Any]:
    """The whole run of a recipe; its receipt.

    Raises:
        EmbeddingError: as the kind's own trainer.
    """
    receipt: dict[str, Any] = _load(KINDS[kind].train)(recipe, folder, listener=listener)
    return receipt


def guess_kind(path: Path) -> str:
    """The kind whose recipe has most of the file's keys; the first of them where several do."""
    try:
        used = set(_keys(tomllib.loads(path.read_text(encoding="utf-8"))))
    except (OSError, ValueError):
        return next(iter(KINDS))  # `read_recipe` tells what is wrong with the file
    known = {name: set(keys_of(_load(kind.recipe))) for name, kind in KINDS.items()}
    return max(known, key=lambda name: len(used & known[name]))


def _keys(data: dict[str, Any], at: str = "") -> list[str]:
    made = []
    for key, value in data.items():
        path = f"{at}.{key}" if at else key
        made.append(path)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                made += _keys(each, path)
    return made


def _load(path: str) -> Any:  # noqa: ANN401 - a class or a function
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
