"""What `train words` can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from embeddings.training.errors import RecipeError
from embeddings.training.recipe import Above0, Count, Weight, Within
from embeddings.words.folder import Pooling  # noqa: TC001 - recipes read their annotations

Method = Literal["skip-gram", "cbow", "fasttext", "fasttext-cbow"]
_ALPHAS = {"skip-gram": 0.025, "cbow": 0.05, "fasttext": 0.025, "fasttext-cbow": 0.05}
MOST_BUCKETS = 1 << 24


@dataclass(frozen=True, slots=True, kw_only=True)
class WordRecipe:
    """A recipe for word vectors.

    Mikolov, Chen, Corrado and Dean, "Efficient Estimation of Word Representations in Vector
    Space", 2013, arXiv:1301.3781; Mikolov et al., "Distributed Representations of Words and
    Phrases", 2013, arXiv:1310.4546; fastText: arXiv:1607.04606.

    Attributes:
        method: `skip-gram` (a word foretells its neighbours), `cbow` (neighbours foretell the
            word), `fasttext` and `fasttext-cbow` (the same over words and their n-grams).
        dim: width of a vector.
        epochs: times the corpus is gone through.
        window: most words to either side; each word draws its own width from 1 to this.
        negative: noise words beside each true one, drawn by frequency to the power 0.75.
        min_count: words seen less often get no vector.
        most_words: words at most, the most frequent; None takes all.
        sample: words more frequent than this share of the corpus are left out at random; 0: none.
        alpha: learning rate at the start; None is 0.025, for CBOW 0.05. It falls in a line.
        min_alpha: learning rate at the end.
        shortest: characters of the shortest n-gram, `<` and `>` around a word counted.
        longest: of the longest.
        buckets: vectors that n-grams share by hash.
        jamo: take Hangul apart into letters before n-grams are taken; a syllable is 2 or 3 of them.
        analyzer: `auto`, `kiwi` or `bigrams`; English words are lower-cased and not stemmed.
        column: of .tsv its number from 1, of .jsonl its key; None takes all cells of a .tsv
            line, and `title` and `text` of a .jsonl object.
        heldout: lines at most that are kept out of training to score it; 0 scores nothing.
        pooling: how the folder encodes texts: `sif` or `mean`.
        smoothing: `a` of SIF's weights a / (a + p(word)).
        common: directions common to all texts that SIF takes out.
        workers: threads that train; None is one a processor. One thread gives equal vectors for
            equal seeds, several do not: they write into one matrix without waiting.
        processes: that analyse the corpus; None is one a processor, at most 8.
        seed: of starting vectors and draws.
        languages: ISO 639-1 codes of the corpus, for the encoder's card.
        licence: of the corpus, for the receipt; empty says that nobody told.
    """

    method: Method = "skip-gram"
    dim: Annotated[int, Within(least=2, most=4096)] = 200
    epochs: Count = 5
    window: Annotated[int, Within(least=1, most=100)] = 5
    negative: Annotated[int, Within(least=1, most=100)] = 5
    min_count: Count = 5
    most_words: Count | None = None
    sample: Annotated[float, Within(least=0, below=1)] = 1e-4
    alpha: Above0 | None = None
    min_alpha: Weight = 1e-4
    shortest: Annotated[int, Within(least=1, most=32)] = 3
    longest: Annotated[int, Within(least=1, most=32)] = 6
    buckets: Annotated[int, Within(least=1, most=MOST_BUCKETS)] = 200_000
    jamo: bool = False
    analyzer: Literal["auto", "kiwi", "bigrams"] = "auto"
    column: Annotated[int, Within(least=1)] | str | None = None
    heldout: Annotated[int, Within(least=0, most=100_000)] = 2_000
    pooling: Pooling = "sif"
    smoothing: Above0 = 1e-3
    common: Annotated[int, Within(least=0, most=16)] = 1
    workers: Annotated[int, Within(least=1, most=256)] | None = None
    processes: Annotated[int, Within(least=1, most=256)] | None = None
    seed: Annotated[int, Within(least=0, below=1 << 31)] = 1
    languages: tuple[str, ...] = ()
    licence: str = ""

    def __post_init__(self) -> None:
        if self.longest < self.shortest:
            message = (
                f"recipe key 'longest' is {self.longest}, shorter than 'shortest' "
                f"({self.shortest}); n-grams have at least so many characters"
            )
            raise RecipeError(message)
        if self.min_alpha > self.first_alpha:
            message = (
                f"recipe key 'min_alpha' is {self.min_alpha:g}, above the learning rate at the "
                f"start ({self.first_alpha:g}); it must not rise"
            )
            raise RecipeError(message)

    @property
    def first_alpha(self) -> float:
        """The learning rate at the start."""
        return _ALPHAS[self.method] if self.alpha is None else self.alpha

    @property
    def has_subwords(self) -> bool:
        """True if words have n-grams."""
        return self.method.startswith("fasttext")

    @property
    def is_skip_gram(self) -> bool:
        """True if one word foretells another, False if several together foretell one."""
        return not self.method.endswith("cbow")
