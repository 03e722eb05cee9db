"""What `train tokenizer` can be told, for a new tokenizer and for more pieces in an old one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from embeddings.training.errors import RecipeError
from embeddings.training.recipe import Above0, Count, FileName, Share, Within
from embeddings.training.sources import Source  # noqa: TC001 - read with the fields
from embeddings.training.tokenizer.corpus import Corpus  # noqa: TC001 - read with the fields

Algorithm = Literal["wordpiece", "bpe", "unigram"]
Style = Literal["auto", "bert", "gpt2", "t5"]
Syllables = Literal["seen", "common", "all"]
_STYLES: dict[str, Style] = {"wordpiece": "bert", "bpe": "gpt2", "unigram": "t5"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerRecipe:
    """A recipe for a tokenizer learned from scratch.

    Attributes:
        train: files of text, each with a column of its own, beside those of the command line.
        algorithm: `wordpiece` (Schuster and Nakajima 2012; Wu et al. 2016, arXiv:1609.08144),
            `bpe` over bytes, which knows every text (Sennrich et al. 2016, arXiv:1508.07909;
            Radford et al. 2019), or `unigram` (Kudo 2018, arXiv:1804.10959).
        vocabulary: pieces in all, special tokens counted; reached exactly or refused.
        style: which special tokens there are and how a text is wrapped: `bert` ([CLS] text
            [SEP]), `gpt2` (text alone), `t5` (text </s>, and 100 sentinels); `auto` is the style
            that goes with the algorithm.
        specials: further special tokens, never cut.
        lower: lower-case letters.
        strip_accents: take accents off (`é` becomes `e`); Hangul stays whole.
        compatible: NFKC, which also turns full-width letters into plain ones, in place of NFC.
        coverage: share of all characters that get a piece of their own (wordpiece, unigram); words
            with a rarer one are unknown.
        syllables: Hangul syllables that are known in any case: those `seen` (within the coverage),
            the 2,350 `common` ones of KS X 1001, or `all` 11,172.
        min_count: a pair is joined if it is seen so many times (wordpiece, bpe).
        longest: characters of the longest piece (bpe, unigram).
        max_tokens: that the folder says models read; None says nothing.
        column: of the command line's sources, see `embeddings.training.tokenizer.corpus.Corpus`.
        most: texts at most of each of them.
        heldout: texts at most that are kept out, to report on.
        languages: ISO 639-1 codes, for the receipt.
        licence: of them, for the receipt; empty says that nobody told.
    """

    train: tuple[Corpus, ...] = ()
    algorithm: Algorithm = "wordpiece"
    vocabulary: Annotated[int, Within(least=10, most=1_000_000)] = 16_000
    style: Style = "auto"
    specials: tuple[str, ...] = ()
    lower: bool = True
    strip_accents: bool = False
    compatible: bool = False
    coverage: Annotated[float, Within(above=0, most=1)] = 0.9999
    syllables: Syllables = "seen"
    min_count: Count = 2
    longest: Annotated[int, Within(least=1, most=256)] = 24
    max_tokens: Count | None = None
    column: Annotated[int, Within(least=1)] | str | None = None
    most: Count | None = None
    heldout: Annotated[int, Within(least=0, most=100_000)] = 2_000
    languages: tuple[str, ...] = ()
    licence: str = ""

    def __post_init__(self) -> None:
        if len(set(self.specials)) < len(self.specials) or not all(self.specials):
            message = f"recipe key 'specials' is {list(self.specials)}; no token twice, none empty"
            raise RecipeError(message)

    @property
    def wrapping(self) -> Style:
        """The style, `auto` resolved."""
        return _STYLES[self.algorithm] if self.style == "auto" else self.style


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionRecipe:
    """A recipe for pieces added to the tokenizer of an existing model.

    Attributes:
        train: files of text, each with a column of its own, beside those of the command line.
        pieces: how many are added; reached exactly or refused.
        scripts: the scripts of the new pieces, as Unicode names their characters (`HANGUL`,
            `HIRAGANA`, `CYRILLIC`). Each new piece has a character of one of them, so that every
            text without such characters is cut as before.
        syllables: Hangul syllables that are known in any case, see `TokenizerRecipe`; with
            scripts that are not Hangul nothing.
        min_count: a pair is joined if it is seen so many times.
        start: where first vectors come from. `auto` takes, piece by piece, the first that is
            there: translations (`parallel`), neighbours (`vectors`), the pieces that the old
            tokenizer cut it into, the mean of all vectors with a little noise. `pieces` leaves
            out the first two, `mean` the first three.
        parallel: translations, columns `new` and `old`, words or sentences.
        pairs: translations at most, drawn at random.
        vectors: word vectors in the new language: a folder of `train words`, or word2vec text.
        neighbours: words a new piece's vector is mixed from, through `vectors`.
        temperature: of the softmax over their cosines.
        noise: deviation of what is added to the mean, in deviations of the old vectors.
        column: of the command line's sources, see `embeddings.training.tokenizer.corpus.Corpus`.
        most: texts at most of each of them.
        heldout: texts at most that are kept out, to report on.
        seed: of noise and draws.
        languages: ISO 639-1 codes of the extended model, for its card.
        licence: of them, for the receipt; empty says that nobody told.
        name: of the extended model; None is the folder's.
    """

    train: tuple[Corpus, ...] = ()
    pieces: Annotated[int, Within(least=1, most=1_000_000)] = 16_000
    scripts: tuple[str, ...] = ("HANGUL",)
    syllables: Syllables = "common"
    min_count: Count = 2
    start: Literal["auto", "pieces", "mean"] = "auto"
    parallel: tuple[Source, ...] = ()
    pairs: Count = 200_000
    vectors: Annotated[str, FileName()] | None = None
    neighbours: Count = 10
    temperature: Above0 = 0.1
    noise: Share = 0.1
    column: Annotated[int, Within(least=1)] | str | None = None
    most: Count | None = None
    heldout: Annotated[int, Within(least=0, most=100_000)] = 2_000
    seed: Annotated[int, Within(least=0, below=1 << 31)] = 0
    languages: tuple[str, ...] = ()
    licence: str = ""
    name: str | None = None

    def __post_init__(self) -> None:
        if not self.scripts or any(not name.strip() for name in self.scripts):
            message = "recipe key 'scripts' is empty; name the script of the new pieces (HANGUL)"
            raise RecipeError(message)
