"""Recipes of `train images` to be checked and tuned."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from embeddings.training.batches import Batches
from embeddings.training.images import run as running
from embeddings.training.images.losses import expected_loss
from embeddings.training.subjects.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from embeddings.training.images.pictures import Split
    from embeddings.training.images.recipe import ImageRecipe
    from embeddings.training.subjects.table import Part
    from embeddings.training.trainer import Listener, Loop
    from embeddings.training.verdict import Expected

_FLOORS = {"in-batch": 0.9, "triplet": 0.5}
"""Shares of the first loss that a few pictures can be brought below; 0.1 for other losses."""


class ImageSubject:
    """A recipe of images whose pictures were read; see `Subject`.

    What stands for a picture's text is the sum of its file: equal files are found, and pictures
    that only look alike are not.

    Args:
        recipe: what to do.
        folder: of the model.
        listener: told what is done.
    """

    def __init__(self, recipe: ImageRecipe, folder: Path, listener: Listener) -> None:
        self.recipe = recipe
        self.work = running.prepare(recipe, folder, listener)
        self.size = len(self.work.pictures.train)
        self.largest = range(self.size)
        self.measure = self.work.measured
        self.higher_is_better = self.measure != "loss"
        self.rate = recipe.optimiser.learning_rate
        self.batches = Batches(recipe.run.batch, recipe.run.accumulate)
        self.fits_to = max(_FLOORS.get(recipe.loss.name, 0.1), recipe.loss.smoothing and 0.6)

    def tables(self) -> list[Table]:
        """The pictures of every split, by the sums of their files."""
        parts: dict[str, Part] = {"train": "train", "dev": "dev", "test": "test"}
        return [self._table(parts[name], split) for name, split in self.work.pictures.splits()]

    def example(self, row: int) -> tuple[str, ...]:
        """The sum of a training picture's file."""
        return (self.work.pictures.train.digests[row],)

    def trainer(self, batches: Batches, rows: Sequence[int]) -> Loop:
        """A trainer over some training pictures, as they are: checks compare steps."""
        pictures = self.work.pictures
        part = replace(pictures, train=pictures.train.at(np.asarray(rows)), dev=None, test=None)
        return running.assemble(replace(self.work, pictures=part, measured=None), batches)

    def expected(self, batches: Batches, trainer: Loop) -> Expected | None:
        """What the first loss should be."""
        del trainer
        return expected_loss(self.recipe, len(self.work.pictures.classes), batches.per_step)

    def _table(self, part: Part, split: Split) -> Table:
        names = self.work.pictures.classes
        return Table(
            part=part,
            name=part,
            texts={"image": split.digests},
            place=lambda row: split.places[row],
            identity=("image",),
            labels=[names[number] for number in split.labels],
        )
