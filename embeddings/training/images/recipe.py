"""The recipe of `train images`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from embeddings.images.backbones.plan import BACKBONES
from embeddings.images.framing import Fit  # noqa: TC001 - read with the fields
from embeddings.training.classifier.recipe import Head
from embeddings.training.errors import RecipeError
from embeddings.training.options import Initialisation, Optimiser, Running, Schedule
from embeddings.training.recipe import Above0, Count, FileName, Share, Within
from embeddings.training.sources import Source  # noqa: TC001 - read with the fields

LossName = Literal["cross-entropy", "contrastive", "triplet", "in-batch"]
Learn = Literal["full", "head", "features"]
MEASURES = ("accuracy", "precision@10", "map", "loss")
"""Measures that may decide which weights are kept."""
METRIC_LOSSES = frozenset({"contrastive", "triplet", "in-batch"})
"""Losses of vectors against each other, which need several pictures of a class in a batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The shape of a backbone made from scratch.

    Attributes:
        size: pixels a side that it takes.
        width: channels as a multiple of the paper's.
        normalise: batch normalisation (resnet and mobilenet have it always).
        fit: how a picture becomes a square: the largest in its middle (`crop`), the whole out of
            proportion (`stretch`), or the whole with grey beside it (`pad`).
        initialisation: of all weights.
    """

    size: Annotated[int, Within(least=32, most=224)] = 64
    width: Annotated[float, Within(above=0, most=4)] = 1.0
    normalise: bool = True
    fit: Fit = "crop"
    initialisation: Initialisation = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Augment:
    """What happens to a picture each time it is learned; measured ones stay as they are.

    Attributes:
        crop: least share of the picture's area that is cut out and scaled (Szegedy et al. 2014);
            1 takes all of it.
        flip: chance that left and right change places.
        turn: degrees it is turned by at most, either way.
        colour: how far brightness, contrast and saturation move, as a share.
        erase: chance that a rectangle of it is filled with noise (Zhong et al. 2017,
            arXiv:1708.04896).
    """

    crop: Annotated[float, Within(above=0, most=1)] = 0.8
    flip: Share = 0.5
    turn: Annotated[float, Within(least=0, most=180)] = 0.0
    colour: Annotated[float, Within(least=0, below=1)] = 0.1
    erase: Share = 0.0

    @property
    def changes_nothing(self) -> bool:
        """True if pictures are learned as they are."""
        return self.crop == 1 and not (self.flip or self.turn or self.colour or self.erase)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What is made small.

    Attributes:
        name: `cross-entropy` of a head over the classes; `contrastive` over all pairs of a batch
            (Hadsell et al. 2006); `triplet` with the hardest of a batch (Schroff et al. 2015,
            arXiv:1503.03832; Hermans et al. 2017, arXiv:1703.07737); `in-batch`: a softmax over
            the others of a batch (Khosla et al. 2020, arXiv:2004.11362).
        smoothing: share of every label that is spread over all classes (Szegedy et al. 2015,
            arXiv:1512.00567); of cross-entropy.
        margin: distance that contrastive (default 1) and triplet (default 0.3) want between
            classes; vectors of length 1 are 2 apart at most.
        temperature: that in-batch divides cosines by.
        together: pictures of one class in a batch, of metric losses.
    """

    name: LossName = "cross-entropy"
    smoothing: Annotated[float, Within(least=0, below=1)] = 0.0
    margin: Above0 | None = None
    temperature: Above0 = 0.1
    together: Annotated[int, Within(least=2)] = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecipe:
    """All that `train images` needs to know.

    Attributes:
        name: of the encoder; None is the folder's name.
        body: `alexnet`, `vgg`, `googlenet`, `resnet`, `mobilenet` (from scratch), the folder of
            an image encoder, or a hub name.
        shape: of a body made from scratch.
        dense: width of a layer with tanh behind the body; None has none.
        unit: vectors of length 1.
        dropout: share of numbers set to 0.
        learn: `full` trains all weights; `head` what stands behind the body, which is frozen;
            `features` computes the body's vectors once and lets a head alone learn from them.
        head: how the head of `features` learns.
        augment: see `Augment`.
        holdout: share of the training data held out as dev split where no dev source is named.
        train: sources with `image` and `label`: Parquet with the files' bytes, CSV or JSON lines
            with their paths, or a folder with a folder for each class.
        dev: sources measured during training; they choose the checkpoint.
        test: sources measured at the end.
        loss: see `Loss`.
        optimiser: see `Optimiser`.
        schedule: see `Schedule`.
        run: see `Running`.
    """

    name: str | None = None
    body: Annotated[str, FileName(or_name=True)] = "resnet"
    shape: Shape = field(default_factory=Shape)
    dense: Count | None = None
    unit: bool = True
    dropout: Annotated[float, Within(least=0, below=1)] = 0.0
    learn: Learn = "full"
    head: Head = field(default_factory=Head)
    augment: Augment = field(default_factory=Augment)
    holdout: Share = 0.1
    train: tuple[Source, ...] = ()
    dev: tuple[Source, ...] = ()
    test: tuple[Source, ...] = ()
    loss: Loss = field(default_factory=Loss)
    optimiser: Optimiser = field(
        default_factory=lambda: Optimiser(learning_rate=1e-3, weight_decay=0.05)
    )
    schedule: Schedule = field(default_factory=lambda: Schedule(name="cosine"))
    run: Running = field(default_factory=lambda: Running(epochs=10.0, batch=64))

    def __post_init__(self) -> None:
        for message in (_no_data(self), _no_measure(self), _unfit(self)):
            if message is not None:
                raise RecipeError(message)

    @property
    def from_scratch(self) -> bool:
        """True if the body is made here."""
        return self.body in BACKBONES

    @property
    def is_metric(self) -> bool:
        """True if vectors are learned against each other, without a head."""
        return self.loss.name in METRIC_LOSSES

    @property
    def measure(self) -> str:
        """The measure that decides."""
        return self.run.measure or ("map" if self.is_metric else "accuracy")


def _no_data(recipe: ImageRecipe) -> str | None:
    if not recipe.train:
        return "the recipe has no data to learn from; add a [[train]] table with its path"
    if recipe.holdout == 1:
        return "recipe key 'holdout' is 1; nothing would be left to learn from"
    weighted = [each for each in (*recipe.train, *recipe.dev, *recipe.test) if each.weight != 1]
    if weighted:
        return (
            f"{weighted[0].path} has weight {weighted[0].weight:g}; every picture is read once an "
            "epoch: leave the weight out"
        )
    return None


def _no_measure(recipe: ImageRecipe) -> str | None:
    measure = recipe.run.measure
    if measure is None:
        return None
    possible = [
        each for each in MEASURES if not (recipe.is_metric and each in {"accuracy", "loss"})
    ]
    if measure in possible:
        return None
    return (
        f"recipe key 'run.measure' is {measure!r}; possible for loss {recipe.loss.name!r}: "
        f"{', '.join(possible)}"
    )


def _unfit(recipe: ImageRecipe) -> str | None:
    if recipe.from_scratch and recipe.learn != "full":
        return (
            f"body {recipe.body!r} is made from scratch and knows nothing while it is frozen: "
            'train it with learn = "full", or name the folder of a trained one'
        )
    if recipe.is_metric and recipe.learn == "features":
        return (
            f'learn = "features" fits a head to vectors; loss {recipe.loss.name!r} has none: take '
            'cross-entropy, or learn = "head" with `dense`'
        )
    if recipe.is_metric and recipe.learn == "head" and recipe.dense is None:
        return (
            f"loss {recipe.loss.name!r} with a frozen body has nothing to train; put a layer "
            "behind it (`dense = 128`)"
        )
    if recipe.loss.smoothing and recipe.is_metric:
        return f"loss.smoothing is of cross-entropy; loss {recipe.loss.name!r} has no labels"
    if recipe.is_metric and recipe.run.batch < 2 * recipe.loss.together:
        return (
            f"run.batch is {recipe.run.batch}; two classes of loss.together = "
            f"{recipe.loss.together} pictures do not fit"
        )
    return None
