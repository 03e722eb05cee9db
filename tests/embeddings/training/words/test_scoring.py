"""The held-out score, worked out by hand and against gensim."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from embeddings.training.words.network import Network
from embeddings.training.words.recipe import WordRecipe
from embeddings.training.words.scoring import HeldOutPairs, draw_pairs, score
from embeddings.words.vocabulary import Vocabulary

if TYPE_CHECKING:
    from embeddings.types import Vectors

WORDS = Vocabulary(["a", "b", "c", "d"], [10, 10, 5, 5])
LINES = [["a", "b", "unknown", "c"], ["d", "a"]] * 20


class Fixed:
    """A network of given vectors: inputs of (1, 0), outputs as they are given."""

    def __init__(self, outputs: list[list[float]]) -> None:
        self.outputs = np.array(outputs, dtype=np.float32)

    def foretelling(self, inputs: Any) -> Vectors:  # noqa: ANN401 - rows
        return np.tile(np.array([[1, 0]], dtype=np.float32), (len(inputs), 1))


def test_the_loss_by_hand() -> None:
    network: Any = Fixed([[2, 9], [1, 9], [3, 9], [2, 9]])
    pairs = HeldOutPairs(np.zeros((1, 1), np.int64), np.array([[0, 1, 2, 3, -1]]))
    found = score(network, pairs)
    sigmoid = [1 / (1 + math.exp(-x)) for x in (2, -1, -3, -2)]
    assert found.loss == pytest.approx(-sum(map(math.log, sigmoid)), rel=1e-6)
    assert found.ranking == pytest.approx((1 + 0 + 0.5) / 3)
    assert pairs.untrained == pytest.approx(4 * math.log(2))


@pytest.mark.parametrize("method", ["skip-gram", "cbow", "fasttext", "fasttext-cbow"])
def test_untrained_vectors_know_nothing(method: str) -> None:
    recipe = WordRecipe(method=method, dim=8, buckets=50, workers=1, sample=0)
    pairs = draw_pairs(LINES, WORDS, recipe)
    found = score(Network(recipe, WORDS), pairs)
    assert found.loss == pytest.approx(pairs.untrained, rel=1e-6)
    assert found.ranking == 0.5


def test_pairs_of_skip_gram_are_words_within_the_window() -> None:
    recipe = WordRecipe(window=1, sample=0, negative=3)
    pairs = draw_pairs([["a", "b", "c", "d"]], WORDS, recipe)
    found = {(int(i), int(t)) for (i,), t in zip(pairs.inputs, pairs.targets[:, 0], strict=True)}
    assert found == {(0, 1), (1, 0), (1, 2), (2, 1), (2, 3), (3, 2)}
    assert pairs.targets.shape == (6, 4)
    noise, truth = pairs.targets[:, 1:], pairs.targets[:, :1]
    assert not (noise == truth).any()


def test_pairs_of_cbow_are_all_around_a_word() -> None:
    pairs = draw_pairs([["a", "b", "c"]], WORDS, WordRecipe(method="cbow", window=1, sample=0))
    assert pairs.inputs.tolist() == [[1, -1], [0, 2], [1, -1]]
    assert pairs.targets[:, 0].tolist() == [0, 1, 2]


def test_equal_seeds_give_equal_pairs_and_nothing_gives_none() -> None:
    first, second = (draw_pairs(LINES, WORDS, WordRecipe(seed=4, sample=0)) for _ in range(2))
    np.testing.assert_array_equal(first.targets, second.targets)
    assert draw_pairs([["x", "y"], ["a"]], WORDS, WordRecipe(sample=0)) is None
    assert draw_pairs([], WORDS, WordRecipe()) is None


@pytest.mark.parametrize("method", ["fasttext", "fasttext-cbow", "skip-gram"])
def test_vectors_are_composed_as_gensim_does(method: str) -> None:
    recipe = WordRecipe(method=method, dim=8, buckets=50, workers=1)
    network = Network(recipe, Vocabulary(["나무", "a", "station"], [5, 4, 3]))
    wv = network._model.wv
    if network.subwords is not None:
        type(wv).adjust_vectors(wv)
    np.testing.assert_allclose(network.word_vectors(), wv.vectors, rtol=1e-5, atol=1e-7)
    assert (network.buckets() is None) == (method == "skip-gram")


def test_hangul_is_taken_apart_before_it_is_trained() -> None:
    recipe = WordRecipe(method="fasttext", dim=8, buckets=50, workers=1, jamo=True)
    network = Network(recipe, Vocabulary(["먹다", "a"], [5, 4]))
    arrays = network.arrays()
    places = network.subwords.buckets_of("먹다")
    mean = (arrays["vectors"][0] + arrays["ngrams"][places].sum(axis=0)) / (len(places) + 1)
    assert len(places) == 5 + 4 + 3 + 2
    np.testing.assert_allclose(network.word_vectors()[0], mean, rtol=1e-5)


def test_what_foretells_is_what_is_trained() -> None:
    recipe = WordRecipe(method="fasttext", dim=8, buckets=50, workers=1)
    network = Network(recipe, Vocabulary(["ab", "c"], [5, 4]))
    arrays = network.arrays()
    places = network.subwords.buckets_of("ab")
    total = arrays["vectors"][0] + arrays["ngrams"][places].sum(axis=0)
    found = network.foretelling(np.array([[0]]))
    np.testing.assert_allclose(found[0], total / len(places), rtol=1e-5)
    several = WordRecipe(method="fasttext-cbow", dim=8, buckets=50, workers=1)
    network = Network(several, Vocabulary(["ab", "c"], [5, 4]))
    arrays = network.arrays()
    both = [arrays["vectors"][0], arrays["vectors"][1]]
    both += [
        arrays["ngrams"][place]
        for word in ("ab", "c")
        for place in network.subwords.buckets_of(word)
    ]
    found = network.foretelling(np.array([[0, -1, 1]]))
    np.testing.assert_allclose(found[0], np.mean(both, axis=0), rtol=1e-4, atol=1e-6)
