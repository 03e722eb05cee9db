"""Fertility by hand."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from embeddings.training.tokenizer.fertility import (
    as_scores,
    count_changed,
    language_of,
    measure_fertility,
)


def tokenizer(*pieces: str) -> Tokenizer:
    vocabulary = {piece: row for row, piece in enumerate(["[UNK]", *pieces])}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return made


def test_tokens_of_a_word_by_language() -> None:
    made = tokenizer("학", "##교", "cat", "##s", "7")
    found = measure_fertility(made, ["학교 학교 cats", "cat 7 dog 학원"], "[UNK]")
    assert list(found) == ["en", "ko", "other"]
    assert found["ko"]["words"] == 3
    assert found["ko"]["tokens_per_word"] == pytest.approx((2 + 2 + 1) / 3)
    assert found["ko"]["unknown_rate"] == pytest.approx(1 / 3)
    assert found["en"]["tokens_per_word"] == pytest.approx((2 + 1 + 1) / 3)
    assert found["en"]["unknown_rate"] == pytest.approx(1 / 3)
    assert found["other"] == {
        "words": 1,
        "tokens_per_word": 1.0,
        "unknown_rate": 0.0,
        "characters_per_token": 1.0,
    }
    assert as_scores(found)["ko unknown_rate"] == pytest.approx(1 / 3)
    assert measure_fertility(made, [], "[UNK]") == {}


def test_the_language_of_a_word() -> None:
    said = [language_of(word) for word in ("API를", "naïve", "ㅋㅋ", "2024", "漢字", "ﾡ")]
    assert said == ["ko", "en", "ko", "other", "other", "ko"]


def test_changed_texts_are_counted() -> None:
    before, after = tokenizer("cat", "##s"), tokenizer("cat", "##s", "cats")
    assert count_changed(before, after, ["cat", "cats", "cat cat"]) == {"texts": 3, "changed": 1}
