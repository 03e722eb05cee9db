"""Three classes of texts with words of their own, and recipes that learn them in a second."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from embeddings.training.classifier.recipe import ClassifierRecipe
from embeddings.training.recipe import from_mapping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

WORDS = {
    "animal": ["cat", "dog", "horse", "sheep", "cow", "goat"],
    "town": ["street", "tower", "bridge", "market", "square", "station"],
    "책": ["서가", "작가", "인쇄", "이야기", "출판", "도서"],
}
FOREIGN = ["zinc", "iron", "gold", "lead", "tin", "silver"]

Make = "Callable[..., ClassifierRecipe]"


def write_rows(path: Path, rows: Iterable[tuple[str, Any]]) -> Path:
    """Texts and labels as JSON lines."""
    lines = [json.dumps({"text": t, "label": label}, ensure_ascii=False) for t, label in rows]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def labelled(rows: int, seed: int, noise: float = 0.0) -> list[tuple[str, str]]:
    """Texts of four words of a class; `noise` of the labels are drawn anew."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(rows):
        label = str(random.choice(list(WORDS)))
        text = " ".join(random.choice(WORDS[label], 4))
        made.append((text, str(random.choice(list(WORDS))) if random.random() < noise else label))
    return made


def foreign(rows: int, seed: int) -> list[tuple[str, str]]:
    """Texts of no class."""
    random = np.random.default_rng(seed)
    return [(" ".join(random.choice(FOREIGN, 4)), "none") for _ in range(rows)]


def topical(rows: int, seed: int) -> list[tuple[str, list[str]]]:
    """Texts of words of no, one or two classes, with all of their labels."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(rows):
        labels = [str(each) for each in random.permutation(list(WORDS))[: random.integers(0, 3)]]
        words = [word for label in labels for word in random.choice(WORDS[label], 3)]
        made.append((" ".join([*words, *random.choice(FOREIGN, 2)]), labels))
    return made


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`train`, `dev`, `test`: one class a text; `multi-...`: several; `open-...`: some of none."""
    folder = tmp_path_factory.mktemp("labelled")
    for seed, (name, rows) in enumerate((("train", 180), ("dev", 90), ("test", 90))):
        write_rows(folder / f"{name}.jsonl", labelled(rows, seed, noise=0.05))
        write_rows(folder / f"multi-{name}.jsonl", topical(rows, seed))
        write_rows(
            folder / f"open-{name}.jsonl", [*labelled(rows, seed), *foreign(rows // 3, seed)]
        )
    return folder


@pytest.fixture
def make(data: Path) -> Callable[..., ClassifierRecipe]:
    """A recipe of the data, keys given in the place of the usual ones."""

    def recipe(prefix: str = "", **given: object) -> ClassifierRecipe:
        usual: dict[str, Any] = {
            "encoder": "hash:64",
            "train": [{"path": str(data / f"{prefix}train.jsonl"), "licence": "CC0"}],
            "dev": [{"path": str(data / f"{prefix}dev.jsonl")}],
            "test": [{"path": str(data / f"{prefix}test.jsonl")}],
            "head": {"epochs": 20, "batch": 16},
            "run": {"device": "cpu"},
        }
        return from_mapping(ClassifierRecipe, usual | given)

    return recipe
