"""A model whose tokenizer got more pieces: old texts are what they were, new ones are words."""

from __future__ import annotations

import json
import unicodedata
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from embeddings.load import load_encoder
from embeddings.minilm import bundled_folder
from embeddings.training.errors import DataError, RecipeError
from embeddings.training.sources import Source
from embeddings.training.tokenizer.additions import extend, is_new, is_read_otherwise
from embeddings.training.tokenizer.extension import extend_vocabulary
from embeddings.training.tokenizer.recipe import ExtensionRecipe, TokenizerRecipe
from embeddings.training.tokenizer.run import train_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

OLD_TEXTS = ["school trees", "a tree is growing", "zebra 42.", "Café SCHOOL"]


def bare(tokenizer: Tokenizer) -> Tokenizer:
    made = Tokenizer.from_str(tokenizer.to_str())
    made.no_padding()
    made.no_truncation()
    return made


@pytest.fixture(scope="module")
def minilm(lines_module: list[str]) -> tuple[Tokenizer, Tokenizer]:
    """MiniLM's own tokenizer, and the same with 5,000 pieces more."""
    old = bare(Tokenizer.from_file(str(bundled_folder() / "tokenizer.json")))
    chosen = ExtensionRecipe(pieces=4_715)
    new, told = extend(old, chosen, lambda: lines_module)
    assert "put together again" in told
    return old, new


@pytest.fixture(scope="module")
def lines_module(lines: list[str]) -> list[str]:
    return lines


def test_old_pieces_keep_their_ids_and_new_ones_follow(
    minilm: tuple[Tokenizer, Tokenizer],
) -> None:
    old, new = minilm
    before, after = old.get_vocab(), new.get_vocab()
    assert all(after[piece] == row for piece, row in before.items())
    added = sorted(after.items(), key=lambda each: each[1])[len(before) :]
    assert [row for _, row in added] == list(range(30_522, 30_522 + 4_715))
    assert all(is_new(piece, ("HANGUL",)) for piece, _ in added)


def test_korean_is_words_and_never_unknown(minilm: tuple[Tokenizer, Tokenizer]) -> None:
    old, new = minilm
    assert "ᄒ" in old.encode("학교에서", add_special_tokens=False).tokens[0]
    assert new.encode("학교에서 API를 뿌리", add_special_tokens=False).tokens == [
        *("학교", "##에서", "api", "##를", "뿌", "##리")
    ]
    torn = unicodedata.normalize("NFD", "학교에서")
    assert new.encode(torn).ids == new.encode("학교에서").ids


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(
                st.characters(exclude_categories=["Cs"]).filter(
                    lambda char: (
                        not is_read_otherwise(unicodedata.normalize("NFC", char), ("HANGUL",))
                    )
                ),
                max_size=12,
            ),
            st.sampled_from(["running", "Zürich", "don't", "U.S.A.", "ভালো", "வணக்கம்", "e\u0301"]),
        ),
        max_size=8,
    )
)
def test_every_text_without_hangul_is_cut_as_before(
    minilm: tuple[Tokenizer, Tokenizer], words: list[str]
) -> None:
    old, new = minilm
    text = " ".join(words)
    # The one exception, unknown before: é and a mark behind it that BERT does not strip.
    assume(not any(is_accented(one) and is_mark(other) for one, other in pairwise(text)))
    assert new.encode(text).ids == old.encode(text).ids


def is_accented(char: str) -> bool:
    return bool(unicodedata.decomposition(char)) or unicodedata.category(char) == "Mn"


def is_mark(char: str) -> bool:
    return unicodedata.category(char).startswith("M") or char in "\uff9e\uff9f"


def test_the_whole_vocabulary_is_cut_as_before(minilm: tuple[Tokenizer, Tokenizer]) -> None:
    old, new = minilm
    words = [piece for piece in old.get_vocab() if not is_read_otherwise(piece, ("HANGUL",))]
    texts = [" ".join(words[start : start + 50]) for start in range(0, len(words), 50)]
    before, after = old.encode_batch(texts), new.encode_batch(texts)
    assert [each.ids for each in before] == [each.ids for each in after]


def make(folder: Path, corpus: Path, out: Path, **more: object) -> dict[str, object]:
    chosen = {"pieces": 120, "syllables": "seen", "languages": ("ko", "en"), **more}
    return extend_vocabulary(str(folder), [str(corpus)], ExtensionRecipe(**chosen), out)  # type: ignore[arg-type]


def test_an_extended_encoder_opens_and_old_texts_have_their_vectors(
    tearing_folder: Path, corpus: Path, tmp_path: Path
) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("ko\ten\n학교\tschool\n나무\ttree\n" * 3, encoding="utf-8")
    parallel = (Source(path=str(pairs), columns={"new": "ko", "old": "en"}, licence="CC0"),)
    out = tmp_path / "out"
    receipt = make(tearing_folder, corpus, out, parallel=parallel)
    before, after = load_encoder(tearing_folder), load_encoder(out)
    old = before.encode(OLD_TEXTS, role="query")
    new = after.encode(OLD_TEXTS, role="query")
    assert new.vectors == pytest.approx(old.vectors, abs=1e-6)
    assert new.tokens.tolist() == old.tokens.tolist()
    assert after.card.languages == ("ko", "en")
    assert after.card.fingerprint != before.card.fingerprint
    korean = ["학교에서 나무를"]
    assert before.encode(korean, role="query").unknown.tolist() == [2]
    assert after.encode(korean, role="query").unknown.tolist() == [0]
    extra = receipt["extra"]
    assert isinstance(extra, dict)
    assert extra["vocabulary"] - extra["vocabulary_before"] == 120
    assert extra["starts"]["translations"] >= 2
    assert sum(extra["starts"].values()) == 120
    assert extra["unchanged"]["changed"] == 0
    assert extra["unchanged"]["texts"] > 0
    assert extra["largest_drift_of_old_texts"] < 1e-6
    scores = receipt["scores"]
    assert isinstance(scores, dict)
    assert scores["after"]["ko unknown_rate"] == 0
    assert scores["before"]["ko unknown_rate"] > 0.9
    assert scores["after"]["en tokens_per_word"] == scores["before"]["en tokens_per_word"]
    # 학교 is translated by `school` alone: its row is that of `school`.
    opened = SentenceTransformer(str(out), device="cpu")
    tokenizer = AutoTokenizer.from_pretrained(str(out))
    table = opened[0].auto_model.get_input_embeddings().weight.detach().numpy()
    known = tokenizer.get_vocab()
    assert table[known["학교"]] == pytest.approx(table[known["school"]], abs=1e-5)
    assert len(table) == len(tokenizer)
    assert not (out / "vocab.txt").exists()
    card = json.loads((out / "encoder_card.json").read_bytes())
    assert card["training"]["data"]["parallel"][0]["licence"] == "CC0"


def test_unigram_pieces_are_added_and_old_texts_cut_as_before(
    corpus: Path, lines: list[str], tmp_path: Path
) -> None:
    english = tmp_path / "english.txt"
    english.write_text("\n".join(line for line in lines if line.isascii()), encoding="utf-8")
    train_tokenizer(
        [str(english)], TokenizerRecipe(algorithm="unigram", vocabulary=150), tmp_path / "old"
    )
    old = bare(Tokenizer.from_file(str(tmp_path / "old" / "tokenizer.json")))
    new, _ = extend(old, ExtensionRecipe(pieces=50, syllables="seen"), lambda: lines)
    assert new.get_vocab_size() == old.get_vocab_size() + 50
    texts = [line for line in lines if line.isascii()]
    assert [each.ids for each in new.encode_batch(texts)] == [
        each.ids for each in old.encode_batch(texts)
    ]
    unknown = old.token_to_id("<unk>")
    assert unknown in old.encode("학교에서").ids
    assert unknown not in new.encode("학교에서").ids


def test_what_cannot_be_extended_is_refused(
    corpus: Path, lines: list[str], tearing_folder: Path, tmp_path: Path
) -> None:
    train_tokenizer([str(corpus)], TokenizerRecipe(algorithm="bpe", vocabulary=300), tmp_path / "b")
    bpe = bare(Tokenizer.from_file(str(tmp_path / "b" / "tokenizer.json")))
    with pytest.raises(RecipeError, match="BPE, whose merges"):
        extend(bpe, ExtensionRecipe(pieces=10), lambda: lines)
    with pytest.raises(DataError, match=r"give [\d,]+ new pieces of HANGUL"):
        make(tearing_folder, corpus, tmp_path / "out", pieces=5_000)
    with pytest.raises(DataError, match=r"single characters alone are 4,\d+"):
        make(tearing_folder, corpus, tmp_path / "out", syllables="common")
    with pytest.raises(RecipeError, match="made from scratch"):
        extend_vocabulary("bow", [str(corpus)], ExtensionRecipe(), tmp_path / "out")
    with pytest.raises(RecipeError, match="'scripts' is empty"):
        ExtensionRecipe(scripts=())
    assert not (tmp_path / "out").exists()
    assert np.isfinite(load_encoder(tearing_folder).encode(["a"], role="query").vectors).all()
