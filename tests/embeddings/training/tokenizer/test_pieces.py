"""Learned tokenizers: their size, their special tokens, what they do to text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from transformers import AutoTokenizer

from embeddings.training.errors import DataError, RecipeError, TrainingError
from embeddings.training.recipe import read_recipe
from embeddings.training.tokenizer.corpus import Corpus
from embeddings.training.tokenizer.hangul import syllables_of
from embeddings.training.tokenizer.pieces import learn_pieces
from embeddings.training.tokenizer.recipe import TokenizerRecipe
from embeddings.training.tokenizer.run import corpora_of, train_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

SIZES = {"wordpiece": 160, "bpe": 400, "unigram": 260}
FIRST = {
    "wordpiece": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
    "bpe": ["<pad>", "<|endoftext|>", "<unk>"],
    "unigram": ["<pad>", "</s>", "<unk>", "<extra_id_0>"],
}


def recipe(algorithm: str, **more: object) -> TokenizerRecipe:
    given = {"vocabulary": SIZES[algorithm], **more}
    return TokenizerRecipe(algorithm=algorithm, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("algorithm", ["wordpiece", "bpe", "unigram"])
def test_a_folder_opens_with_its_size_specials_and_normaliser(
    algorithm: str, corpus: Path, tmp_path: Path
) -> None:
    chosen = recipe(algorithm, max_tokens=77, specials=("[Q]",))
    receipt = train_tokenizer([str(corpus)], chosen, tmp_path / "out")
    opened = AutoTokenizer.from_pretrained(str(tmp_path / "out"))
    assert len(opened) == SIZES[algorithm] == receipt["extra"]["vocabulary"]
    assert opened.convert_ids_to_tokens(range(len(FIRST[algorithm]))) == FIRST[algorithm]
    assert opened.model_max_length == 77
    assert opened.pad_token == FIRST[algorithm][0]
    text = "학교에서 library TREES"
    assert opened.decode(opened(text).input_ids, skip_special_tokens=True) == text.lower()
    assert opened.tokenize("[Q] 학교")[0] == "[Q]"
    torn = opened("학교").input_ids
    assert torn == opened("학교").input_ids
    assert receipt["data"]["train"][0]["rows"] == 900
    assert 0 < receipt["extra"]["held_out"] < 30
    scores = receipt["scores"]["held out"]
    assert 1 <= scores["ko tokens_per_word"] < 4.5
    assert scores["ko unknown_rate"] == scores["en unknown_rate"] == 0
    with pytest.raises(TrainingError, match="holds a model already"):
        train_tokenizer([str(corpus)], chosen, tmp_path / "out")


def test_wrapping(lines: list[str]) -> None:
    made = learn_pieces(recipe("wordpiece"), lambda: lines)
    pair = made.encode("tree", "나무")
    assert (pair.tokens[0], pair.tokens[-1]) == ("[CLS]", "[SEP]")
    assert pair.type_ids[:2] == [0, 0]
    assert pair.type_ids[-1] == 1
    made = learn_pieces(recipe("wordpiece", style="t5", vocabulary=260), lambda: lines)
    assert made.encode("tree").tokens[-1] == "</s>"


def test_common_syllables_are_known_in_any_case(lines: list[str]) -> None:
    seen = learn_pieces(recipe("wordpiece"), lambda: lines)
    assert seen.encode("뿌리깊은", add_special_tokens=False).tokens == ["[UNK]"]
    size = 2 * 2_350 + 200
    known = learn_pieces(recipe("wordpiece", vocabulary=size, syllables="common"), lambda: lines)
    inside = sum(f"##{char}" in seen.get_vocab() for char in syllables_of("common"))
    assert size - inside <= known.get_vocab_size() <= size
    tokens = known.encode("뿌리깊은 쀍", add_special_tokens=False).tokens
    assert tokens == ["뿌", "##리", "##깊", "##은", "[UNK]"]


def test_rare_characters_get_no_piece_below_the_coverage(lines: list[str]) -> None:
    texts = [*lines, "乑"]
    whole = learn_pieces(recipe("wordpiece", coverage=1.0), lambda: texts)
    assert "乑" in whole.get_vocab()
    most = learn_pieces(recipe("wordpiece", coverage=0.999), lambda: texts)
    assert "乑" not in most.get_vocab()


@pytest.mark.parametrize("algorithm", ["wordpiece", "bpe"])
def test_too_large_a_vocabulary_names_the_possible_one(algorithm: str, lines: list[str]) -> None:
    with pytest.raises(DataError, match=r"Ask for at most [\d,]+") as caught:
        learn_pieces(recipe(algorithm, vocabulary=90_000), lambda: lines)
    said = str(caught.value).split("at most ")[1].split(",  or")[0].split(", or")[0]
    possible = int(said.replace(",", ""))
    made = learn_pieces(recipe(algorithm, vocabulary=possible), lambda: lines)
    assert made.get_vocab_size() == possible


@pytest.mark.parametrize("algorithm", ["wordpiece", "bpe", "unigram"])
def test_too_small_a_vocabulary_is_refused(algorithm: str, lines: list[str]) -> None:
    with pytest.raises(DataError, match="'vocabulary' is 20"):
        learn_pieces(recipe(algorithm, vocabulary=20), lambda: lines)


def test_few_texts_are_reported_on_themselves(tmp_path: Path) -> None:
    path = tmp_path / "few.txt"
    path.write_text("aa ab ba bb\n" * 3, encoding="utf-8")
    receipt = train_tokenizer([str(path)], recipe("wordpiece", vocabulary=11), tmp_path / "out")
    assert list(receipt["scores"]) == ["training"]
    assert "too few texts" in receipt["notes"][0]
    assert receipt["scores"]["training"]["en unknown_rate"] == 0
    assert json.loads((tmp_path / "out" / "training.json").read_bytes())["kind"] == "tokenizer"


def test_files_of_the_recipe_have_columns_of_their_own(tmp_path: Path) -> None:
    table = tmp_path / "a.tsv"
    table.write_text("no\tbb ab\n" * 4, encoding="utf-8")
    lines = tmp_path / "b.jsonl"
    lines.write_text('{"ko": "cc", "en": "no"}\n' * 4, encoding="utf-8")
    train = (
        Corpus(path=str(table), column=2, most=3, licence="CC0"),
        Corpus(path=str(lines), column="ko"),
        Corpus(path=str(table), column=2, most=1),
    )
    chosen = TokenizerRecipe(vocabulary=11, train=train, heldout=0)
    receipt = train_tokenizer([], chosen, tmp_path / "out")
    read = [(file["name"], file["rows"], file["licence"]) for file in receipt["data"]["train"]]
    assert read == [("a", 3, "CC0"), ("b", 4, None), ("a", 1, None)]
    pieces = AutoTokenizer.from_pretrained(tmp_path / "out").get_vocab()
    assert {"a", "b", "c"} <= {piece.removeprefix("##") for piece in pieces}
    assert "n" not in pieces


def test_a_misspelt_key_and_an_empty_special_are_refused() -> None:
    with pytest.raises(RecipeError, match="did you mean 'vocabulary'"):
        read_recipe(TokenizerRecipe, None, ["vocabluary=100"])
    with pytest.raises(RecipeError, match="no token twice"):
        read_recipe(TokenizerRecipe, None, ['specials=["[Q]", "[Q]"]'])
    with pytest.raises(DataError, match="no source"):
        corpora_of([], TokenizerRecipe())
