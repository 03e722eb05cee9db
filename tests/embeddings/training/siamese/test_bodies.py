"""Bodies: each is made of the library's modules, and what does not fit is refused."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from embeddings.packing import pack_encoder
from embeddings.training.bodies import Body, Shape, build_body
from embeddings.training.errors import RecipeError, TrainingError
from embeddings.training.vocabularies import bag_of_words, longest_match, train_pieces

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = ["책을 읽었다", "The book was read", "기차가 늦었다", "the train is late"] * 5
SMALL = Shape(width=8, heads=2, layers=1, channels=4, vocabulary=120)


def build(name: str, shape: Shape = SMALL, **given: Any) -> Any:  # noqa: ANN401 - the library's
    torch.manual_seed(0)
    return build_body(Body(name=name, shape=shape, **given), TEXTS, device="cpu")


@pytest.mark.parametrize(
    ("name", "given", "kinds", "width"),
    [
        ("bow", {"dense": 6}, ["BoW", "Dense"], 6),
        ("words", {"dropout": 0.2}, ["WordEmbeddings", "Pooling", "Dropout"], 8),
        ("words", {"normalise": True}, ["WordEmbeddings", "Pooling", "Normalize"], 8),
        ("cnn", {}, ["WordEmbeddings", "CNN", "Pooling"], 12),
        ("lstm", {"pooling": "max"}, ["WordEmbeddings", "LSTM", "Pooling"], 8),
        ("transformer", {"dense": 5}, ["Transformer", "Pooling", "Dense"], 5),
    ],
)
def test_bodies_from_scratch(
    name: str, given: dict[str, Any], kinds: list[str], width: int
) -> None:
    model = build(name, **given)
    assert [type(module).__name__ for module in model] == kinds
    assert all(type(module).__module__.startswith("sentence_transformers.") for module in model)
    assert model.encode(["책을", "the train"]).shape == (2, width)


def test_weights_kept_in_half_precision_are_trained_in_single(
    transformer_folder: Path, tmp_path: Path
) -> None:
    pack_encoder(transformer_folder, tmp_path / "half")
    model = build(str(tmp_path / "half"))
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_a_trained_folder_keeps_its_pipeline(transformer_folder: Path) -> None:
    model = build(str(transformer_folder))
    assert [type(module).__name__ for module in model] == ["Transformer", "Pooling", "Normalize"]
    longer = build(str(transformer_folder), dense=6, pooling="cls", max_tokens=12)
    assert [type(module).__name__ for module in longer][1:] == ["Pooling", "Dense", "Normalize"]
    assert longer[1].pooling_mode == "cls"
    assert longer.max_seq_length == 12
    bare = build(str(transformer_folder), normalise=False, dropout=0.4)
    assert [type(module).__name__ for module in bare] == ["Transformer", "Pooling"]
    assert {m.p for m in bare.modules() if isinstance(m, torch.nn.Dropout)} == {0.4}


def test_a_frozen_body_trains_its_head_alone(transformer_folder: Path) -> None:
    model = build(str(transformer_folder), freeze=True, dense=6)
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    assert trained == ["2.linear.weight", "2.linear.bias"]
    with pytest.raises(RecipeError, match="no weights to train once it is frozen"):
        build(str(transformer_folder), freeze=True)
    with pytest.raises(RecipeError, match="no weights to train; put a layer behind it"):
        build("bow")


def hugging_face(folder: Path, model: Any) -> Path:  # noqa: ANN401 - any transformers model
    """A language model alone in a folder, with a WordPiece tokenizer of the texts."""
    model.save_pretrained(folder)
    tokenizer = train_pieces(TEXTS, 120)
    tokenizer.add_special_tokens({"eos_token": "[SEP]"})
    tokenizer.save_pretrained(folder)
    return folder


def test_a_decoder_is_pooled_at_its_last_token(tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=130, n_positions=32, n_embd=8, n_layer=1, n_head=2)
    model = build(str(hugging_face(tmp_path / "gpt", GPT2LMHeadModel(config))))
    assert model[1].pooling_mode == "lasttoken"
    assert model.encode(["책을"]).shape == (1, 8)


def test_of_a_t5_the_encoder_is_taken(tmp_path: Path) -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(vocab_size=130, d_model=8, d_kv=4, d_ff=16, num_layers=1, num_heads=2)
    model = build(str(hugging_face(tmp_path / "t5", T5ForConditionalGeneration(config))))
    assert type(model[0].auto_model).__name__ == "T5EncoderModel"
    assert model[1].pooling_mode == "mean"
    assert model.encode(["책을"]).shape == (1, 8)


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path, transformer_folder: Path) -> None:
    folder = shutil.copytree(transformer_folder, tmp_path / "mixed")
    for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink(missing_ok=True)
    train_pieces([f"word{n}" for n in range(300)], 300).save_pretrained(folder)
    with pytest.raises(TrainingError, match="not made for each other"):
        build(str(folder))


@pytest.mark.parametrize(
    ("name", "shape", "given", "message"),
    [
        (
            "minilm2",
            SMALL,
            {},
            r"'minilm2': neither .* bundled \(meari-ko-en, meari-static, minilm\)",
        ),
        ("bow", Shape(tokenizer="pieces"), {"dense": 4}, "bow counts words parted at blanks"),
        ("transformer", Shape(tokenizer="words"), {}, "shape.tokenizer is `pieces` or a folder"),
        ("cnn", Shape(tokenizer="nowhere"), {}, "neither words, pieces, auto, nor a folder"),
    ],
)
def test_parts_that_do_not_fit(
    name: str, shape: Shape, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        build(name, shape, **given)


def test_a_window_beyond_the_positions_is_refused(transformer_folder: Path) -> None:
    with pytest.raises(RecipeError, match=r"max_tokens is 33; body .* reads 32 at most"):
        build(str(transformer_folder), max_tokens=33)


def test_shapes_are_checked() -> None:
    with pytest.raises(RecipeError, match=r"heads \(3\) does not divide shape.width \(8\)"):
        Shape(width=8, heads=3)
    with pytest.raises(RecipeError, match="kernels have odd lengths"):
        Shape(kernels=(2, 3))


def test_rare_words_weigh_more_in_a_bag() -> None:
    bag = bag_of_words(SMALL, ["a b", "a c", "a d"])
    weights = dict(zip(bag.vocab, bag.weights, strict=True))
    assert weights["a"] == pytest.approx(1.0)
    assert weights["b"] == pytest.approx(np.log(4 / 2) + 1)
    vector = bag.preprocess(["a a b zzz"])["sentence_embedding"][0]
    assert vector.tolist() == pytest.approx([2.0, weights["b"], 0, 0])


def test_given_vectors_are_found_by_longest_match(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("4 2\n학교 1 0\n에서 0 1\n학 5 5\nbook 2 2\n", encoding="utf-8")
    shape = Shape(width=8, heads=1, vectors=str(path), tune=False)
    model = build("words", shape, dense=3)
    tokens = model[0].tokenizer.tokenizer.tokenize("학교에서 Book 학")
    assert tokens == ["학교", "에서", "book", "학"]
    features = model.preprocess(["학교에서"])
    with torch.no_grad():
        vectors = model[1](model[0](features))["sentence_embedding"]
    assert vectors.tolist() == [[0.5, 0.5]]
    assert [n for n, p in model.named_parameters() if p.requires_grad] == [
        "2.linear.weight",
        "2.linear.bias",
    ]


def test_letters_without_vectors_are_known_as_zeros() -> None:
    tokenizer = longest_match(["ab", "cd"])
    assert tokenizer.tokenize("abca xyz") == ["ab", "c", "a", "[UNK]"]


def test_pieces_keep_hangul_whole(tmp_path: Path) -> None:
    tokenizer = train_pieces(TEXTS, 200)
    assert (
        tokenizer.decode(tokenizer("책을 읽었다")["input_ids"], skip_special_tokens=True)
        == "책을 읽었다"
    )
    tokenizer.save_pretrained(tmp_path)
    data = json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))
    assert data["model"]["type"] == "WordPiece"
