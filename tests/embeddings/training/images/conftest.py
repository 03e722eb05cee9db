"""Pictures of three kinds that a small network can tell apart; recipes that learn in seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from embeddings.training.images.recipe import ImageRecipe
from embeddings.training.recipe import from_mapping

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KINDS = ("disc", "stripes", "noise")


def draw(kind: str, random: np.random.Generator, side: int = 36) -> Image.Image:
    """A disc, slanted stripes or noise, in any colours."""
    down, across = np.mgrid[0:side, 0:side]
    ink, paper = random.integers(0, 256, (2, 3))
    if kind == "disc":
        middle = random.uniform(0.35, 0.65, 2) * side
        mask = (down - middle[0]) ** 2 + (across - middle[1]) ** 2 < (side / 4) ** 2
    elif kind == "stripes":
        mask = ((down + across * random.choice((-1, 1))) // 4) % 2 == 0
    else:
        mask = random.random((side, side)) < 0.5
    return Image.fromarray(np.where(mask[..., None], ink, paper).astype(np.uint8))


def fill(folder: Path, each: int, seed: int) -> Path:
    """A folder with a folder for each kind."""
    random = np.random.default_rng(seed)
    for kind in KINDS:
        (folder / kind).mkdir(parents=True)
        for number in range(each):
            draw(kind, random).save(folder / kind / f"{number:02}.png")
    return folder


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`train` of 24 pictures a kind and `dev` of 6."""
    folder = tmp_path_factory.mktemp("photos")
    fill(folder / "train", 24, 1)
    fill(folder / "dev", 6, 2)
    return folder


@pytest.fixture
def recipe(photos: Path) -> Callable[..., ImageRecipe]:
    def make(**given: Any) -> ImageRecipe:  # noqa: ANN401 - any recipe key
        data: dict[str, Any] = {
            "body": "mobilenet",
            "shape": {"size": 32, "width": 0.125},
            "train": [{"path": str(photos / "train")}],
            "dev": [{"path": str(photos / "dev")}],
            "optimiser": {"learning_rate": 3e-3},
            "run": {"epochs": 3, "batch": 24, "evaluations": 1, "device": "cpu"},
            "augment": {"crop": 0.8, "colour": 0.1},
        }
        for key, value in given.items():
            both = isinstance(value, dict) and key in data
            data[key] = data[key] | value if both else value
        return from_mapping(ImageRecipe, data)

    return make
