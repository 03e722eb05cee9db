"""Recipes of `train siamese` to be checked and tuned."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from embeddings.training.batches import Batches
from embeddings.training.siamese import run as running
from embeddings.training.siamese.forms import LABELS, load_examples, pairs_of_groups
from embeddings.training.sources import Source, read_rows
from embeddings.training.subjects.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from embeddings.training.siamese.forms import Loaded
    from embeddings.training.siamese.recipe import Examples, SiameseRecipe
    from embeddings.training.subjects.table import Part
    from embeddings.training.trainer import Listener, Loop
    from embeddings.training.verdict import Expected

_FLOORS = {"cosent": 0.4, "angle": 0.4, "mse": 0.5, "distil": 0.5}
"""Shares of the first loss that a few examples can be brought below; 0.1 for other losses."""


class SiameseSubject:
    """A siamese recipe whose data were read; see `Subject`.

    Hard negatives are not mined: that is part of the run.

    Args:
        recipe: what to do.
        folder: of the model.
        listener: told what is done.
    """

    higher_is_better = True

    def __init__(self, recipe: SiameseRecipe, folder: Path, listener: Listener) -> None:
        self.recipe = recipe
        self.work = running.prepare(recipe, folder, listener)
        self._ends = list(accumulate(len(loaded) for loaded in self.work.train.values()))
        self.size = self._ends[-1]
        spans = [range(*span) for span in zip([0, *self._ends], self._ends, strict=False)]
        self.largest = max(spans, key=len)
        self.measure = self.work.measured
        self.rate = recipe.optimiser.learning_rate
        losses = set(self.work.losses.values())
        cached = recipe.loss.at_once if "cached-ranking" in losses else None
        self.batches = Batches(recipe.run.batch, recipe.run.accumulate, cached)
        self._begun = False
        self.fits_to = max(_FLOORS.get(loss, 0.1) for loss in losses)

    def tables(self) -> list[Table]:
        """The examples of every source."""
        parts: tuple[tuple[Part, tuple[Examples, ...]], ...] = (
            ("train", self.recipe.train),
            ("dev", self.recipe.dev),
            ("test", self.recipe.test),
        )
        return [_table(part, source) for part, sources in parts for source in sources]

    def example(self, row: int) -> tuple[str, ...]:
        """The texts of a training example."""
        at = bisect_right(self._ends, row)
        loaded = list(self.work.train.values())[at]
        inner = row - (self._ends[at] - len(loaded))
        return tuple(column[inner] for column in loaded.texts.values())

    def trainer(self, batches: Batches, rows: Sequence[int]) -> Loop:
        """A trainer over some training examples."""
        if not self._begun:
            # The vocabulary of a body from scratch is that of all training texts.
            running.fresh_model(self.work)
            self._begun = True
        part = self._part(rows)
        running.add_targets(part)
        return running.assemble(part, batches)

    def expected(self, batches: Batches, trainer: Loop) -> Expected | None:
        """What the first loss should be; None where that depends on the data."""
        return running.expected_of(self.work, batches, trainer.model)

    def _part(self, rows: Sequence[int]) -> running.Work:
        """The run on some training examples, without dev and test data."""
        train: dict[str, Loaded] = {}
        begin = 0
        for (name, loaded), end in zip(self.work.train.items(), self._ends, strict=True):
            inner = [row - begin for row in rows if begin <= row < end]
            begin = end
            if inner:
                texts = {
                    key: [column[row] for row in inner] for key, column in loaded.texts.items()
                }
                target: Any = loaded.target and [loaded.target[row] for row in inner]
                train[name] = replace(loaded, texts=texts, target=target)
        losses = {name: self.work.losses[name] for name in train}
        return replace(
            self.work,
            train=train,
            losses=losses,
            dev=[],
            test=[],
            targets={},
            measured=None,
            evaluator=None,
        )


def _table(part: Part, source: Examples) -> Table:
    loaded = load_examples(source)
    target: Any = loaded.target
    is_pair = source.form in {"scores", "nli"}
    names = list(loaded.texts)
    return Table(
        part=part,
        name=source.title,
        texts=dict(loaded.texts),
        place=_places(source),
        identity=tuple(names[:1] if source.form == "retrieval" else names),
        symmetric=source.form == "scores",
        scores=target if source.form == "scores" else None,
        labels=[LABELS[label] for label in target] if is_pair and source.form == "nli" else None,
    )


def _places(source: Examples) -> Callable[[int], str]:
    """Row number to `FILE, line N`; of searches it is the line of the judgement."""
    if source.form == "groups":
        grouped = read_rows(source, ["text", "group"])
        paired = list(pairs_of_groups(grouped))
        return lambda row: grouped.place(paired[row])
    if source.form in {"sentences", "crops", "glosses", "parts"}:
        from embeddings.training.siamese.found import find_examples

        examples = find_examples(source)
        return lambda row: examples.rows.place(examples.origins[row])
    if source.form != "retrieval":
        column = {
            "scores": "sentence1",
            "nli": "premise",
            "parallel": "source",
            "texts": "text",
        }.get(source.form, "anchor")
        # Other columns that the recipe names are not asked for here.
        named = {name: theirs for name, theirs in source.columns.items() if name == column}
        return read_rows(replace(source, columns=named), [column]).place
    from pathlib import Path

    split = source.split or "train"
    folder = Path(source.path) / "qrels"
    path = next(
        (
            found
            for ending in ("", ".gz", ".zst")
            if (found := folder / f"{split}.tsv{ending}").is_file()
        ),
        folder / f"{split}.tsv",
    )
    rows = read_rows(Source(path=str(path)), ["score"])
    judged = [row for row, score in enumerate(rows.columns["score"]) if float(score) > 0]
    return lambda row: rows.place(judged[row])
