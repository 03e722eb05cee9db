"""Vectors that were trained to be cut: Kusupati et al. 2022, arXiv:2205.13147."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from embeddings.bundled import BUNDLED, WEIGHTS
from embeddings.contents import read_json
from embeddings.errors import EncoderRefusedError

if TYPE_CHECKING:
    from embeddings.types import Vectors

_CARD = "encoder_card.json"
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def trained_widths(name: str) -> tuple[int, ...]:
    """The widths that an encoder's vectors were trained to be cut to, widest first.

    Between them an encoder does as well as they let expect (see the paper on interpolated
    dimensions), so any width from the least on will do; its full width need not be among them.

    Args:
        name: of an encoder, whose card tells of its training. Nothing is downloaded.

    Returns:
        Empty for an encoder that was not trained so, or whose card is not here.
    """
    path = _card_of(name)
    if path is None or not path.is_file():
        return ()
    try:
        card = read_json(path)
        widths = card["training"]["recipe"]["loss"]["matryoshka"] or ()
        return tuple(sorted({int(width) for width in widths}, reverse=True))
    except (EncoderRefusedError, LookupError, TypeError, ValueError):
        return ()  # a card of somebody else's, which says nothing of this


def first_numbers(vectors: Vectors, width: int) -> Vectors:
    """The vectors cut to their first numbers, as long as they were: float32 (n, width)."""
    if vectors.shape[1] == width:
        return vectors
    cut = vectors[:, :width]
    before, after = (np.linalg.norm(each, axis=1, keepdims=True) for each in (vectors, cut))
    made: Vectors = np.ascontiguousarray(cut * (before / np.maximum(after, 1e-12)), np.float32)
    return made


def _card_of(name: str) -> Path | None:
    if name in BUNDLED:
        return WEIGHTS / name / _CARD
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder / _CARD
    if not _HUB_NAME.fullmatch(name):
        return None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, _CARD)
    return Path(found) if isinstance(found, str) else None
