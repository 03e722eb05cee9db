"""Hangul stays whole, and nothing else is read otherwise than before."""

from __future__ import annotations

import string
import unicodedata

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from embeddings.training.tokenizer.hangul import keep_whole, make_normaliser, syllables_of
from embeddings.training.tokenizer.recipe import TokenizerRecipe


def test_syllables() -> None:
    assert syllables_of("seen") == []
    assert len(syllables_of("common")) == 2_350
    assert "쀍" not in syllables_of("common")
    assert "가" in syllables_of("common")
    assert len(syllables_of("all")) == 11_172


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "café 한국 각 ａb"),
        ({"lower": False}, "Café 한국 각 ａB"),
        ({"strip_accents": True}, "cafe 한국 각 ａb"),
        ({"compatible": True}, "café 한국 각 ab"),
    ],
)
def test_normalisation(options: dict[str, bool], expected: str) -> None:
    normaliser = make_normaliser(TokenizerRecipe(**options))  # type: ignore[arg-type]
    torn = unicodedata.normalize("NFD", "한국")
    assert normaliser.normalize_str(f"Café {torn} 각 ａB") == expected


def bert(alphabet: str) -> Tokenizer:
    pieces = ["[UNK]", *alphabet, *(f"##{char}" for char in alphabet)]
    vocabulary = {piece: row for row, piece in enumerate(pieces)}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return made


def test_what_tore_hangul_keeps_it_and_changes_no_other_character() -> None:
    # Vowel signs of Bengali, Tamil and Malayalam: NFC would join what BERT's pieces have apart.
    alphabet = string.ascii_lowercase + "\u09c7\u09be\u0bc6\u0bbe\u0d46\u0d3e\u1100\u1161"
    tokenizer = bert(alphabet)
    old = tokenizer.normalizer
    assert old is not None
    told = keep_whole(tokenizer)
    new = tokenizer.normalizer
    assert "tore" in told
    assert new.normalize_str("한국어 Café") == "한국어 cafe"
    assert new.normalize_str(unicodedata.normalize("NFD", "각 각")) == "각 각"
    changed = []
    for point in range(0x20000):
        char = chr(point)
        if 0xD800 <= point < 0xE000 or unicodedata.name(char, "").startswith("HANGUL"):
            continue
        before, after = old.normalize_str(f"x{char}y"), new.normalize_str(f"x{char}y")
        if before != after:
            changed.append((char, before, after))
    # Joined they are no pieces, apart they were none: unknown in both.
    known = set(alphabet)
    assert all(not set(unicodedata.normalize("NFD", char)) <= known for char, *_ in changed)
    assert len(changed) < 30


def test_what_kept_hangul_is_left_alone() -> None:
    composing = bert("a")
    composing.normalizer = normalizers.NFC()
    assert "already" in keep_whole(composing)
    cased = bert("a")
    cased.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    assert "NFC comes before" in keep_whole(cased)
    assert cased.normalizer is not None
    assert cased.normalizer.normalize_str(unicodedata.normalize("NFD", "각 Aé")) == "각 Aé"
    bare = bert("a")
    bare.normalizer = None  # type: ignore[assignment]
    assert "no normaliser" in keep_whole(bare)
