"""Vectors that were trained to be cut: Kusupati et al. 2022, arXiv:2205.13147."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from embeddings.training.errors import RecipeError

if TYPE_CHECKING:
    from embeddings.types import Vectors


def least_width(name: str) -> int | None:
    """The narrowest width that an encoder's vectors were trained to be cut to; None for no such.

    Between the widths it was trained at an encoder does as well as they let expect (see the paper
    on interpolated dimensions), so any from this one on will do.

    Args:
        name: of an encoder, whose card tells of its training.
    """
    from embeddings.training.bodies import find_body
    from embeddings.training.card import ENCODER_CARD

    try:
        folder = find_body(name)
    except RecipeError:  # an encoder that cannot be trained, as `hash:64`
        return None
    path = folder / ENCODER_CARD if folder is not None else Path(ENCODER_CARD)
    if folder is None or not path.is_file():
        return None
    recipe = json.loads(path.read_bytes()).get("training", {}).get("recipe", {})
    return min(recipe.get("loss", {}).get("matryoshka") or (), default=None)


def may_be_cut(name: str, width: int) -> bool:
    """True if the first `width` numbers of an encoder's vectors are vectors of their own."""
    least = least_width(name)
    return least is not None and width >= least


def check_width(width: int, dim: int, teacher: str) -> None:
    """Refuse a student whose vectors a teacher's cannot be compared with.

    Args:
        width: of the student.
        dim: of the teacher.
        teacher: its name.

    Raises:
        RecipeError: they are not of one width, and the teacher's were not trained to be cut there.
    """
    if width == dim or (width < dim and may_be_cut(teacher, width)):
        return
    least = least_width(teacher)
    cut = (
        "they were not trained to be cut"
        if least is None
        else f"they may be cut to {least} at least"
    )
    message = (
        f"the teacher's vectors have {dim} numbers, this body's {width}; {cut}. Say "
        f"`dense = {dim}` in the recipe, or shape.width for body static"
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
