"""A run of pre-training: its recipe, and all that can be refused before the corpus is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from embeddings.training.errors import RecipeError
from embeddings.training.processes import join_processes
from embeddings.training.tokenizer.corpus import Reading
from embeddings.training.toml_text import to_toml
from embeddings.training.trainer import Setup

if TYPE_CHECKING:
    from pathlib import Path

    from embeddings.training.precision import Place
    from embeddings.training.pretraining.examples import Examples, Marks
    from embeddings.training.pretraining.recipe import PretrainRecipe
    from embeddings.training.trainer import Listener


@dataclass(slots=True, eq=False)
class Work:
    """A run: its recipe, its data and where it computes.

    Attributes:
        recipe: what to do.
        out: the model folder.
        place: device and precision.
        device: of this process (`cuda:1` for the second of several).
        listener: who is told.
        tokenizer: transformers' one.
        marks: its special tokens; None for denoising.
        weights: the folder to go on from; None from scratch.
        reading: the corpus.
        measured: the texts to measure on; None where some of the corpus are held out.
        hashes: sha256 of the files, in their order.
        train: examples; None for denoising.
        dev: examples measured during the run; None without any.
        train_texts: texts of denoising.
        dev_texts: texts measured of denoising.
        data: what the receipt says of the sources, by role.
        facts: counts for the receipt.
    """

    recipe: PretrainRecipe
    out: Path
    place: Place
    device: str
    listener: Listener
    tokenizer: Any
    marks: Marks | None
    weights: Path | None
    reading: Reading
    measured: Reading | None
    hashes: list[str]
    train: Examples | None = None
    dev: Examples | None = None
    train_texts: list[str] = field(default_factory=list)
    dev_texts: list[str] = field(default_factory=list)
    data: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    facts: dict[str, int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The recipe as TOML and the hashes of its data: what a resumed run must be equal to."""
        return to_toml(self.recipe) + "".join(f"# sha256 {each}\n" for each in self.hashes)

    @property
    def measure(self) -> str | None:
        """The measure that decides; None where nothing is measured."""
        if self.dev is None and not self.dev_texts:
            return None
        return self.recipe.run.measure or measures_of(self.recipe)[0]

    @property
    def higher_is_better(self) -> bool:
        """Of the measure."""
        return (self.measure or "").endswith("accuracy")

    def setup(self) -> Setup:
        """The run as the trainer takes it."""
        from embeddings.training.loop import CHECKPOINTS

        return Setup(
            folder=self.out / CHECKPOINTS,
            optimiser=self.recipe.optimiser,
            schedule=self.recipe.schedule,
            running=self.recipe.run,
            place=self.place,
            measure=self.measure,
            higher_is_better=self.higher_is_better,
            listener=self.listener,
        )


def measures_of(recipe: PretrainRecipe) -> tuple[str, ...]:
    """The measures of an objective; the first decides if the recipe does not say."""
    if recipe.objective == "denoising":
        return ("loss",)
    pairs = ("pair_accuracy",) if recipe.is_paired else ()
    return ("perplexity", "loss", "accuracy", *pairs)


def prepare(recipe: PretrainRecipe, out: Path, listener: Listener) -> Work:
    """Everything that can be refused without reading the corpus."""
    from embeddings.training.loop import check_folder_is_free
    from embeddings.training.precision import choose_place
    from embeddings.training.pretraining.examples import marks_of
    from embeddings.training.pretraining.models import find_weights, make_model, open_tokenizer

    check_folder_is_free(out)
    place = choose_place(recipe.run)
    if recipe.run.measure not in {None, *measures_of(recipe)}:
        message = (
            f"recipe key 'run.measure' is {recipe.run.measure!r}; objective "
            f"{recipe.objective!r} has {', '.join(measures_of(recipe))}"
        )
        raise RecipeError(message)
    reading = Reading(recipe.train, listener)
    measured = Reading(recipe.dev, listener) if recipe.dev else None
    weights = find_weights(recipe)
    tokenizer = open_tokenizer(recipe, weights)
    marks = None if recipe.objective == "denoising" else marks_of(tokenizer, recipe)
    make_model(recipe, tokenizer, weights)
    read = [reading, *([measured] if measured else [])]
    return Work(
        recipe=recipe,
        out=out,
        place=place,
        device=join_processes(place),
        listener=listener,
        tokenizer=tokenizer,
        marks=marks,
        weights=weights,
        reading=reading,
        measured=measured,
        hashes=[str(each["sha256"]) for files in read for each in files.describe()],
    )
