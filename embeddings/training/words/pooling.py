"""Directions that all texts share, for SIF to take out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from embeddings.types import Vectors
    from embeddings.words.folder import WordTable

_PIECE = 30
"""Words of a text whose vector is looked at: about a sentence."""
_MOST_PIECES = 20_000


def common_directions(table: WordTable, lines: Sequence[Sequence[str]], count: int) -> WordTable:
    """The table with the `count` first singular vectors of the texts' weighted means.

    Args:
        table: of word vectors.
        lines: words of texts; those of 30 words and less are taken whole, others in pieces.
        count: directions; none are taken where pooling is `mean`.
    """
    if table.facts.pooling != "sif" or not count:
        return replace(table, common=np.zeros((0, table.facts.dim), np.float32))
    facts = table.facts
    shares = table.vocabulary.counts / max(facts.tokens, 1)
    weights = (facts.smoothing / (facts.smoothing + shares)).astype(np.float32) * table.norms
    means = [_mean(table, weights, rows) for rows in _pieces(table, lines)]
    if not means:
        return replace(table, common=np.zeros((0, facts.dim), np.float32))
    texts = np.stack(means).astype(np.float64)
    values, directions = np.linalg.eigh(texts.T @ texts)
    order = np.argsort(-values)[: min(count, facts.dim - 1)]
    return replace(table, common=np.ascontiguousarray(directions[:, order].T, dtype=np.float32))


def _pieces(table: WordTable, lines: Sequence[Sequence[str]]) -> Iterator[list[int]]:
    found = 0
    for line in lines:
        known = [row for row in map(table.vocabulary.row, line) if row is not None]
        for start in range(0, len(known), _PIECE):
            yield known[start : start + _PIECE]
            found += 1
            if found == _MOST_PIECES:
                return


def _mean(table: WordTable, weights: Vectors, rows: list[int]) -> Vectors:
    mean: Vectors = weights[rows] @ table.unit[rows] / np.float32(len(rows))
    return mean
