"""gensim's model: made, trained part by part, read and restored."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.processors import usable_processors
from embeddings.training.errors import TrainingError
from embeddings.words.subwords import Subwords

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from embeddings.training.words.lines import Part
    from embeddings.training.words.recipe import WordRecipe
    from embeddings.types import Vectors
    from embeddings.words.vocabulary import Vocabulary

_BLOCK = 8_192


class Network:
    """The vectors while they are trained.

    Args:
        recipe: what is trained, and how.
        vocabulary: the words, most frequent first; rows are theirs.

    Raises:
        TrainingError: gensim is not installed, or the memory does not suffice.
    """

    def __init__(self, recipe: WordRecipe, vocabulary: Vocabulary) -> None:
        self._recipe = recipe
        self.workers = recipe.workers or usable_processors()
        self.subwords: Subwords | None = None
        if recipe.has_subwords:
            self.subwords = Subwords(recipe.shortest, recipe.longest, recipe.buckets, recipe.jamo)
        try:
            self._model = _make(recipe, self.workers)
            counts = dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True))
            self._model.build_vocab_from_freq(counts)
            if self._model.wv.index_to_key != vocabulary.words:
                message = "gensim has put the words into another order; this version is not known"
                raise TrainingError(message)
        except MemoryError as error:
            rows = 2 * len(vocabulary) + (recipe.buckets if recipe.has_subwords else 0)
            message = (
                f"out of memory: {len(vocabulary):,} words need {4 * rows * recipe.dim / 1e9:.1f} "
                "GB; raise min_count, or lower dim, most_words or buckets"
            )
            raise TrainingError(message) from error
        if self.subwords is not None:
            # it would be composed anew, word by word in Python, after every part
            self._model.wv.adjust_vectors = _do_nothing
            if self.subwords.jamo:
                self._model.wv.buckets_word = _buckets(vocabulary, self.subwords)
            flat = [np.asarray(each, dtype=np.int64) for each in self._model.wv.buckets_word]
            self._lengths = np.array([len(each) for each in flat], dtype=np.int64)
            self._places = np.concatenate(flat) if flat else np.zeros(0, dtype=np.int64)
            self._starts = np.concatenate([[0], np.cumsum(self._lengths)[:-1]])

    def train(self, folder: Path, part: Part, alphas: tuple[float, float], seed: int) -> None:
        """Go through one file of lines.

        Args:
            folder: of the file.
            part: the file.
            alphas: learning rates at its beginning and its end.
            seed: of the draws of noise, windows and words left out.
        """
        self._model.random.seed(seed)
        self._model.train(
            corpus_file=str(folder / part.file),
            # each thread takes its own lines alone for the whole when it lowers the rate
            total_examples=math.ceil(part.lines / self.workers),
            total_words=part.words,
            epochs=1,
            start_alpha=alphas[0],
            end_alpha=alphas[1],
        )

    def check_finite(self) -> None:
        """Refuse vectors that have left the numbers.

        Raises:
            TrainingError: naming the remedy.
        """
        for name, array in self.arrays().items():
            if not np.isfinite(array).all():
                message = (
                    f"{name} hold NaN or infinity: the training has diverged; lower alpha "
                    f"({self._recipe.first_alpha:g})"
                )
                raise TrainingError(message)

    @property
    def outputs(self) -> Vectors:
        """float32 (n, dim): vectors of the words that are foretold."""
        outputs: Vectors = self._model.syn1neg
        return outputs

    def foretelling(self, inputs: npt.NDArray[np.int64]) -> Vectors:
        """float32 (n, dim): what foretells, from rows of words (n, w), -1 for none.

        As gensim trains it: fastText divides the sum over a word and its n-grams by the number
        of n-grams for skip-gram, by the number of vectors for CBOW.
        """
        is_word = inputs >= 0
        places = np.unique(inputs[is_word])
        where = np.searchsorted(places, np.where(is_word, inputs, places[0]))
        sums, sizes = self._sums(places)
        total = np.einsum("nwd,nw->nd", sums[where], is_word.astype(np.float32))
        if self._recipe.is_skip_gram and self.subwords is not None:
            divisor = np.maximum(sizes - 1, 1)[where]
        else:
            divisor = sizes[where]
        averaged: Vectors = total / np.sum(divisor * is_word, axis=1, keepdims=True)
        return averaged.astype(np.float32, copy=False)

    def word_vectors(self) -> Vectors:
        """float32 (n, dim): the mean of a word's own vector and those of its n-grams."""
        if self.subwords is None:
            own: Vectors = self._model.wv.vectors
            return own
        composed = np.empty_like(self._model.wv.vectors_vocab)
        for start in range(0, len(composed), _BLOCK):
            rows = np.arange(start, min(start + _BLOCK, len(composed)))
            sums, sizes = self._sums(rows)
            composed[rows] = sums / sizes[:, None]
        whole: Vectors = composed
        return whole

    def buckets(self) -> Vectors | None:
        """float32 (buckets, dim): vectors of n-grams; None without."""
        found: Vectors | None = None if self.subwords is None else self._model.wv.vectors_ngrams
        return found

    def arrays(self) -> dict[str, Vectors]:
        """Everything that training changes, by name; not copied."""
        wv = self._model.wv
        if self.subwords is None:
            return {"vectors": wv.vectors, "outputs": self._model.syn1neg}
        return {
            "vectors": wv.vectors_vocab,
            "ngrams": wv.vectors_ngrams,
            "outputs": self._model.syn1neg,
        }

    def restore(self, arrays: Mapping[str, Vectors]) -> None:
        """Go on from what `arrays` gave.

        Raises:
            TrainingError: arrays of another shape.
        """
        for name, mine in self.arrays().items():
            theirs = arrays.get(name)
            if theirs is None or theirs.shape != mine.shape:
                message = f"the checkpoint's {name} do not fit this recipe and corpus"
                raise TrainingError(message)
            mine[:] = theirs

    def _sums(self, rows: npt.NDArray[np.int64]) -> tuple[Vectors, npt.NDArray[np.float32]]:
        """For words by row: the sum of a word's vector and its n-grams', and how many those are."""
        wv = self._model.wv
        if self.subwords is None:
            return wv.vectors[rows], np.ones(len(rows), dtype=np.float32)
        sums = wv.vectors_vocab[rows].copy()
        lengths = self._lengths[rows]
        having = np.flatnonzero(lengths)
        if len(having):
            firsts = np.concatenate([[0], np.cumsum(lengths[having])[:-1]])
            steps = np.arange(int(lengths.sum())) - np.repeat(firsts, lengths[having])
            places = self._places[np.repeat(self._starts[rows[having]], lengths[having]) + steps]
            sums[having] += np.add.reduceat(wv.vectors_ngrams[places], firsts, axis=0)
        return sums, (lengths + 1).astype(np.float32)


def _buckets(vocabulary: Vocabulary, subwords: Subwords) -> list[npt.NDArray[np.uint32]]:
    """The buckets of each word's n-grams, as `Subwords.buckets_of` has them, by gensim's C."""
    from gensim.models.fasttext import ft_ngram_hashes

    sizes = (subwords.shortest, subwords.longest, subwords.buckets)
    return [
        np.array(ft_ngram_hashes(subwords.spelled(word), *sizes), dtype=np.uint32)
        for word in vocabulary.words
    ]


def _make(recipe: WordRecipe, workers: int) -> Any:  # noqa: ANN401 - gensim has no types
    try:
        from gensim.models import FastText, Word2Vec
    except ImportError as error:
        message = "gensim is not installed; `pip install 'meari[train]'` brings it"
        raise TrainingError(message) from error
    shared = {
        "vector_size": recipe.dim,
        "window": recipe.window,
        "negative": recipe.negative,
        "sg": int(recipe.is_skip_gram),
        "min_count": 1,  # the vocabulary is cut before,
        "sorted_vocab": 0,  # and sorted: gensim would turn words of equal counts around
        "sample": recipe.sample,
        "alpha": recipe.first_alpha,
        "min_alpha": recipe.min_alpha,
        "workers": workers,
        "seed": recipe.seed,
    }
    if not recipe.has_subwords:
        return Word2Vec(**shared)
    return FastText(**shared, min_n=recipe.shortest, max_n=recipe.longest, bucket=recipe.buckets)


def _do_nothing() -> None:
    """For gensim to call instead of composing every word's vector."""
