"""The recipe of `train classifier`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from embeddings.load import DEFAULT_ENCODER
from embeddings.training.bodies import SCRATCH, Body, Pool, Shape
from embeddings.training.errors import RecipeError
from embeddings.training.options import Initialisation, Optimiser, Running, Schedule
from embeddings.training.recipe import Above0, Count, FileName, Share, Within
from embeddings.training.sources import Source  # noqa: TC001 - read with the fields

Task = Literal["single", "multi"]
MEASURES: dict[Task, tuple[str, ...]] = {
    "single": ("macro_f1", "accuracy", "loss"),
    "multi": ("macro_f1", "micro_f1", "exact", "loss"),
}
"""Measures that may decide which weights are kept; the first is the usual one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The layers that turn a vector into a number for each class, and how they learn alone.

    Attributes:
        kind: `logistic` is one layer; `mlp` has a hidden one with ReLU before it.
        hidden: width of the mlp's hidden layer.
        dropout: share of the numbers that reach the last layer set to 0 while it learns.
        initialisation: first weights.
        standardise: learn on vectors whose numbers have mean 0 and deviation 1 over the training
            data; the saved weights take vectors as they are.
        epochs: times the vectors are read at most.
        batch: vectors of one step.
        patience: stop after so many epochs that did not better the dev split; None never stops.
        optimiser: see `Optimiser`.
        schedule: see `Schedule`.
    """

    kind: Literal["logistic", "mlp"] = "logistic"
    hidden: Count = 256
    dropout: Annotated[float, Within(least=0, below=1)] = 0.0
    initialisation: Initialisation = "default"
    standardise: bool = True
    epochs: Count = 40
    batch: Count = 64
    patience: Count | None = 8
    optimiser: Optimiser = field(
        default_factory=lambda: Optimiser(learning_rate=3e-3, weight_decay=1.0)
    )
    schedule: Schedule = field(default_factory=lambda: Schedule(name="cosine", warmup=0.02))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """When a text belongs to no class: its best probability is below a threshold.

    The maximum probability as a sign of foreign inputs: Hendrycks and Gimpel 2017,
    arXiv:1610.02136.

    Attributes:
        label: rows of this label belong to no class. They are not learned; those of the dev split
            set the threshold, those of the test split judge it. Empty: there are none.
        worth: the threshold makes the share of other dev texts that are answered rightly, plus
            `worth` times the share of such rows that are refused, the highest.
        keep: where the dev split has no such rows, the share of its texts that are still
            answered; the threshold follows from it.
    """

    label: str = ""
    worth: Above0 = 0.5
    keep: Annotated[float, Within(above=0, most=1)] = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierRecipe:
    """All that `train classifier` needs to know.

    Attributes:
        name: of the classifier; None is the folder's name.
        languages: ISO 639-1 codes, for the card.
        encoder: a built-in name, an encoder's folder or a hub name; with `full` also a body made
            from scratch (`bow`, `words`, `cnn`, `lstm`, `transformer`).
        role: whose prompt goes before a text, if the encoder has prompts.
        cache: folder that keeps the encoder's vectors for other runs; None keeps them until the
            run is done.
        task: `single`: one class a text (softmax); `multi`: any number of them (a sigmoid each).
        classes: those possible, in their order; empty takes those of the training data, sorted.
        rename: other names for labels of the data (`{0 = "negative", 1 = "positive"}`).
        separator: what parts several labels in one cell; lists are taken as they are.
        balance: weights of classes in the loss: `none`, `full` (one over their frequency) or
            `root` (the root of that). For `multi` it is the weight of texts with the label
            against those without.
        calibrate: divide logits by a temperature found on the dev split (Guo et al. 2017,
            arXiv:1706.04599).
        thresholds: for `multi`, found on the dev split for the best F1: one for all labels
            (`one`), one for each (`each`; labels with fewer than 10 dev texts take the common
            one), or 0.5 (`half`).
        unknown: texts of no class; None answers every text with a class.
        holdout: share of the training data held out as dev split where no dev source is named.
        train: sources with `text` and `label`.
        dev: sources that choose weights, temperature and thresholds.
        test: sources measured at the end, for nothing else.
        head: see `Head`.
        full: learn encoder and head together; otherwise the encoder stays as it is.
        compare: do both, report both, keep the one that is better on the dev split.
        head_first: before `full`, let the head learn alone, so that its first errors do not spoil
            the encoder (Kumar et al. 2022, arXiv:2202.10054).
        head_rate: learning rate of the head in `full`, as a multiple of the encoder's.
        shape: of a body made from scratch.
        pooling: see `Body`; so are the next two. All three are of `full` alone.
        max_tokens: tokens read of a text.
        dropout: share of numbers set to 0 in the encoder.
        optimiser: of `full`; the head alone has its own, `head.optimiser`.
        schedule: of `full`.
        run: of `full`, but for seed, device and measure, which both take.
    """

    name: str | None = None
    languages: tuple[str, ...] = ()
    encoder: Annotated[str, FileName(or_name=True)] = DEFAULT_ENCODER
    role: Literal["query", "document"] = "document"
    cache: Annotated[str, FileName()] | None = None
    task: Task = "single"
    classes: tuple[str, ...] = ()
    rename: dict[str, str] = field(default_factory=dict)
    separator: str = "|"
    balance: Literal["none", "root", "full"] = "none"
    calibrate: bool = True
    thresholds: Literal["one", "each", "half"] = "one"
    unknown: Unknown | None = None
    holdout: Share = 0.1
    train: tuple[Source, ...] = ()
    dev: tuple[Source, ...] = ()
    test: tuple[Source, ...] = ()
    head: Head = field(default_factory=Head)
    full: bool = False
    compare: bool = False
    head_first: bool = True
    head_rate: Above0 = 10.0
    shape: Shape = field(default_factory=Shape)
    pooling: Pool = "auto"
    max_tokens: Annotated[int, Within(least=2, most=131_072)] | None = None
    dropout: Annotated[float, Within(least=0, below=1)] | None = None
    optimiser: Optimiser = field(default_factory=lambda: Optimiser(learning_rate=5e-5))
    schedule: Schedule = field(default_factory=Schedule)
    run: Running = field(default_factory=Running)

    def __post_init__(self) -> None:
        for message in (_no_data(self), _no_measure(self), _unfit(self), _no_classes(self)):
            if message is not None:
                raise RecipeError(message)

    @property
    def is_multi(self) -> bool:
        """True if a text may have any number of labels."""
        return self.task == "multi"

    @property
    def measure(self) -> str:
        """The measure that decides."""
        return self.run.measure or MEASURES[self.task][0]

    @property
    def from_scratch(self) -> bool:
        """True if the encoder is made here."""
        return self.encoder in SCRATCH

    @property
    def tunes(self) -> bool:
        """True if the encoder learns."""
        return self.full or self.compare

    @property
    def needs_vectors(self) -> bool:
        """True if a head learns alone, for itself or before the encoder."""
        return not self.full or self.compare or (self.head_first and not self.from_scratch)

    @property
    def body(self) -> Body:
        """The encoder to tune with all that the recipe says of it."""
        return Body(
            name=self.encoder,
            shape=self.shape,
            pooling=self.pooling,
            max_tokens=self.max_tokens,
            dropout=self.dropout,
        )


def _no_data(recipe: ClassifierRecipe) -> str | None:
    if not recipe.train:
        return "the recipe has no data to learn from; add a [[train]] table with its path"
    if recipe.holdout == 1:
        return "recipe key 'holdout' is 1; nothing would be left to learn from"
    weighted = [each for each in (*recipe.train, *recipe.dev, *recipe.test) if each.weight != 1]
    if weighted:
        return (
            f"{weighted[0].path} has weight {weighted[0].weight:g}; a classifier reads every "
            "example once an epoch: leave the weight out, and see `balance`"
        )
    return None


def _no_measure(recipe: ClassifierRecipe) -> str | None:
    measure, possible = recipe.run.measure, MEASURES[recipe.task]
    if measure is None or measure in possible:
        return None
    told = ", ".join(possible)
    return f"recipe key 'run.measure' is {measure!r}; possible for task {recipe.task!r}: {told}"


def _unfit(recipe: ClassifierRecipe) -> str | None:
    if recipe.from_scratch and (recipe.compare or not recipe.full):
        return (
            f"encoder {recipe.encoder!r} is made from scratch and knows nothing while it is "
            "frozen: train it with --full (`full = true`) and without `compare`"
        )
    if recipe.tunes and recipe.encoder.partition(":")[0] == "hash":
        return f"encoder {recipe.encoder!r} has no weights to tune; leave `full` out"
    if recipe.is_multi and recipe.unknown is not None:
        return "[unknown] is for task 'single'; a text of task 'multi' may have no label anyway"
    return None


def _no_classes(recipe: ClassifierRecipe) -> str | None:
    classes = recipe.classes
    if classes and len(set(classes)) < 2 - recipe.is_multi:
        return f"recipe key 'classes' is {list(classes)}; two are the least that can be told apart"
    if len(set(classes)) < len(classes):
        return f"recipe key 'classes' names a class twice: {', '.join(classes)}"
    if recipe.unknown is not None and recipe.unknown.label in classes:
        return f"recipe key 'unknown.label' is {recipe.unknown.label!r}, one of the classes"
    return None
