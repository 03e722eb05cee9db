"""Texts to token ids and back, with each kind of tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from embeddings.errors import InvalidInputError
from embeddings.load import load_encoder
from embeddings.packing import PROBES
from embeddings.token_ids import Token, TokenIds

if TYPE_CHECKING:
    from pathlib import Path

    from embeddings.types import Encoder

MIXED = [*PROBES, "don't 10,000.5 :-) @user #tag", "한국어ABC섞임 漢字 emoji 😀"]


@pytest.fixture(scope="module")
def bundled() -> Encoder:
    return load_encoder("meari-ko-en", device="cpu")


def ids_of(reader: TokenIds, text: str, *, special: bool = True) -> list[int]:
    return [token.id for token in reader.tokenize([text], special=special)[0]]


@pytest.mark.parametrize("special", [True, False])
def test_ids_come_back_from_the_text_they_give(bundled: Encoder, special: bool):
    reader = TokenIds.of(bundled)
    for text in MIXED:
        ids = ids_of(reader, text, special=special)
        assert ids_of(reader, reader.decode(ids), special=special) == ids, text


def test_ids_are_encoded_as_their_text_is(bundled: Encoder):
    reader = TokenIds.of(bundled)
    texts = [reader.decode(ids_of(reader, text)) for text in PROBES]
    given, read = (bundled.encode(each, role="document") for each in (PROBES, texts))
    np.testing.assert_array_equal(read.tokens, given.tokens)
    np.testing.assert_allclose(read.vectors, given.vectors, atol=1e-5)


def test_a_part_of_a_word_is_read_as_one(bundled: Encoder):
    reader = TokenIds.of(bundled)
    ids = ids_of(reader, "정보통신망", special=False)
    assert reader.decode(ids) == "정보통신망"
    assert reader.decode(ids[1:]) == "통신망"


def test_tokens_lie_in_the_text_by_its_bytes(bundled: Encoder):
    reader = TokenIds.of(bundled)
    for text in MIXED:
        told = text.encode()
        tokens = reader.tokenize([text])[0]
        assert [token.special for token in tokens] == [True, *[False] * (len(tokens) - 2), True]
        assert tokens[0] == Token(101, "[CLS]", True, None, None)
        for token in tokens[1:-1]:
            assert told[token.start : token.stop].decode() == token.text
    assert reader.tokenize([]) == []


def test_counts_are_the_encoders_own(bundled: Encoder):
    found = [len(tokens) for tokens in TokenIds.of(bundled).tokenize(PROBES)]
    assert found == bundled.count_tokens(PROBES, role="document").tolist()


def test_unknown_ids_are_found(bundled: Encoder):
    reader = TokenIds.of(bundled)
    assert reader.size == 46_522
    assert [reader.find_unknown(ids) for ids in ([], [0, 46_521], [999, 1999])] == [None] * 3
    wrong = ([46_522], [2000, -1], [2000, 2001, 10**30], [2000, -(10**30), 46_522])
    assert [reader.find_unknown(ids) for ids in wrong] == [0, 1, 2, 1]


@pytest.mark.parametrize(
    "ids",
    [
        [791, 4062, 14198, 39935, 35308, 927, 279, 16053, 5679, 13],
        [83, 1609, 5963, 374, 2294, 0],
    ],
)
def test_another_tokenizers_sentences_are_found_out(bundled: Encoder, ids: list[int]):
    """As cl100k_base cuts "The quick brown fox jumps over the lazy dog." and "tiktoken is great!":
    its most frequent ids are where this vocabulary keeps places free."""
    assert TokenIds.of(bundled).find_unknown(ids) == 0


def test_places_kept_free_are_unknown_unless_a_text_gives_them():
    words = ["[UNK]", "[unused1]", "<reserved_special_token_2>", "<|reserved 3|>", "[unusual]"]
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, "[UNK]"))
    assert [TokenIds(tokenizer.to_str()).find_unknown([n]) for n in range(5)] == [
        *(None, 0, 0, 0, None)
    ]
    tokenizer.add_tokens(["[unused1]"])
    assert TokenIds(tokenizer.to_str()).find_unknown([1]) is None


def test_gaps_in_a_vocabulary_are_unknown():
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "b": 3}, "a"))
    reader = TokenIds(tokenizer.to_str())
    assert (reader.size, reader.find_unknown([0, 3, 1])) == (4, 2)


def test_tables_of_words_have_ids_too(static_folder: Path):
    encoder = load_encoder(static_folder, device="cpu")
    reader = TokenIds.of(encoder)
    ids = ids_of(reader, "hello q world")
    assert len(ids) == 3
    assert ids_of(reader, reader.decode(ids)) == ids
    assert TokenIds.of(encoder) is reader, "read once"


def test_bytes_come_back_whole():
    """A byte-level vocabulary cuts within characters."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(["the parcel", "the price"], trainer)
    reader = TokenIds(tokenizer.to_str())
    for text in ("the 소포 arrives  twice", " 😀"):
        ids = ids_of(reader, text)
        assert len(ids) > len(text) / 2
        assert reader.decode(ids) == text


@pytest.mark.parametrize("name", ["hash:8", "words"])
def test_words_have_no_ids(name: str, request: pytest.FixtureRequest):
    given = request.getfixturevalue("words_folder") if name == "words" else name
    with pytest.raises(InvalidInputError, match="without token ids"):
        TokenIds.of(load_encoder(given))
