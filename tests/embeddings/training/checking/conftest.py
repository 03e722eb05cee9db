"""Scored pairs that a tiny encoder can learn, and recipes over them with one fault each."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from embeddings.training.checking.run import CHECKS, check_recipe
from embeddings.training.subjects.subject import open_subject, read_any
from embeddings.training.trainer import Listener

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from embeddings.training.checking.findings import CheckReport

Pair = tuple[str, str, int]
WORDS = [f"{first}{second}" for first in "bdfgklmn" for second in ("ab", "ek", "il", "ov", "us")]


def draw_pairs(count: int, seed: int) -> list[Pair]:
    """Pairs of six words each; the score is how many of them they share, 0 to 6."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        drawn = random.choice(WORDS, 12, replace=False)
        shared = int(random.integers(0, 7))
        first, second = drawn[:6], np.concatenate([drawn[:shared], drawn[6 : 12 - shared]])
        random.shuffle(second)
        made.append((" ".join(first), " ".join(second), shared))
    return made


def write_pairs(path: Path, pairs: Sequence[Pair]) -> Path:
    lines = ["sentence1\tsentence2\tscore", *("\t".join(map(str, pair)) for pair in pairs)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@dataclass
class Bench:
    """A folder with data and a recipe, and what its check says."""

    folder: Path
    train: list[Pair] = field(default_factory=lambda: draw_pairs(320, 1))
    dev: list[Pair] = field(default_factory=lambda: draw_pairs(80, 2))
    test: list[Pair] = field(default_factory=lambda: draw_pairs(80, 3))

    def write(self, **changed: Any) -> Path:  # noqa: ANN401 - recipe keys
        """The recipe; `changed` are top-level lines of it."""
        keys: dict[str, Any] = {"body": "words", "dense": 16, **changed}
        lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
        lines += ["[shape]", 'tokenizer = "words"', "width = 16", "channels = 8"]
        for part in ("train", "dev", "test"):
            path = write_pairs(self.folder / f"{part}.tsv", getattr(self, part))
            lines += [f"[[{part}]]", f'path = "{path.name}"', "range = [0, 6]"]
        lines += ["[optimiser]", "learning_rate = 5e-3", "[run]", "batch = 16", "seed = 3"]
        config = self.folder / "recipe.toml"
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return config

    def check(self, *overrides: str, only: Sequence[str] = CHECKS, **changed: Any) -> CheckReport:  # noqa: ANN401
        kind, recipe = read_any(self.write(**changed), overrides)
        subject = open_subject(kind, recipe, self.folder / "model", Listener())
        chosen = tuple(name for name in CHECKS if name in only)
        return check_recipe(kind, subject, self.folder, Listener(), only=chosen)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
