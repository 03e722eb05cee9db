"""Which texts are computed together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from embeddings.types import Counts

BUDGET = 1_024
"""Tokens of a batch, padding counted: its states stay in the second-level cache."""
_LEAST = 128
"""Tokens of a batch that is worth splitting off for a stream that has nothing to do."""
_GRID = ((32, 1), (128, 4), (1 << 30, 8))
"""Up to so many tokens, widths are multiples of so many: every new shape costs milliseconds."""


def plan(lengths: Counts, streams: int, budget: int = BUDGET) -> Iterator[tuple[np.ndarray, int]]:
    """Rows of like length that make one batch, and the width they are padded to.

    Longest first: what does not fit into memory fails at once, and the last batches are small.

    Args:
        lengths: int32 (n,), tokens of each row.
        streams: that compute at once; few rows are spread over all of them.
        budget: tokens of a batch; one row may have more.
    """
    order = np.argsort(-lengths, kind="stable")
    share = -(-int(lengths.sum()) // streams)
    budget = min(budget, max(share, _LEAST))
    start = 0
    while start < len(order):
        width = round_up(max(int(lengths[order[start]]), 1))
        end = start + max(budget // width, 1)
        yield order[start:end], width
        start = end


def round_up(length: int) -> int:
    """The width that a row of so many tokens is padded to."""
    step = next(step for limit, step in _GRID if length <= limit)
    return -(-length // step) * step


def pad(ids: list[list[int]], width: int, padding: int) -> tuple[np.ndarray, np.ndarray]:
    """int32 ids and float32 mask, both (n, width), padded on the right."""
    padded = np.full((len(ids), width), padding, dtype=np.int32)
    mask = np.zeros((len(ids), width), dtype=np.float32)
    for row, tokens in enumerate(ids):
        padded[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return padded, mask
