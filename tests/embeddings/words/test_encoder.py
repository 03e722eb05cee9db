"""Averages of word vectors, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.errors import EncoderRefusedError
from embeddings.load import load_encoder
from embeddings.words.encoder import WordEncoder
from embeddings.words.folder import WordTable, write_table
from embeddings.words.pooling import common_directions, repool
from embeddings.words.vocabulary import Vocabulary
from tests.embeddings.words.conftest import VECTORS, facts, table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_the_mean_of_the_words_that_are_known(written: Callable[..., Path]) -> None:
    encoder = load_encoder(written())
    assert isinstance(encoder, WordEncoder)
    encoding = encoder.encode(["왕이 런던에 갔다", "The London.", "zzz!"], role="query")
    assert encoding.tokens.tolist() == [3, 2, 1]
    assert encoding.unknown.tolist() == [1, 0, 1]
    expected = [
        (np.array(VECTORS["왕"]) + np.array(VECTORS["가다"])) / 2,
        (np.array(VECTORS["the"]) + np.array(VECTORS["london"])) / 2,
        np.zeros(4),
    ]
    np.testing.assert_allclose(encoding.vectors, expected, atol=1e-6)


def test_a_text_without_words_is_zeros(written: Callable[..., Path]) -> None:
    encoding = load_encoder(written()).encode(["!!!"], role="document")
    assert (encoding.tokens.tolist(), encoding.unknown.tolist()) == ([0], [0])
    assert not encoding.vectors.any()


def test_sif_weighs_by_frequency_and_takes_the_common_direction_out(tmp_path: Path) -> None:
    common = np.array([[0.6, 0.8, 0, 0]], dtype=np.float32)
    write_table(replace(table(pooling="sif", smoothing=0.1), common=common), tmp_path / "sif")
    encoder = load_encoder(tmp_path / "sif")
    assert encoder.card.pooling == "sif"
    found = encoder.encode(["The London"], role="query").vectors[0]
    mean = 0.1 / (0.1 + 0.9) * np.array([2, 0, 0, 0]) + 0.1 / (0.1 + 0.003) * np.ones(4)
    mean = mean / 2
    np.testing.assert_allclose(found, mean - (mean @ common[0]) * common[0], rtol=1e-5)


def test_words_of_known_n_grams_are_not_unknown(with_subwords: Path) -> None:
    encoder = WordEncoder.from_folder(with_subwords)
    encoding = encoder.encode(["lundon"], role="query")
    assert encoding.unknown.tolist() == [0]
    expected = encoder.words.subword_vector("lundon")
    np.testing.assert_allclose(encoding.vectors[0], expected, rtol=1e-5)


def test_the_first_direction_is_the_one_texts_share() -> None:
    vectors = np.array([[3, 0.1], [3, -0.1], [3, 0.2]], dtype=np.float32)
    made = WordTable.of(facts(dim=2, pooling="sif"), Vocabulary("abc", [1, 1, 1]), vectors)
    lines = [["a", "b"], ["b", "c"], ["a"], ["unknown"]]
    found = common_directions(made, lines, 1).common
    assert found.shape == (1, 2)
    assert abs(found[0, 0]) == pytest.approx(1, abs=1e-3)
    assert common_directions(made, lines, 0).common.shape == (0, 2)
    assert common_directions(made, [["unknown"]], 1).common.shape == (0, 2)


def test_the_fingerprint_is_of_what_decides_vectors(
    written: Callable[..., Path], tmp_path: Path
) -> None:
    first = written("first")
    cards = [load_encoder(each).card for each in (first, written("second"))]
    assert cards[0].fingerprint == cards[1].fingerprint
    repool(first, tmp_path / "third", "sif")
    others = [written("fourth", smoothing=0.5), tmp_path / "third"]
    found = {load_encoder(each).card.fingerprint for each in others}
    assert len(found | {cards[0].fingerprint}) == 3


def test_words_nobody_counted_cannot_be_weighed(tmp_path: Path) -> None:
    plain = table(pooling="sif", tokens=0)
    uncounted = Vocabulary(plain.vocabulary.words)
    write_table(replace(plain, vocabulary=uncounted), tmp_path / "words")
    with pytest.raises(EncoderRefusedError, match="no counts; pool by `mean`"):
        load_encoder(tmp_path / "words")
    write_table(replace(table(tokens=0), vocabulary=uncounted), tmp_path / "mean")
    with pytest.raises(EncoderRefusedError, match="pool by `mean`"):
        repool(tmp_path / "mean", tmp_path / "other", "sif")
