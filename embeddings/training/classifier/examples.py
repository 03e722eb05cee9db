"""Labelled texts: read, checked line by line, held out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.training.columns import texts_of
from embeddings.training.errors import DataError
from embeddings.training.sources import describe_source, read_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from embeddings.training.classifier.recipe import ClassifierRecipe
    from embeddings.training.sources import Rows, Source

LEAST = 2
"""Training examples a class has at least."""
_TOLD = 10
"""Classes that a message names at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Texts and what is true of them.

    Attributes:
        texts: n of them.
        truth: bool (n, C), True where the text has the class; a row without any True belongs to
            no class.
        files: what the receipt says of the files.
    """

    texts: list[str]
    truth: npt.NDArray[np.bool_]
    files: list[dict[str, Any]]

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def in_scope(self) -> npt.NDArray[np.bool_]:
        """Bool (n,): True for texts that have a class."""
        return np.asarray(self.truth.any(axis=1))

    def at(self, rows: npt.NDArray[Any]) -> Split:
        """Some of the examples: their numbers, or a mask."""
        places = np.arange(len(self))[rows]
        return replace(self, texts=[self.texts[row] for row in places], truth=self.truth[places])


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """All that a classifier learns from and is measured on.

    Attributes:
        classes: C names, in the order of columns.
        train: what is learned; of task `single` all rows have a class.
        dev: what chooses; None where nothing was named or held out.
        test: what is measured at the end; None where nothing was named.
        notes: what a reader should know of the data, in sentences.
    """

    classes: tuple[str, ...]
    train: Split
    dev: Split | None
    test: Split | None
    notes: list[str]

    def splits(self) -> Iterator[tuple[str, Split]]:
        """The splits there are, by name."""
        for name, split in (("train", self.train), ("dev", self.dev), ("test", self.test)):
            if split is not None:
                yield name, split


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """A source as it was read: rows, their texts, the labels of each."""

    rows: Rows
    texts: list[str]
    labels: list[tuple[str, ...]]


def load_examples(recipe: ClassifierRecipe) -> Examples:
    """The examples of a recipe, checked.

    Raises:
        DataError: a file or column is missing, a text or label blank, a label unknown, one class
            alone, a class with fewer than two examples, or no row left.
    """
    read = {
        name: [_read(source, recipe) for source in sources]
        for name, sources in (("train", recipe.train), ("dev", recipe.dev), ("test", recipe.test))
    }
    foreign = "" if recipe.unknown is None else recipe.unknown.label
    classes = recipe.classes or _classes_in(read["train"], foreign)
    made = {name: _split(sources, classes, foreign) for name, sources in read.items() if sources}
    train, dev, notes = made["train"], made.get("dev"), []
    if not recipe.is_multi and not train.in_scope.all():
        left = int((~train.in_scope).sum())
        notes.append(f"{left:,} training texts of no class ({foreign}) were not learned")
        train = train.at(train.in_scope)
    _check_counts(train, classes, recipe)
    if dev is None and recipe.holdout:
        train, dev = hold_out(train, recipe.holdout, recipe.run.seed)
        notes.append(
            f"{len(dev):,} training texts were held out as dev split (holdout = {recipe.holdout:g})"
        )
    examples = Examples(tuple(classes), train, dev, made.get("test"), notes)
    notes += _remarks(examples)
    return examples


def hold_out(split: Split, share: float, seed: int) -> tuple[Split, Split]:
    """The split without, and with nothing but, a random share of each class.

    A text with several labels counts for its rarest. Of every class one text at least stays.
    """
    counts = split.truth.sum(axis=0)
    rarity = np.where(split.truth, counts, len(split) + 1)
    groups = np.where(split.in_scope, rarity.argmin(axis=1), -1)
    random = np.random.default_rng(seed)
    held = np.zeros(len(split), dtype=np.bool_)
    for group in np.unique(groups):
        rows = random.permutation(np.flatnonzero(groups == group))
        held[rows[: min(round(len(rows) * share), len(rows) - 1)]] = True
    if not held.any():
        message = (
            f"holdout is {share:g}, which is no text of {len(split):,}; name a [[dev]] source, or "
            "hold out more"
        )
        raise DataError(message)
    return split.at(~held), split.at(held)


def _read(source: Source, recipe: ClassifierRecipe) -> _Read:
    rows = read_rows(source, ["text", "label"])
    texts = texts_of(rows, "text")
    labels = [
        tuple(recipe.rename.get(label, label) for label in _labels(rows, row, value, recipe))
        for row, value in enumerate(rows.columns["label"])
    ]
    return _Read(rows, texts, labels)


def _labels(rows: Rows, row: int, value: object, recipe: ClassifierRecipe) -> tuple[str, ...]:
    """The labels in a cell; none is possible for several labels, written as `[]` or blank."""
    if isinstance(value, list):
        found = [str(each).strip() for each in value]
    elif value is None:
        found = [""]
    elif recipe.is_multi and isinstance(value, str):
        found = [part.strip() for part in value.split(recipe.separator)] if value.strip() else []
    else:
        found = [str(value).strip()]
    if "" in found or (not found and not recipe.is_multi):
        hint = "write [] for a text without labels" if recipe.is_multi else "every text needs one"
        message = f"{rows.place(row)}: label is missing or blank; {hint}"
        raise DataError(message)
    if len(found) > 1 and not recipe.is_multi:
        message = (
            f"{rows.place(row)}: label is {value}; one is possible for task 'single', several "
            'for task = "multi"'
        )
        raise DataError(message)
    return tuple(dict.fromkeys(found))


def _classes_in(sources: Sequence[_Read], foreign: str) -> tuple[str, ...]:
    found = {label for read in sources for labels in read.labels for label in labels}
    return tuple(sorted(found - {foreign}))


def _split(sources: Sequence[_Read], classes: Sequence[str], foreign: str) -> Split:
    places = {label: place for place, label in enumerate(classes)}
    truth = np.zeros((sum(len(read.texts) for read in sources), len(classes)), dtype=np.bool_)
    start = 0
    for read in sources:
        for row, labels in enumerate(read.labels):
            for label in labels:
                if label in places:
                    truth[start + row, places[label]] = True
                elif label != foreign:
                    told = _some(classes)
                    message = (
                        f"{read.rows.place(row)}: label {label!r} is unknown; the classes are "
                        f"{told}. Name it in `classes`, rename it (`rename`), or, for texts of no "
                        "class, in `unknown.label`"
                    )
                    raise DataError(message)
        start += len(read.texts)
    files = [describe_source(read.rows.source, len(read.texts)) for read in sources]
    return Split([text for read in sources for text in read.texts], truth, files)


def _check_counts(train: Split, classes: Sequence[str], recipe: ClassifierRecipe) -> None:
    """Refuse what cannot be learned: one class, classes without examples, constant labels."""
    paths = ", ".join(source.path for source in recipe.train)
    if len(classes) < 2 - recipe.is_multi:
        message = (
            f"{paths}: label is {_some(classes)} in all {len(train):,} rows; two classes are the "
            "least that can be told apart"
        )
        raise DataError(message)
    counts = train.truth.sum(axis=0)
    rare = [
        f"{name} ({count})" for name, count in zip(classes, counts, strict=True) if count < LEAST
    ]
    if rare:
        message = (
            f"{paths}: too few examples of {_some(rare)}; a class needs {LEAST} at least. Add "
            "some, or leave the class out (`where`, `rename`)"
        )
        raise DataError(message)
    constant = [name for name, count in zip(classes, counts, strict=True) if count == len(train)]
    if constant:
        message = f"{paths}: every text has label {constant[0]!r}; there is nothing to learn of it"
        raise DataError(message)


def _remarks(examples: Examples) -> Iterator[str]:
    """What a reader should know: classes that a split lacks, test texts that were learned."""
    learned = set(examples.train.texts)
    for name, split in examples.splits():
        counts = split.truth.sum(axis=0)
        absent = [each for each, count in zip(examples.classes, counts, strict=True) if not count]
        if absent:
            yield f"the {name} split has no text of {_some(absent)}"
        repeated = sum(count for text, count in Counter(split.texts).items() if text in learned)
        if name == "test" and repeated:
            yield f"{repeated:,} of {len(split):,} test texts are in the training data word by word"


def _some(names: Sequence[str]) -> str:
    told = ", ".join(names[:_TOLD])
    return f"{told} and {len(names) - _TOLD:,} more" if len(names) > _TOLD else told
