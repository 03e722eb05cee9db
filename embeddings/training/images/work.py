"""A run of `train images`: its recipe, its data, all that can be refused before the first step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from embeddings.training.toml_text import to_toml

if TYPE_CHECKING:
    from pathlib import Path

    from embeddings.training.images.pictures import Pictures
    from embeddings.training.images.recipe import ImageRecipe
    from embeddings.training.precision import Place
    from embeddings.training.trainer import Listener


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """A run: its recipe, its data and where it computes.

    Attributes:
        recipe: what to do.
        out: the model folder.
        place: device and precision.
        device: of this process (`cuda:1` for the second of several).
        listener: who is told.
        pictures: what is learned and measured.
        size: pixels a side that the network takes.
        measured: the measure that decides; None without dev split.
    """

    recipe: ImageRecipe
    out: Path
    place: Place
    device: str
    listener: Listener
    pictures: Pictures
    size: int
    measured: str | None

    @property
    def text(self) -> str:
        """The recipe as TOML and the hashes of its data: what a resumed run must be equal to."""
        files = [file for _, split in self.pictures.splits() for file in split.files]
        hashes = [f"# {file['path']} sha256 {file['sha256']}\n" for file in files]
        return to_toml(self.recipe) + "".join(hashes)

    @property
    def batch(self) -> int:
        """Pictures measured at once."""
        return 256 if self.place.device == "cuda" else 64


def prepare(recipe: ImageRecipe, out: Path, listener: Listener) -> Work:
    """Everything that can be refused, read and checked before anything is computed."""
    from embeddings.training.images.bodies import size_of
    from embeddings.training.images.pictures import load_pictures
    from embeddings.training.loop import check_folder_is_free
    from embeddings.training.precision import choose_place
    from embeddings.training.processes import join_processes

    check_folder_is_free(out)
    place = choose_place(recipe.run)
    size = size_of(recipe)
    pictures = load_pictures(recipe, size, listener)
    return Work(
        recipe=recipe,
        out=out,
        place=place,
        device=join_processes(place),
        listener=listener,
        pictures=pictures,
        size=size,
        measured=None if pictures.dev is None else recipe.measure,
    )
