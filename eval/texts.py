"""Texts to vectors, batch by batch, with what was read of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eval.target import TextCounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embeddings.types import Encoder, Role, Vectors
    from eval.target import Progress

_BATCH = 1024


def encode_all(
    texts: Sequence[str], encoder: Encoder, progress: Progress | None, *, role: Role = "query"
) -> tuple[Vectors, TextCounts]:
    """float32 (n, dim) of texts, and what was read of them."""
    vectors = np.empty((len(texts), encoder.dim), dtype=np.float32)
    counts = TextCounts()
    for start in range(0, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        encoding = encoder.encode(batch, role=role)
        vectors[start : start + len(batch)] = encoding.vectors
        counts += TextCounts.of(encoding, encoder.max_tokens)
        if progress is not None:
            progress("encode", start + len(batch), len(texts))
    return vectors, counts
