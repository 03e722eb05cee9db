"""Vectors that were trained to be cut: Kusupati et al. 2022, arXiv:2205.13147."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from embeddings.training.errors import RecipeError

if TYPE_CHECKING:
    from embeddings.types import Vectors


def widths_of(name: str) -> tuple[int, ...]:
    """Widths, from the narrowest on, that an encoder's vectors may be cut to by its own card.

    Args:
        name: of an encoder; one whose card tells of no such training has none.
    """
    from embeddings.training.bodies import find_body
    from embeddings.training.card import ENCODER_CARD

    try:
        folder = find_body(name)
    except RecipeError:  # an encoder that cannot be trained, as `hash:64`
        return ()
    path = folder / ENCODER_CARD if folder is not None else Path(ENCODER_CARD)
    if folder is None or not path.is_file():
        return ()
    recipe = json.loads(path.read_bytes()).get("training", {}).get("recipe", {})
    return tuple(sorted(recipe.get("loss", {}).get("matryoshka") or ()))


def check_width(width: int, dim: int, teacher: str) -> None:
    """Refuse a student whose vectors a teacher's cannot be compared with.

    Args:
        width: of the student.
        dim: of the teacher.
        teacher: its name.

    Raises:
        RecipeError: they are not of one width, and the teacher's were not trained to be cut there.
    """
    if width == dim:
        return
    widths = widths_of(teacher)
    if width not in widths:
        told = ", ".join(map(str, widths))
        message = (
            f"the teacher's vectors have {dim} numbers, this body's {width}; say "
            f"`dense = {dim}` in the recipe (or shape.width for body static). "
            + (f"They may be cut to {told}" if widths else "They were not trained to be cut")
        )
        raise RecipeError(message)


def first_numbers(vectors: Vectors, width: int) -> Vectors:
    """The vectors cut to their first numbers, as long as they were: float32 (n, width)."""
    if vectors.shape[1] == width:
        return vectors
    cut = vectors[:, :width]
    before, after = (np.linalg.norm(each, axis=1, keepdims=True) for each in (vectors, cut))
    made: Vectors = np.ascontiguousarray(cut * (before / np.maximum(after, 1e-12)), np.float32)
    return made
