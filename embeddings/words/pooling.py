"""How texts are pooled: directions they share, for SIF to take out; folders that pool anew."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from embeddings.errors import EncoderRefusedError
from embeddings.words.folder import read_table, write_pooled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from embeddings.types import Vectors
    from embeddings.words.folder import Pooling, WordTable

_PIECE = 30
"""Words of a text whose vector is looked at: about a sentence."""
_MOST_PIECES = 20_000


def common_directions(table: WordTable, lines: Sequence[Sequence[str]], count: int) -> WordTable:
    """The table with the `count` first singular vectors of the texts' weighted means.

    Args:
        table: of word vectors.
        lines: words of texts; those of 30 words and less are taken whole, others in pieces.
        count: directions.
    """
    if not count:
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


def repool(source: Path, folder: Path, pooling: Pooling) -> WordTable:
    """Make a second folder of the same vectors that pools texts in another way.

    Raises:
        EncoderNotFoundError: `source` holds no word vectors.
        EncoderRefusedError: they are damaged, or words are to be weighed that nobody counted.
    """
    table = read_table(source)
    if pooling == "sif" and not (table.vocabulary.is_counted and table.facts.tokens):
        message = (
            f"{source} does not tell how often its words were seen, which `sif` weighs them by; "
            "pool by `mean`"
        )
        raise EncoderRefusedError(message)
    table = replace(table, facts=replace(table.facts, pooling=pooling))
    write_pooled(table, source, folder)
    return table


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
