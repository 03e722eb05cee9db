"""Which teachers a narrower student may follow: those whose vectors may be cut."""

from __future__ import annotations

from embeddings.matryoshka import trained_widths
from embeddings.training.errors import RecipeError


def least_width(name: str) -> int | None:
    """The narrowest width that an encoder's vectors were trained to be cut to; None for no such.

    Args:
        name: of an encoder, whose card tells of its training.
    """
    return min(trained_widths(name), default=None)


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
