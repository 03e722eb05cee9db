"""A run of `train siamese`: its recipe, its data, all that can be refused before the first step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from embeddings.training.processes import join_processes
from embeddings.training.siamese.losses import RANKING
from embeddings.training.siamese.recipe import loss_of
from embeddings.training.toml_text import to_toml

if TYPE_CHECKING:
    from pathlib import Path

    from embeddings.training.precision import Place
    from embeddings.training.siamese.forms import Loaded
    from embeddings.training.siamese.recipe import SiameseRecipe
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
        train: examples by the name of their data set.
        dev: examples measured during the run.
        test: examples measured before and after it.
        losses: names of losses by data set.
        targets: vectors of the teacher by data set, float32 (rows, width), for mse and distil.
        measured: the name of the measure that decides; None without dev data.
        evaluator: of the dev data.
    """

    recipe: SiameseRecipe
    out: Path
    place: Place
    device: str
    listener: Listener
    train: dict[str, Loaded]
    dev: list[Loaded]
    test: list[Loaded]
    losses: dict[str, str]
    targets: dict[str, Any] = field(default_factory=dict)
    measured: str | None = None
    evaluator: Any = None

    @property
    def text(self) -> str:
        """The recipe as TOML and the hashes of its data: what a resumed run must be equal to."""
        files = [file for loaded in self.train.values() for file in loaded.files]
        hashes = [f"# {file['path']} sha256 {file['sha256']}\n" for file in files]
        return to_toml(self.recipe) + "".join(hashes)

    @property
    def batch(self) -> int:
        """Texts measured or mined at once."""
        return 128 if self.place.device == "cuda" else 32


def prepare(recipe: SiameseRecipe, out: Path, listener: Listener) -> Work:
    """Everything that can be refused, read and checked before the first step."""
    from embeddings.training.bodies import find_body
    from embeddings.training.loop import check_folder_is_free
    from embeddings.training.precision import choose_place
    from embeddings.training.siamese.forms import as_ranking, as_scores, load_examples
    from embeddings.training.siamese.measuring import check_measure, make_evaluator

    check_folder_is_free(out)
    place = choose_place(recipe.run)
    find_body(recipe.body)
    train: dict[str, Loaded] = {}
    losses: dict[str, str] = {}
    for source in recipe.train:
        loaded = load_examples(source)
        loss = loss_of(recipe, source)
        if source.form == "nli" and loss in RANKING:
            loaded = as_ranking(loaded)
        elif source.form == "nli" and loss != "softmax":
            loaded = as_scores(loaded)
        name = source.title if source.title not in train else f"{source.title}-{len(train) + 1}"
        train[name], losses[name] = loaded, loss
    work = Work(
        recipe=recipe,
        out=out,
        place=place,
        device=join_processes(place),
        listener=listener,
        train=train,
        dev=[load_examples(source) for source in recipe.dev],
        test=[load_examples(source) for source in recipe.test],
        losses=losses,
    )
    check_measure(recipe.run.measure, work.dev)
    if work.dev:
        work.evaluator, main = make_evaluator(work.dev, recipe.prompts, batch=work.batch)
        chosen = recipe.run.measure
        work.measured = main if chosen in {None, "mean"} else chosen
    return work
