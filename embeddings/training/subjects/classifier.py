"""Recipes of `train classifier` to be checked and tuned."""
# ruff: noqa: ANN401 - models are the library's

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.training.batches import Batches
from embeddings.training.classifier.objective import layer_count
from embeddings.training.classifier.run import prepare
from embeddings.training.classifier.tuning import Tuning, assemble
from embeddings.training.initialisation import set_dropout
from embeddings.training.sources import read_rows
from embeddings.training.subjects.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from embeddings.training.classifier.recipe import ClassifierRecipe
    from embeddings.training.sources import Source
    from embeddings.training.subjects.table import Part
    from embeddings.training.trainer import Listener, Loop
    from embeddings.training.verdict import Expected

_SAMPLE = 256
"""Texts whose vectors tell mean and deviation, for a head that learns alone."""


class ClassifierSubject:
    """A classifier's recipe whose data were read; see `Subject`.

    Where the head learns alone, the encoder is frozen and what the head reads is standardised as
    in the run. Where encoder and head learn together, the head begins with drawn weights: what a
    first lesson of the head alone brings is left out.

    Args:
        recipe: what to do.
        folder: of the model.
        listener: told what is done.
    """

    fits_to = 0.1

    def __init__(self, recipe: ClassifierRecipe, folder: Path, listener: Listener) -> None:
        self.recipe = recipe
        self.work = prepare(recipe, folder, listener)
        examples = self.work.examples
        self.size = len(examples.train)
        self.largest = range(self.size)
        self.measure = recipe.measure if examples.dev is not None else None
        self.higher_is_better = recipe.measure != "loss"
        head = recipe.head
        self.rate = (recipe if recipe.tunes else head).optimiser.learning_rate
        if recipe.tunes:
            self.batches = Batches(recipe.run.batch, recipe.run.accumulate)
        else:
            self.batches = Batches(head.batch)

    def tables(self) -> list[Table]:
        """The examples of every source; a dev split held out of the training data is none."""
        parts: tuple[tuple[Part, tuple[Source, ...]], ...] = (
            ("train", self.recipe.train),
            ("dev", self.recipe.dev),
            ("test", self.recipe.test),
        )
        return [self._table(part, source) for part, sources in parts for source in sources]

    def example(self, row: int) -> tuple[str, ...]:
        """The text of a training example."""
        return (self.work.examples.train.texts[row],)

    def trainer(self, batches: Batches, rows: Sequence[int]) -> Loop:
        """A trainer over some training examples."""
        recipe, work = self.recipe, self.work
        alone = not recipe.tunes
        if alone:
            recipe = replace(
                recipe,
                full=True,
                optimiser=recipe.head.optimiser,
                schedule=recipe.head.schedule,
                head_rate=1.0,
            )
        examples = work.examples
        train = examples.train.at(np.asarray(rows))
        part = replace(examples, train=train, dev=None, test=None)
        # The vocabulary of a body from scratch is that of all training texts: it is made first.
        tuning = Tuning(recipe, work.out, work.place, work.listener, examples, work.objective, None)
        if recipe.from_scratch:
            _ = assemble(replace(tuning, examples=replace(examples, dev=None)), batches)
        trainer = assemble(replace(tuning, examples=part), batches)
        if alone:
            self._freeze(trainer.model, train.texts)
        return trainer

    def expected(self, batches: Batches, trainer: Loop) -> Expected | None:
        """What the first loss should be."""
        del batches, trainer
        return self.work.objective.expected(from_scratch=True)

    def _freeze(self, model: Any, texts: Sequence[str]) -> None:
        """Leave the head alone to learn, on numbers of mean 0 and deviation 1."""
        body = list(model)[: -layer_count(self.recipe.head)]
        for module in body:
            module.requires_grad_(requires_grad=False)
            set_dropout(module, 0.0)
        if self.recipe.head.standardise:
            from embeddings.training.subjects.standardising import standardising_layer

            layer = standardising_layer(model, len(body), texts[:_SAMPLE])
            model.insert(len(body), layer)

    def _table(self, part: Part, source: Source) -> Table:
        rows = read_rows(source, ["text", "label"])
        texts = [str(text) for text in rows.columns["text"]]
        labels = [self._label(value) for value in rows.columns["label"]]
        return Table(
            part=part,
            name=source.title,
            texts={"text": texts},
            place=rows.place,
            identity=("text",),
            labels=labels,
        )

    def _label(self, value: object) -> str:
        """The label of a cell by the recipe's names; several are joined by a bar."""
        rename = self.recipe.rename
        if isinstance(value, list):
            found = [str(each).strip() for each in value]
        elif self.recipe.is_multi:
            found = [part.strip() for part in str(value or "").split(self.recipe.separator)]
        else:
            found = [str(value).strip()]
        return "|".join(sorted(rename.get(label, label) for label in found))
