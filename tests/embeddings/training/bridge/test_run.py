"""A bridge: an encoder that gives another one's vectors, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from embeddings.load import load_encoder
from embeddings.training.bridge.layers import learn_layers
from embeddings.training.bridge.recipe import BridgeRecipe
from embeddings.training.bridge.run import train_bridge
from embeddings.training.errors import RecipeError, TrainingError
from embeddings.training.recipe import from_mapping
from embeddings.training.trainer import Listener

if TYPE_CHECKING:
    from collections.abc import Callable

PLAIN = {"optimiser": {"learning_rate": 0.003}, "schedule": {"name": "cosine"}, "dropout": 0.0}


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Texts of the bookshop, in both languages."""
    path = Path(__file__).parents[4] / "examples" / "bookshop" / "corpus.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return list(dict.fromkeys(" ".join(row["text"].split())[:80] for row in rows))[:240]


@pytest.fixture(scope="module")
def recipe(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """A recipe over those texts, and over pairs of their halves; arguments replace its values."""
    folder = tmp_path_factory.mktemp("bridge")
    (folder / "texts.tsv").write_text("\n".join(["text", *texts]) + "\n", "utf-8")
    pairs = [f"{text}\t{text} !" for text in texts[:40]]
    (folder / "parallel.tsv").write_text("\n".join(["source\ttarget", *pairs]) + "\n", "utf-8")

    def made(**given: Any) -> BridgeRecipe:  # noqa: ANN401 - recipe values
        values: dict[str, Any] = {
            "body": "meari-ko-en",
            "teacher": "meari-static",
            "languages": ["ko", "en"],
            "width": 256,
            "epochs": 60,
            "batch": 60,
            "train": [
                {"path": str(folder / "texts.tsv"), "form": "texts", "licence": "CC0"},
                {"path": str(folder / "parallel.tsv"), "form": "parallel"},
            ],
            "dev": [{"path": str(folder / "parallel.tsv"), "form": "parallel", "name": "halves"}],
        }
        return from_mapping(BridgeRecipe, values | PLAIN | given)

    return made


def test_the_vectors_are_the_teacher_s(
    recipe: Callable[..., BridgeRecipe], texts: list[str], tmp_path: Path
) -> None:
    notes: list[str] = []
    out = tmp_path / "made"
    receipt = train_bridge(recipe(), out, listener=Listener(note=notes.append))
    assert notes == ["vectors of the body and of the teacher (texts: 280, sources: 2)"]
    teacher, made = load_encoder("meari-static"), load_encoder(str(out))
    aims = teacher.encode(texts, role="document").vectors
    for role in ("query", "document"):
        found = made.encode(texts, role=role).vectors
        cosines = found @ aims.T
        assert cosines.diagonal().mean() > 0.9
        assert (cosines.argmax(axis=1) == np.arange(len(texts))).mean() > 0.95
    assert (made.card.dim, made.card.normalised) == (teacher.dim, True)
    assert made.card.languages == ("ko", "en")
    losses = receipt["extra"]["losses"]
    assert len(losses) == 60
    assert losses[-1] < 0.3 * losses[0]
    assert receipt["scores"]["dev"]["halves, target to source"] > 0.9
    assert [each["rows"] for each in receipt["data"]["train"]] == [len(texts), 40]
    assert "give another one's vectors" in (out / "README.md").read_text("utf-8")
    with pytest.raises(TrainingError, match="holds a model already"):
        train_bridge(recipe(), out)


def test_both_encoders_compute_in_the_numbers_of_the_recipe(
    recipe: Callable[..., BridgeRecipe], texts: list[str], tmp_path: Path
) -> None:
    receipt = train_bridge(recipe(precision="bf16", epochs=20), tmp_path / "half")
    assert receipt["hardware"]["precision"] == "bf16"
    whole = train_bridge(recipe(epochs=20), tmp_path / "whole")
    assert whole["hardware"]["precision"] == "fp32"
    assert receipt["extra"]["losses"] != whole["extra"]["losses"]
    made = [
        load_encoder(str(tmp_path / name)).encode(texts, role="query").vectors
        for name in ("half", "whole")
    ]
    assert (made[0] * made[1]).sum(axis=1).mean() > 0.99


def test_vectors_are_standardised_inside() -> None:
    """A space far from 0 and of unequal spread is mapped as well as any other."""
    random = np.random.default_rng(0)
    given = random.normal(size=(600, 12)).astype(np.float32) * np.geomspace(0.01, 3, 12) + 5
    given = given.astype(np.float32)
    truth = random.normal(size=(12, 6)).astype(np.float32)
    aims = ((given - given.mean(axis=0)) / given.std(axis=0)) @ truth
    aims = (aims / np.linalg.norm(aims, axis=1, keepdims=True)).astype(np.float32)
    example = [{"path": "x.tsv", "form": "texts"}]
    recipe = from_mapping(
        BridgeRecipe,
        {"body": "a", "teacher": "b", "train": example, "width": 64, "epochs": 60, "batch": 100}
        | PLAIN,
    )
    steps: list[tuple[int, int]] = []
    modules, losses = learn_layers(
        given, aims, recipe, lambda done, total: steps.append((done, total))
    )
    import torch

    features = {"sentence_embedding": torch.from_numpy(given)}
    for module in modules:
        features = module(features)
    made = features["sentence_embedding"].detach().numpy()
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    assert (made * aims).sum(axis=1).mean() > 0.97
    assert steps[-1] == (360, 360)
    assert len(losses) == 60


def test_what_cannot_be_bridged_is_refused(
    recipe: Callable[..., BridgeRecipe], tmp_path: Path
) -> None:
    pairs = [{"path": "x.tsv", "form": "pairs"}]
    with pytest.raises(RecipeError, match="a bridge learns from texts, sentences, parallel"):
        recipe(train=pairs)
    with pytest.raises(RecipeError, match="dev is measured on parallel"):
        recipe(dev=[{"path": "x.tsv", "form": "texts"}])
    with pytest.raises(RecipeError, match="no data to learn from"):
        recipe(train=[])
    with pytest.raises(RecipeError, match="made from scratch; name a trained encoder"):
        train_bridge(recipe(body="lstm"), tmp_path / "made")
    assert not (tmp_path / "made").exists()
