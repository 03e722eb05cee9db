"""A ladder file: the models to train, the rows they make, the data sets they are judged by."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from embeddings.training.errors import RecipeError
from embeddings.training.recipe import Count, FileName, Within, read_recipe
from eval.errors import ChoiceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ModelKind = Literal["siamese", "words", "repool", "bag", "tokenizer", "pretrain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Something to train; its folder is named after it and what it is made of.

    Attributes:
        name: of it, for rows and other models (`@NAME` in `set`).
        kind: `siamese`, `words`, `tokenizer` and `pretrain` as `meari train` makes them, `repool`
            (word vectors of another model that encode texts in another way) or `bag` (counts of
            words weighted by rarity; nothing is learned).
        recipe: of the kind; None takes its defaults. Files it names are meant from the recipe's
            folder, and those it trains on from the ladder's `data`.
        sources: texts of words, tokenizer and bag, from the ladder's `data`.
        set: keys of the recipe (`body=@mlm`).
        source: of repool, the model whose vectors are taken.
        pooling: of repool.
        vocabulary: of a bag, words at most.
        most: of a bag, texts read at most.
    """

    name: str
    kind: ModelKind = "siamese"
    recipe: Annotated[str, FileName()] | None = None
    sources: tuple[str, ...] = ()
    set: tuple[str, ...] = ()
    source: str | None = None
    pooling: Literal["mean", "sif"] = "mean"
    vocabulary: Count = 16_384
    most: Count = 50_000

    @property
    def needs(self) -> list[str]:
        """Names of the models it is made from."""
        found = [text.partition("=")[2].strip()[1:] for text in self.set if "=@" in text]
        return [*found, *([self.source] if self.source else [])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """A data set and the measure it judges by.

    Attributes:
        name: heading of its column.
        form: `similarity` (Spearman of cosines), `retrieval` (a BEIR folder) or `translations`
            (accuracy both ways).
        path: from the ladder's `data`.
        language: of its texts; a row may have an encoder for each.
        split: of it.
        sentence1: column of the first text; of translations the one language.
        sentence2: column of the second; of translations the other.
        where: of translations, only rows with these values, column by column.
        score: column of the judged similarity.
        measure: of retrieval.
        documents: of retrieval, documents at most: all that are relevant, and others drawn at
            random; None takes the whole corpus.
    """

    name: str
    form: Literal["similarity", "retrieval", "translations"] = "similarity"
    path: str
    language: str
    split: str = "test"
    sentence1: str = "sentence1"
    sentence2: str = "sentence2"
    score: str = "score"
    where: dict[str, str] = field(default_factory=dict)
    measure: str = "nDCG@10"
    documents: Count | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the table.

    Attributes:
        name: heading.
        encoder: a model's name, or that of an encoder (`meari-ko-en`, a folder); None where there
            is one for each language.
        encoders: by language.
        note: what a reader should know.
    """

    name: str
    encoder: str | None = None
    encoders: dict[str, str] = field(default_factory=dict)
    note: str = ""

    def of(self, language: str) -> str | None:
        """The encoder for a language; None if the row has none."""
        return self.encoder or self.encoders.get(language)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Encoders over data sets.

    Attributes:
        title: of the page.
        note: under it.
        data: folder of the data sets.
        models: folder that trained models go to.
        seed: of bootstrap intervals and of samples of documents.
        resamples: of the intervals.
        model: what is trained.
        judge: columns.
        row: lines.
    """

    title: str = "Encoders"
    note: str = ""
    data: Annotated[str, FileName()] = "data"
    models: Annotated[str, FileName()] = "models"
    seed: Annotated[int, Within(least=0)] = 0
    resamples: Count = 1_000
    model: tuple[Model, ...] = ()
    judge: tuple[Judge, ...] = ()
    row: tuple[Row, ...] = ()

    def __post_init__(self) -> None:
        for what, names in (
            ("model", [each.name for each in self.model]),
            ("judge", [each.name for each in self.judge]),
            ("row", [each.name for each in self.row]),
        ):
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                message = f"the ladder has two of [[{what}]] with name {twice!r}; rename one"
                raise RecipeError(message)
        if not self.judge or not self.row:
            message = "the ladder needs at least one [[judge]] and one [[row]]"
            raise RecipeError(message)
        known = {model.name for model in self.model}
        for model in self.model:
            unknown = [name for name in model.needs if name not in known]
            if unknown or (model.kind == "repool") != (model.source is not None):
                what = f"model {unknown[0]!r}, which is none" if unknown else "`source` for repool"
                message = f"model {model.name!r} needs {what}; models: {', '.join(sorted(known))}"
                raise RecipeError(message)
        for row in self.row:
            if (row.encoder is None) == (not row.encoders):
                message = f"row {row.name!r} needs either `encoder` or `encoders`"
                raise RecipeError(message)

    def find(self, name: str) -> Model | None:
        """The model of that name."""
        return next((model for model in self.model if model.name == name), None)


def read_ladder(path: Path, overrides: Sequence[str] = ()) -> Ladder:
    """The ladder in a TOML file; files in it are meant from its folder.

    Raises:
        RecipeError: a key is unknown or of the wrong type, or parts do not fit together.
    """
    return read_recipe(Ladder, path, overrides)


def choose_rows(ladder: Ladder, names: Sequence[str]) -> list[Row]:
    """The rows of those names, in the ladder's order; all without names.

    Raises:
        ChoiceError: there is no such row.
    """
    known = [row.name for row in ladder.row]
    for name in names:
        if name not in known:
            message = f"the ladder has no row {name!r}; there are {', '.join(known)}"
            raise ChoiceError(message)
    return [row for row in ladder.row if not names or row.name in names]


def read_given(given: Sequence[str], ladder: Ladder) -> Mapping[str, Path]:
    """`NAME=FOLDER` each, to folders by model's name.

    Raises:
        ChoiceError: it is not of that form, there is no such model, or no such folder.
    """
    made: dict[str, Path] = {}
    for text in given:
        name, equals, folder = text.partition("=")
        path = Path(folder).expanduser()
        if not equals or ladder.find(name) is None:
            known = ", ".join(model.name for model in ladder.model) or "none"
            message = f"--given {text!r} is not of the form MODEL=FOLDER; models: {known}"
            raise ChoiceError(message)
        if not path.is_dir():
            message = f"--given {name}: {path} is not there"
            raise ChoiceError(message)
        made[name] = path
    return made
