"""Libraries that report which weights of a folder a model has no place for, or draws anew."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def quietly() -> Iterator[None]:
    """Keep transformers from drawing bars and telling of heads inside the block.

    A body that is opened without its head, and a head that is put on a body, are meant here.
    """
    from transformers.utils import logging

    from embeddings.progress import without_bars

    told: Any = logging
    before = told.get_verbosity()
    told.set_verbosity_error()
    try:
        with without_bars():
            yield
    finally:
        told.set_verbosity(before)
