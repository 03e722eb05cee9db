"""A small corpus of two subjects that never meet."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

ANIMALS = ["cat", "dog", "horse", "sheep", "cow", "goat"]
TOWNS = ["street", "tower", "bridge", "market", "square", "station"]


def corpus_lines(count: int = 1500, seed: int = 0) -> list[str]:
    draw = random.Random(seed)
    return [
        " ".join(draw.choices(ANIMALS if draw.random() < 0.5 else TOWNS, k=draw.randint(6, 12)))
        for _ in range(count)
    ]


@pytest.fixture(scope="session")
def corpus_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n".join(corpus_lines()) + "\n", encoding="utf-8")
    return path
