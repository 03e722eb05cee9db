"""The recipe of `train siamese`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from embeddings.load import DEFAULT_ENCODER
from embeddings.training.bodies import Body, Pool, Shape
from embeddings.training.errors import RecipeError
from embeddings.training.options import Optimiser, Running, Schedule
from embeddings.training.recipe import Above0, Count, FileName, Within
from embeddings.training.sources import Source

Form = Literal[
    "scores",
    "pairs",
    "groups",
    "crops",
    "parts",
    "triplets",
    "nli",
    "parallel",
    "glosses",
    "texts",
    "sentences",
    "retrieval",
]
LossName = Literal[
    "auto",
    "cosine",
    "cosent",
    "angle",
    "contrastive",
    "triplet",
    "ranking",
    "cached-ranking",
    "softmax",
    "mse",
    "distil",
]

FITTING: dict[str, tuple[str, ...]] = {
    "scores": ("cosine", "cosent", "angle", "contrastive"),
    "pairs": ("ranking", "cached-ranking"),
    "groups": ("ranking", "cached-ranking"),
    "crops": ("ranking", "cached-ranking"),
    "parts": ("ranking", "cached-ranking"),
    "triplets": ("ranking", "cached-ranking", "triplet"),
    "nli": ("softmax", "ranking", "cached-ranking", "cosine", "cosent", "angle"),
    "parallel": ("mse", "distil", "ranking", "cached-ranking"),
    "glosses": ("mse", "distil", "ranking", "cached-ranking"),
    "texts": ("distil", "mse"),
    "sentences": ("distil", "mse"),
    "retrieval": ("ranking", "cached-ranking"),
}
"""Losses that can learn from each form of data; the first is what `auto` takes."""


TAUGHT = frozenset({"mse", "distil"})
"""Losses that aim at the vectors of a teacher."""
TRANSLATED = frozenset({"parallel", "glosses"})
"""Forms whose two texts are of two languages."""
ALONE = frozenset({"texts", "sentences"})
"""Forms of one text, which no measure is taken of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Negatives:
    """Hard negatives: documents near a query that do not answer it.

    Attributes:
        count: of each query.
        skip: nearest documents left out: many of them are answers that nobody judged.
        among: the negatives are the best of so many.
        margin: a document nearer to the query than this share of its judged answer's score is
            left out too (positive-aware mining, Moreira et al. 2024, arXiv:2407.15831).
        collection: search there; None searches the source's own documents with the body.
        judged: search nowhere: take documents that were judged to be no answers, of this file
            beside the source's judgements (`hard_negatives` is qrels/hard_negatives.tsv); of
            retrieval alone.
    """

    count: Annotated[int, Within(least=1, most=32)] = 3
    skip: Annotated[int, Within(least=0)] = 0
    among: Count = 50
    margin: Annotated[float, Within(above=0, most=1)] = 0.95
    collection: str | None = None
    judged: str | None = None

    def __post_init__(self) -> None:
        if self.judged is not None and self.collection is not None:
            message = "negatives are searched in a collection or judged in a file, not both"
            raise RecipeError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples(Source):
    """A source of examples and what they are.

    Attributes:
        form: `scores` (sentence1, sentence2, score), `pairs` (anchor, positive), `triplets`
            (anchor, positive, negative), `nli` (premise, hypothesis, label), `parallel`
            (source, target), `retrieval` (a BEIR folder: corpus.jsonl, queries.jsonl,
            qrels/SPLIT.tsv; also packed), `groups` (text, group: texts of a group are alike),
            `crops` (text: two parts of it are alike), `parts` (text, part, group: a text finds
            the whole that its translation is a part of) or `glosses` (title, text: a term and its
            name in Latin letters behind it; `source` and `target` as parallel), `texts` (text: it
            follows a teacher) or `sentences` (text: its sentences do).
        range: the least and the greatest score of the file; they become 0 and 1.
        loss: of this source alone; `auto` is the recipe's.
        learn: texts of parallel sentences that follow a teacher: `both`, or the `target` alone
            (the source may be held in its place by sentences of its own language instead).
        teachers: encoders whose vectors this source follows, instead of the recipe's
            `loss.teacher`; of several the mean direction.
        negatives: mined for pairs and retrieval; None mines none.
    """

    form: Form = "scores"
    range: tuple[float, float] = (0.0, 1.0)
    loss: LossName = "auto"
    learn: Literal["both", "target"] = "both"
    teachers: tuple[Annotated[str, FileName(or_name=True)], ...] = ()
    negatives: Negatives | None = None

    def __post_init__(self) -> None:
        if self.range[0] >= self.range[1]:
            message = f"range of {self.path} is {list(self.range)}; its second must be greater"
            raise RecipeError(message)
        if self.negatives is not None and self.form not in {"pairs", "retrieval"}:
            message = (
                f"{self.path} is of form {self.form!r}; negatives are mined for pairs and retrieval"
            )
            raise RecipeError(message)
        if self.learn != "both" and self.form not in TRANSLATED:
            message = (
                f"learn is {self.learn!r} for {self.path}, which is of form {self.form!r}; it is "
                "for parallel sentences"
            )
            raise RecipeError(message)
        if self.negatives is not None and self.negatives.judged and self.form != "retrieval":
            message = (
                f"negatives.judged is for searches; {self.path} is of form {self.form!r}, whose "
                "negatives are searched for"
            )
            raise RecipeError(message)
        if self.loss != "auto" and self.loss not in FITTING[self.form]:
            raise RecipeError(unfitting(self.loss, self.form, self.path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What is made small.

    Attributes:
        name: `cosine`: squared distance of the cosine from the score (the default for scores);
            `cosent` (Su 2022) and `angle` (Li and Li 2023, arXiv:2309.12871): order of scores;
            `contrastive` (Hadsell et al. 2006): scores of 0 and 1 alone; `triplet` (Schroff et
            al. 2015); `ranking`: in-batch negatives (Henderson et al. 2017, arXiv:1705.00652);
            `cached-ranking`: the same with cached gradients (Gao et al. 2021); `softmax` over
            NLI labels; `mse` to a teacher's vectors (arXiv:2004.09813); `distil`: the same on the
            sphere, with the teacher's likenesses inside a batch; `auto`: the data's.
        scale: of cosines in ranking, distil, cosent and angle: one over the temperature.
        margin: of contrastive (default 0.5) and triplet (default 1, on vectors of any length).
        at_once: examples computed at once by cached-ranking.
        matryoshka: widths that a vector may be cut to, the loss taken at each (Kusupati et al.
            2022, arXiv:2205.13147); empty takes the whole alone.
        teacher: encoder whose vectors mse and distil aim at: a folder, a built-in name
            (`minilm`) or a hub name.
    """

    name: LossName = "auto"
    scale: Above0 = 20.0
    margin: Above0 | None = None
    at_once: Count = 32
    matryoshka: tuple[Count, ...] = ()
    teacher: Annotated[str, FileName(or_name=True)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """Texts put before an input, by role; learned with and stored in the model.

    Attributes:
        query: before anchors and queries.
        document: before positives, negatives and documents.
    """

    query: str = ""
    document: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiameseRecipe:
    """All that `train siamese` needs to know.

    Attributes:
        name: of the encoder; None is the folder's name.
        languages: ISO 639-1 codes, for the card.
        body: see `embeddings.training.bodies.Body.name`.
        shape: of a body made from scratch.
        pooling: see `Body`; so are the next five.
        max_tokens: tokens read of a text.
        dense: width of a layer behind the pooling.
        normalise: vectors of length 1.
        dropout: share of numbers set to 0.
        freeze: train only what stands behind the body.
        prompts: by role.
        train: sources to learn from, mixed by weight.
        dev: sources measured during training; they choose the checkpoint.
        test: sources measured before and after, never during.
        loss: see `Loss`.
        optimiser: see `Optimiser`.
        schedule: see `Schedule`.
        run: see `Running`.
    """

    name: str | None = None
    languages: tuple[str, ...] = ()
    body: Annotated[str, FileName(or_name=True)] = DEFAULT_ENCODER
    shape: Shape = field(default_factory=Shape)
    pooling: Pool = "auto"
    max_tokens: Annotated[int, Within(least=2, most=131_072)] | None = None
    dense: Count | None = None
    normalise: bool | None = None
    dropout: Annotated[float, Within(least=0, below=1)] | None = None
    freeze: bool = False
    prompts: Prompts = field(default_factory=Prompts)
    train: tuple[Examples, ...] = ()
    dev: tuple[Examples, ...] = ()
    test: tuple[Examples, ...] = ()
    loss: Loss = field(default_factory=Loss)
    optimiser: Optimiser = field(default_factory=Optimiser)
    schedule: Schedule = field(default_factory=Schedule)
    run: Running = field(default_factory=Running)

    def __post_init__(self) -> None:
        if not self.train:
            message = "the recipe has no data to learn from; add a [[train]] table with its path"
            raise RecipeError(message)
        for source in (*self.dev, *self.test):
            if source.form in ALONE:
                message = f"{source.path} is of form {source.form!r}, which no measure is taken of"
                raise RecipeError(message)
        losses = {loss_of(self, source) for source in self.train}
        for source in self.train:
            loss = loss_of(self, source)
            if source.teachers and loss not in TAUGHT:
                message = (
                    f"teachers are named for {source.path}, whose loss is {loss!r}; it is "
                    f"{' or '.join(sorted(TAUGHT))} that follows teachers"
                )
                raise RecipeError(message)
            if loss in TAUGHT and not teachers_of(self, source):
                message = (
                    f"loss {loss} needs loss.teacher, the encoder to learn from; "
                    'loss.name = "ranking" learns from translations without one'
                )
                raise RecipeError(message)
            if source.learn == "target" and loss not in TAUGHT:
                message = (
                    f'learn = "target" for {source.path} needs a teacher for the sources to stay '
                    'where they are: loss.teacher = "minilm"'
                )
                raise RecipeError(message)
        if self.loss.matryoshka and "softmax" in losses:
            message = "loss.matryoshka goes around every loss but softmax, which has one width"
            raise RecipeError(message)

    @property
    def encoder(self) -> Body:
        """The body with all that the recipe says of it."""
        return Body(
            name=self.body,
            shape=self.shape,
            pooling=self.pooling,
            max_tokens=self.max_tokens,
            dense=self.dense,
            normalise=self.normalise,
            dropout=self.dropout,
            freeze=self.freeze,
        )


def loss_of(recipe: SiameseRecipe, source: Examples) -> str:
    """The loss a source is learned with.

    Raises:
        RecipeError: the recipe's loss cannot learn from such data.
    """
    name = source.loss if source.loss != "auto" else recipe.loss.name
    if name == "auto":
        if source.form in TRANSLATED and not teachers_of(recipe, source):
            return "ranking"
        return FITTING[source.form][0]
    if name not in FITTING[source.form]:
        raise RecipeError(unfitting(name, source.form, source.path))
    return name


def teachers_of(recipe: SiameseRecipe, source: Examples) -> tuple[str, ...]:
    """The encoders whose vectors a source would follow; none where nobody named one."""
    if source.teachers:
        return source.teachers
    return () if recipe.loss.teacher is None else (recipe.loss.teacher,)


def unfitting(loss: str, form: str, path: str) -> str:
    """The refusal of a loss for a form of data."""
    possible = ", ".join(FITTING[form])
    return f"loss {loss!r} cannot learn from {path} (form {form!r}); possible: {possible}"
