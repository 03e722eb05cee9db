"""A teacher's vectors of many texts, part by part, in the numbers of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from embeddings.training.precision import Place
    from embeddings.training.trainer import Listener
    from embeddings.types import Encoder, Role, Vectors

_AT_ONCE = 2_048
"""Texts encoded between two words about progress."""


def teach(
    encoder: Encoder, texts: list[str], *, role: Role, place: Place, listener: Listener
) -> Vectors:
    """Encode texts while a listener is told how far it is; (n, dim), float32.

    Args:
        encoder: the teacher, which computes by torch.
        texts: what it reads, n of them.
        role: whose prompt stands before every text.
        place: in bf16 or fp16 matrices are multiplied in these.
        listener: told of texts done and of all, as `teach`.
    """
    import torch

    numbers = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(place.precision)
    made = np.empty((len(texts), encoder.dim), dtype=np.float32)
    with torch.autocast(place.device, dtype=numbers, enabled=numbers is not None):
        for start in range(0, len(texts), _AT_ONCE):
            part = texts[start : start + _AT_ONCE]
            made[start : start + len(part)] = encoder.encode(part, role=role).vectors
            listener.progress("teach", start + len(part), len(texts))
    return made
