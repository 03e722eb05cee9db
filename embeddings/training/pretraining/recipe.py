"""The recipe of `train pretrain`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from embeddings.training.errors import RecipeError
from embeddings.training.options import Initialisation, Optimiser, Running, Schedule
from embeddings.training.recipe import Count, FileName, Share, Within
from embeddings.training.tokenizer.corpus import Corpus  # noqa: TC001 - read with the fields

Objective = Literal["masked", "causal", "spans", "denoising"]
BODIES = {"masked": "bert", "causal": "gpt2", "spans": "t5", "denoising": "bert"}
"""The body that is made from scratch for an objective."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The size of a body made from scratch.

    Attributes:
        width: of a token.
        layers: of the encoder or decoder; of a T5, of each half.
        heads: of attention; they divide the width.
        inner: width of the feed-forward layers; None is 4 widths.
        dropout: share of numbers set to 0 in training.
        initialisation: of all weights; `default` is the library's.
    """

    width: Count = 256
    layers: Count = 4
    heads: Count = 4
    inner: Count | None = None
    dropout: Annotated[float, Within(least=0, below=1)] = 0.1
    initialisation: Initialisation = "default"

    def __post_init__(self) -> None:
        if self.width % self.heads:
            message = f"size.heads ({self.heads}) does not divide size.width ({self.width})"
            raise RecipeError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Masking:
    """What of a text is masked (Devlin et al. 2019, arXiv:1810.04805).

    Attributes:
        share: of the tokens that are to be told.
        mask: share of those that become the mask token.
        random: share of those that become any token; the rest stays, and is to be told too.
        whole_words: mask all pieces of a word or none; a Korean word is what stands between
            blanks.
    """

    share: Annotated[float, Within(above=0, below=1)] = 0.15
    mask: Share = 0.8
    random: Share = 0.1
    whole_words: bool = False

    def __post_init__(self) -> None:
        if self.mask + self.random > 1:
            message = (
                f"masking.mask ({self.mask:g}) and masking.random ({self.random:g}) are more than "
                "all masked tokens together; the rest of 1 stays as it is"
            )
            raise RecipeError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """What of a text is cut out (Raffel et al. 2020, arXiv:1910.10683, section 3.1.4).

    Attributes:
        share: of the tokens in spans.
        length: of a span in the mean.
    """

    share: Annotated[float, Within(above=0, below=1)] = 0.15
    length: Annotated[float, Within(least=1)] = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """What of a text is lost before it is encoded (TSDAE, Wang et al. 2021, arXiv:2104.06979).

    Attributes:
        delete: share of words that are left out.
        pooling: of the sentence vector: `cls` in the paper, or `mean`.
    """

    delete: Annotated[float, Within(least=0, below=1)] = 0.6
    pooling: Literal["cls", "mean"] = "cls"


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainRecipe:
    """A recipe for a language model, or for sentence vectors without labels.

    Attributes:
        train: plain texts.
        dev: plain texts to measure on; without them some of `train` are held out.
        heldout: share of the texts that are held out where there is no `dev`; 0 measures nothing.
        most_heldout: texts held out at most.
        objective: `masked` (tell masked tokens), `causal` (tell the next token), `spans` (tell
            cut-out spans, T5), `denoising` (tell a text from the vector of its remains, TSDAE).
        sentences: beside masked tokens, whether the second part of a text follows the first:
            `next` (or is from elsewhere; Devlin et al. 2019) or `order` (or stands before it; Lan
            et al. 2020, arXiv:1909.11942). A text is a paragraph; those of one sentence are left
            out.
        body: `bert`, `gpt2` or `t5` from scratch, or a folder, `meari-ko-en` or a hub name to go
            on from; None is the one from scratch that goes with the objective.
        tokenizer: a folder of `train tokenizer`; None takes the body's own.
        size: of a body from scratch.
        max_tokens: tokens of an example, special ones counted.
        packed: fill each example with texts one after another; else each text is an example of
            its own (a long one several), and like lengths go into a batch together.
        masking: see `Masking`.
        spans: see `Spans`.
        noise: see `Noise`.
        languages: ISO 639-1 codes, for the card.
        name: of the model; None is the folder's.
        optimiser: see `Optimiser`.
        schedule: see `Schedule`.
        run: see `Running`; a `batch` is of examples.
    """

    train: tuple[Corpus, ...]
    dev: tuple[Corpus, ...] = ()
    heldout: Annotated[float, Within(least=0, below=1)] = 0.01
    most_heldout: Count = 2_000
    objective: Objective = "masked"
    sentences: Literal["none", "next", "order"] = "none"
    body: Annotated[str, FileName(or_name=True)] | None = None
    tokenizer: Annotated[str, FileName()] | None = None
    size: Size = field(default_factory=Size)
    max_tokens: Annotated[int, Within(least=8, most=65_536)] = 128
    packed: bool = True
    masking: Masking = field(default_factory=Masking)
    spans: Spans = field(default_factory=Spans)
    noise: Noise = field(default_factory=Noise)
    languages: tuple[str, ...] = ()
    name: str | None = None
    optimiser: Optimiser = field(
        default_factory=lambda: Optimiser(learning_rate=5e-4, beta2=0.98, epsilon=1e-6)
    )
    schedule: Schedule = field(default_factory=lambda: Schedule(warmup=0.06))
    run: Running = field(default_factory=lambda: Running(batch=64))

    def __post_init__(self) -> None:
        if not self.train:
            message = "recipe key 'train' is empty; name a corpus: [[train]] with its path"
            raise RecipeError(message)
        if self.sentences != "none" and self.objective != "masked":
            message = (
                f"recipe key 'sentences' is {self.sentences!r}, which goes with objective "
                f"'masked' alone; objective is {self.objective!r}"
            )
            raise RecipeError(message)
        if self.body in {"bert", "gpt2", "t5"} and self.body != BODIES[self.objective]:
            message = (
                f"recipe key 'body' is {self.body!r}; objective {self.objective!r} needs "
                f"{BODIES[self.objective]!r} or a folder"
            )
            raise RecipeError(message)
        if self.is_from_scratch and self.tokenizer is None:
            message = (
                "recipe key 'tokenizer' is missing; a body from scratch needs one: make it with "
                "`meari train tokenizer`"
            )
            raise RecipeError(message)

    @property
    def body_name(self) -> str:
        """The body, the default resolved."""
        return self.body or BODIES[self.objective]

    @property
    def is_from_scratch(self) -> bool:
        """True if no weights are there to begin with."""
        return self.body_name in {"bert", "gpt2", "t5"}

    @property
    def is_paired(self) -> bool:
        """True if an example is two parts of a text."""
        return self.sentences != "none"
