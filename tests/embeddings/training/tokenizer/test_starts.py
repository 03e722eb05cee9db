"""First vectors of new pieces, by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from embeddings.training.errors import DataError
from embeddings.training.tokenizer.pieces import add_pieces
from embeddings.training.tokenizer.recipe import ExtensionRecipe
from embeddings.training.tokenizer.starts import Growth, first_vectors

if TYPE_CHECKING:
    from pathlib import Path

OLD = ["[UNK]", "school", "tree", "u", "##v", "v"]
TABLE = np.array([[9, 9], [0, 2], [4, 0], [1, 0], [0, 1], [-1, 0]], dtype=np.float32)


def growth(*pieces: str) -> Growth:
    known = {piece: row for row, piece in enumerate(OLD)}
    old = Tokenizer(models.WordPiece(known, unk_token="[UNK]"))  # noqa: S106
    old.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return Growth(old, add_pieces(old, pieces), TABLE, list(pieces), "##")


def test_translations_come_first_and_keep_their_length() -> None:
    made = first_vectors(
        growth("학교", "나무"),
        ExtensionRecipe(),
        [("학교", "school"), ("나무", "tree")] * 2,
    )
    assert made.ways == ["translations", "translations"]
    assert made.vectors == pytest.approx(np.array([[0, 2], [4, 0]]), abs=1e-5)
    assert made.facts == {"pairs": 4}


def test_a_mixture_points_between_and_is_as_long_as_its_parts() -> None:
    made = first_vectors(growth("숲"), ExtensionRecipe(), [("숲", "tree school")])
    mean = np.array([4, 2]) / 2
    assert made.vectors[0] == pytest.approx(mean * 3 / np.linalg.norm(mean), abs=1e-4)


def test_pieces_of_the_old_tokenizer_inside_of_words_too() -> None:
    made = first_vectors(growth("uv", "##v2", "##vv"), ExtensionRecipe(start="pieces"), [])
    # `uv` was `u` and `##v`: the mean of (1, 0) and (0, 1), at length 1
    assert made.vectors[0] == pytest.approx([np.sqrt(0.5), np.sqrt(0.5)])
    # `v2` was unknown: the mean of the table and noise stand in
    assert made.ways == ["pieces", "mean", "pieces"]
    # `vv` is `v` and `##v` at the start of a word, `##v` twice inside of it
    assert made.vectors[2] == pytest.approx([0, 1])


def test_the_mean_has_little_noise_and_no_two_are_equal() -> None:
    chosen = ExtensionRecipe(start="mean", noise=0.1, seed=4)
    made = first_vectors(growth("가", "나", "uv"), chosen, [("가", "tree")])
    assert made.ways == ["mean"] * 3
    spread = np.abs(made.vectors - TABLE.mean(axis=0)) / TABLE.std(axis=0)
    assert spread.min() > 0
    assert spread.max() < 0.4
    again = first_vectors(growth("가", "나", "uv"), chosen, [("가", "tree")])
    assert np.array_equal(made.vectors, again.vectors)


def test_neighbours_among_word_vectors(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    rows = {"학교": (1, 0), "대학": (0.99, 0.01), "나무": (0, 1), "tree": (0.01, 1), "뜻": (-1, -1)}
    listed = [f"{word} {a} {b}" for word, (a, b) in rows.items()]
    path.write_text("\n".join([f"{len(rows)} 2", *listed]) + "\n", encoding="utf-8")
    chosen = ExtensionRecipe(vectors=str(path), neighbours=1)
    made = first_vectors(growth("학교", "대학", "나무", "없음"), chosen, [("학교", "school")] * 2)
    assert made.ways == ["translations", "neighbours", "neighbours", "mean"]
    assert made.vectors[1] == pytest.approx(made.vectors[0])  # 대학 is nearest to 학교
    assert made.vectors[2] == pytest.approx(TABLE[2])  # 나무 to the old piece `tree`
    missing = ExtensionRecipe(vectors=str(tmp_path / "none"))
    with pytest.raises(DataError, match="neither a folder of `train words`"):
        first_vectors(growth("학교"), missing, [])
