"""Body `static`: what its table begins with, what its rows weigh, and a teacher wider than it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from embeddings.load import load_encoder
from embeddings.matryoshka import first_numbers
from embeddings.packing import pack_encoder
from embeddings.training.bodies import Body, Shape, build_body
from embeddings.training.errors import RecipeError
from embeddings.training.matryoshka import least_width, may_be_cut
from embeddings.training.siamese.run import train_siamese
from embeddings.training.static import narrowed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from embeddings.training.siamese.recipe import SiameseRecipe

    Recipes = Callable[..., SiameseRecipe]

TEXTS = ["hello", "hello a", "책방 배송", "책"]


def build(shape: Shape, **given: Any) -> Any:  # noqa: ANN401 - the library's
    torch.manual_seed(0)
    return build_body(Body(name="static", shape=shape, **given), TEXTS, device="cpu")


@pytest.fixture
def cuttable(transformer_folder: Path, tmp_path: Path) -> Path:
    """An encoder whose card says that its vectors may be cut to 8 and 4 numbers."""
    folder = shutil.copytree(transformer_folder, tmp_path / "cuttable")
    card = {"training": {"recipe": {"loss": {"matryoshka": [8, 4]}}}}
    (folder / "encoder_card.json").write_text(json.dumps(card), encoding="utf-8")
    receipt = {"kind": "siamese", "seconds": 3, "data": {}, "hardware": {"threads": 1}}
    (folder / "training.json").write_text(json.dumps(receipt), encoding="utf-8")
    return folder


def table(model: Any) -> np.ndarray:  # noqa: ANN401 - the library's
    made: np.ndarray = model[0].embedding.weight.detach().numpy()
    return made


def test_a_table_of_the_texts_pieces(tmp_path: Path) -> None:
    model = build(Shape(width=8, heads=1, vocabulary=60), normalise=True, max_tokens=3)
    assert [type(module).__name__ for module in model] == ["StaticEmbedding", "Normalize"]
    known = model[0].tokenizer.get_vocab()
    assert model.encode(["책", "hello"]).shape == (2, 8)
    rows = table(model)[[known["a"], known["책"]]]
    mean = rows.mean(axis=0)
    np.testing.assert_allclose(
        model.encode(["a 책"])[0], mean / np.linalg.norm(mean), rtol=1e-4, atol=1e-6
    )
    model.save(str(tmp_path / "static"), create_model_card=False)
    encoder = load_encoder(tmp_path / "static")
    assert (encoder.max_tokens, encoder.card.normalised) == (3, True)
    encoding = encoder.encode(["a a a a 책", "a"], role="query")
    assert encoding.tokens.tolist() == [5, 1]
    assert encoding.truncated.tolist() == [True, False]
    np.testing.assert_allclose(encoding.vectors[0], encoding.vectors[1], atol=1e-6)


def test_a_table_begins_with_what_the_encoder_makes_of_each_piece(
    transformer_folder: Path,
) -> None:
    from sentence_transformers import SentenceTransformer

    model = build(Shape(encoder=str(transformer_folder), width=16))
    known = model[0].tokenizer.get_vocab()
    assert max(known.values()) + 1 == len(table(model))
    words = ["a", "책", "query"]
    alone = SentenceTransformer(str(transformer_folder), device="cpu").encode(words, prompt="")
    np.testing.assert_allclose(table(model)[[known[word] for word in words]], alone, atol=1e-5)
    assert model[0].tokenizer.encode("a").tokens == ["a"]
    narrow = build(Shape(encoder=str(transformer_folder), width=4))
    np.testing.assert_allclose(table(narrow), narrowed(table(model), 4), atol=1e-4)


def test_principal_components_keep_what_differs_most() -> None:
    random = np.random.default_rng(0)
    directions = np.linalg.qr(random.standard_normal((6, 6)))[0]
    scales = np.array([9, 5, 1, 0.1, 0.1, 0.1])
    vectors = (random.standard_normal((400, 6)) * scales) @ directions.T + 7
    made = narrowed(vectors.astype(np.float32), 2)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made.std(axis=0), [9, 5], rtol=0.1)
    np.testing.assert_allclose(made.mean(axis=0), 0, atol=1e-4)
    correlation = float((made[:, 0] * made[:, 1]).mean() / made.std(axis=0).prod())
    assert abs(correlation) < 1e-3


def test_frequent_pieces_weigh_less(transformer_folder: Path) -> None:
    plain = build(Shape(encoder=str(transformer_folder), width=16))
    weighed = build(Shape(encoder=str(transformer_folder), width=16, sif=0.1))
    tokenizer = plain[0].tokenizer
    counts = np.zeros(len(table(plain)))
    for text in TEXTS:
        np.add.at(counts, tokenizer.encode(text).ids, 1)
    expected = 0.1 / (0.1 + counts / counts.sum())
    assert counts.max() > 3
    np.testing.assert_allclose(table(weighed), table(plain) * expected[:, None], rtol=1e-5)


def test_vectors_made_to_be_cut_are_cut(cuttable: Path, transformer_folder: Path) -> None:
    assert least_width(str(cuttable)) == 4
    assert least_width(str(transformer_folder)) is least_width("hash:8") is None
    assert [may_be_cut(str(cuttable), width) for width in (3, 4, 6, 8)] == [False, True, True, True]
    whole = build(Shape(encoder=str(transformer_folder), width=16))
    model = build(Shape(encoder=str(cuttable), width=8))
    known = model[0].tokenizer.get_vocab()
    from sentence_transformers import SentenceTransformer

    alone = SentenceTransformer(str(cuttable), device="cpu").encode(["a"], prompt="")[0, :8]
    row = table(model)[known["a"]]
    np.testing.assert_allclose(row, alone / np.linalg.norm(alone), atol=1e-5)
    assert table(whole).shape == (max(known.values()) + 1, 16)


def test_first_numbers_keep_the_length() -> None:
    vectors = np.array([[3, 4, 12], [0, 0, 2]], dtype=np.float32)
    assert first_numbers(vectors, 2).ravel().tolist() == pytest.approx([7.8, 10.4, 0, 0])
    assert first_numbers(vectors, 3) is vectors


@pytest.mark.parametrize(
    ("shape", "given", "message"),
    [
        ({"tokenizer": "words"}, {}, "body static reads pieces"),
        ({}, {"pooling": "max"}, "the mean of its table's rows"),
        ({"encoder": "bow"}, {}, "'shape.encoder' is 'bow'; a trained encoder is needed"),
        ({"encoder": "nowhere"}, {}, "'shape.encoder' is 'nowhere': neither a folder"),
        ({"encoder": "TRANSFORMER", "width": 20}, {}, "shape.width is 20; .* have 16 numbers"),
        ({"encoder": "TRANSFORMER", "tokenizer": "pieces"}, {}, "leave out shape.tokenizer"),
        ({"encoder": "STATIC"}, {}, "first module is StaticEmbedding; one vector a piece takes a"),
    ],
)
def test_what_does_not_fit_is_refused(
    shape: dict[str, Any],
    given: dict[str, Any],
    message: str,
    transformer_folder: Path,
    static_folder: Path,
) -> None:
    folders = {"TRANSFORMER": str(transformer_folder), "STATIC": str(static_folder)}
    named = {**shape, "encoder": folders.get(shape.get("encoder", ""), shape.get("encoder"))}
    with pytest.raises(RecipeError, match=message):
        build(Shape(**{"width": 8, "heads": 1, **named}), **given)


def test_a_narrower_student_follows_a_teacher_that_may_be_cut(
    recipe: Recipes, data: Path, cuttable: Path, transformer_folder: Path, tmp_path: Path
) -> None:
    path = str(data / "parallel.tsv")
    given = {
        "body": "static",
        "shape": {"encoder": str(cuttable), "width": 8, "heads": 1, "sif": 0.01},
        "normalise": True,
        "max_tokens": None,
        "train": [
            {"path": path, "form": "texts", "columns": {"text": name}}
            for name in ("source", "target")
        ],
        "dev": [],
        "run": {"epochs": 20, "batch": 32, "device": "cpu"},
        "optimiser": {"learning_rate": 0.02, "weight_decay": 0.0},
    }
    loss = {"name": "distil", "teacher": str(cuttable)}
    receipt = train_siamese(recipe(**given, loss=loss), tmp_path / "out")
    losses = [value for _, value in receipt["curves"]["loss"]]
    assert np.mean(losses[-5:]) < 0.7 * losses[0]
    assert receipt["throughput"]["tokens"] > 0
    # What the encoder learned from is told too.
    assert [stage["seconds"] for stage in receipt["extra"]["stages"]] == [3]
    texts = (data / "parallel.tsv").read_text(encoding="utf-8").splitlines()[1].split("\t")
    teacher = load_encoder(cuttable).encode(texts, role="document").vectors[:, :8]
    student = load_encoder(tmp_path / "out").encode(texts, role="document").vectors
    cosines = (teacher * student).sum(axis=1) / np.linalg.norm(teacher, axis=1)
    assert cosines.min() > 0.8
    loss = {"name": "distil", "teacher": str(transformer_folder)}
    with pytest.raises(
        RecipeError, match=r"16 numbers, this body's 8; they were not trained to be cut"
    ):
        train_siamese(recipe(**given, loss=loss), tmp_path / "none")
    with pytest.raises(RecipeError, match="'texts', which no measure is taken of"):
        recipe(**{**given, "dev": given["train"]}, loss=loss)
    with pytest.raises(RecipeError, match=r"loss distil needs loss\.teacher"):
        recipe(**given)
    narrow = {**given, "shape": {"encoder": str(cuttable), "width": 3, "heads": 1}}
    loss = {"name": "distil", "teacher": str(cuttable)}
    with pytest.raises(RecipeError, match="this body's 3; they may be cut to 4 at least"):
        train_siamese(recipe(**narrow, loss=loss), tmp_path / "none")


def test_a_trained_table_goes_on_and_is_packed(static_folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    body = Body(name=str(static_folder), shape=Shape(), max_tokens=5, normalise=True)
    model = build_body(body, TEXTS, device="cpu")
    model.save(str(tmp_path / "model"), create_model_card=False)
    before = load_encoder(tmp_path / "model")
    assert before.max_tokens == 5
    packed = pack_encoder(tmp_path / "model", tmp_path / "packed", max_tokens=4)
    assert packed.card.max_tokens == 4
    assert packed.card.fingerprint != before.card.fingerprint
    assert packed.bytes_after < 0.6 * packed.bytes_before
    written = json.loads((tmp_path / "packed" / "tokenizer.json").read_bytes())
    assert written["truncation"]["max_length"] == 4
    encoder = load_encoder(tmp_path / "packed")
    assert encoder.card.dtype == "float32"
    from sentence_transformers import SentenceTransformer

    texts = ["a b c d e", "hello world", "책"]
    library = SentenceTransformer(str(tmp_path / "packed"), device="cpu").float()
    np.testing.assert_allclose(
        encoder.encode(texts, role="document").vectors, library.encode(texts), atol=2e-6
    )
