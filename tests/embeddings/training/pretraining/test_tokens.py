"""A corpus as ids: what is written is read, and examples lie where they should."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from embeddings.training.pretraining.tokens import (
    Tokens,
    is_written,
    open_tokens,
    ranges_of,
    runs_of,
    write_tokens,
)

if TYPE_CHECKING:
    from pathlib import Path

PIECES = ["[UNK]", "a", "b", "##c", "."]
KEY = {"of": "a test"}


@pytest.fixture
def tokenizer() -> Tokenizer:
    vocabulary = {piece: row for row, piece in enumerate(PIECES)}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return made


def write(folder: Path, tokenizer: Tokenizer, texts: list[str], **more: object) -> Tokens:
    given = {"sentences": False, "end": None, "words": False, **more}
    write_tokens(folder, texts, tokenizer, key=KEY, **given)  # type: ignore[arg-type]
    return open_tokens(folder)


def test_texts_are_units_with_an_end(tmp_path: Path, tokenizer: Tokenizer) -> None:
    made = write(tmp_path, tokenizer, ["a ac", "b"], end=9)
    assert made.part(0, 99)[0].tolist() == [1, 1, 3, 9, 2, 9]
    assert made.units.tolist() == [0, 4, 6]
    assert made.documents.tolist() == [0, 1, 2]
    assert made.texts == 2


def test_sentences_are_units_of_their_text(tmp_path: Path, tokenizer: Tokenizer) -> None:
    made = write(tmp_path, tokenizer, ["a. bc. b", "a"], sentences=True)
    assert made.units.tolist() == [0, 2, 5, 6, 7]
    assert made.documents.tolist() == [0, 3, 4]


def test_words_are_marked_where_they_begin(tmp_path: Path, tokenizer: Tokenizer) -> None:
    made = write(tmp_path, tokenizer, ["acc b.", "bc"], words=True)
    ids, begins = made.part(0, 7)
    assert ids.tolist() == [1, 3, 3, 2, 4, 2, 3]
    assert begins.tolist() == [True, False, False, True, True, True, False]


def test_a_corpus_is_known_by_its_key(tmp_path: Path, tokenizer: Tokenizer) -> None:
    assert not is_written(tmp_path, KEY)
    write(tmp_path, tokenizer, ["a"])
    assert is_written(tmp_path, KEY)
    assert not is_written(tmp_path, {"of": "another"})
    assert len(write(tmp_path / "none", tokenizer, []).ids) == 0


def corpus(*lengths: int, documents: list[int] | None = None) -> Tokens:
    units = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    borders = documents or list(range(len(lengths) + 1))
    ids = np.arange(units[-1], dtype=np.uint32)
    return Tokens(ids, units, np.asarray(borders, dtype=np.int64))


def test_packed_examples_follow_one_another() -> None:
    assert ranges_of(corpus(3, 4), 3, packed=True).tolist() == [[0, 3], [3, 6], [6, 7]]


def test_unpacked_examples_end_with_their_text() -> None:
    found = ranges_of(corpus(2, 7, 0, 3), 3, packed=False).tolist()
    assert found == [[0, 2], [2, 5], [5, 8], [8, 9], [9, 12]]


def test_runs_have_two_sentences_of_one_text_and_fit() -> None:
    #      text 1: 2 3 4   text 2: 5        text 3: 1 9 1 1
    made = corpus(2, 3, 4, 5, 1, 9, 1, 1, documents=[0, 3, 4, 8])
    assert runs_of(made, 6).tolist() == [[0, 2], [6, 8]]
    assert runs_of(made, 9).tolist() == [[0, 3], [6, 8]]
    assert runs_of(made, 12).tolist() == [[0, 3], [4, 8]]
    assert runs_of(made, 1).tolist() == []
