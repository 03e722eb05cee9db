"""Which examples make up a batch, and in which order: a function of seed and epoch alone."""
# ruff: noqa: ANN401 - data sets and samplers are the libraries'

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_POOL = 50
"""Batches whose examples are sorted by length together; more would make batches less random."""


@dataclass(frozen=True, slots=True)
class Batches:
    """How the examples of one optimiser step are computed.

    Attributes:
        size: examples of an optimiser step; what halving keeps.
        parts: how many pieces it is cut into, their gradients added up.
        cached: examples computed at once inside a gradient-cached loss (Gao et al. 2021,
            arXiv:2101.06983), which keeps all in-batch negatives; None for other losses.
    """

    size: int
    parts: int = 1
    cached: int | None = None

    @property
    def per_step(self) -> int:
        """Examples of one forward and backward pass, as the data loader cuts them."""
        return -(-self.size // self.parts)

    @property
    def at_once(self) -> int:
        """Examples whose activations are in memory together."""
        return min(self.per_step, self.cached or self.per_step)

    def halved(self) -> Batches | None:
        """The same batch in half the memory; None if a piece is one example already."""
        if self.at_once <= 1:
            return None
        if self.cached is not None:
            return Batches(self.size, self.parts, max(self.at_once // 2, 1))
        return Batches(self.size, min(self.parts * 2, self.size))


def grouped_order(lengths: Sequence[int] | None, size: int, total: int, seed: int) -> np.ndarray:
    """A shuffled order of `total` examples in which batches hold like lengths, int64 (total,).

    Examples are shuffled, cut into pools of 50 batches, sorted by length within a pool, and
    whole batches are shuffled again; the batch of the longest comes first, so that what does not
    fit into memory fails at once. Without lengths it is a plain shuffle.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(total)
    if lengths is None:
        return order
    known = np.asarray(lengths)
    pools = [order[start : start + size * _POOL] for start in range(0, total, size * _POOL)]
    pools = [pool[np.argsort(-known[pool], kind="stable")] for pool in pools]
    batches = [pool[start : start + size] for pool in pools for start in range(0, len(pool), size)]
    # The one short batch stays last: elsewhere it would shift the borders of those after it.
    whole = [batch for batch in batches if len(batch) == size]
    rest = [batch for batch in batches if len(batch) < size]
    shuffled = [whole[place] for place in random.permutation(len(whole))]
    if shuffled:
        longest = max(range(len(shuffled)), key=lambda place: known[shuffled[place]].max())
        shuffled.insert(0, shuffled.pop(longest))
    return np.concatenate([*shuffled, *rest]) if shuffled or rest else order


def distinct_batches(
    order: Iterable[int], texts: Sequence[frozenset[int]], size: int
) -> Iterator[list[int]]:
    """Rows cut into batches in which no text stands twice, as near to their order as can be.

    A row that shares a text with its batch waits for the next one. The last batches may be short.

    Args:
        order: of rows.
        texts: hashes of the texts of each row.
        size: rows of a batch.
    """
    coming = iter(order)
    waiting: deque[int] = deque()
    while True:
        batch: list[int] = []
        held: set[int] = set()
        again: list[int] = []
        # Where one text is in every row, all rows wait; nobody looks through all of them each time.
        for row in chain((waiting.popleft() for _ in range(min(len(waiting), 8 * size))), coming):
            if held.isdisjoint(texts[row]):
                batch.append(row)
                held |= texts[row]
            else:
                again.append(row)
            if len(batch) == size or len(again) > 32 * size:
                break
        waiting.extendleft(reversed(again))
        if not batch:
            return
        yield batch


def batch_sampler(*, by_length: bool, distinct: bool) -> Callable[..., Any]:
    """What sentence-transformers' trainer makes batches with.

    Args:
        by_length: texts of like length together.
        distinct: no text twice in a batch, for in-batch negatives: a second copy would be a
            wrong negative. Data with targets of their own (a column `label`) have none.
    """
    from sentence_transformers.base.sampler import DefaultBatchSampler

    class Grouped(DefaultBatchSampler):
        """Batches in `grouped_order` of seed and epoch."""

        def __init__(
            self, dataset: Any, batch_size: int, drop_last: bool, seed: int = 0, **_: object
        ) -> None:
            super().__init__(dataset, batch_size=batch_size, drop_last=drop_last, seed=seed)
            self._total, self._seed = len(dataset), seed or 0
            self._lengths = text_lengths(dataset) if by_length else None
            has_targets = "label" in dataset.column_names
            self._texts = text_hashes(dataset) if distinct and not has_targets else None

        def __iter__(self) -> Iterator[list[int]]:
            order = grouped_order(
                self._lengths, self.batch_size, self._total, self._seed * 1_000_003 + self.epoch
            ).tolist()
            batches: Iterable[list[int]] = (
                order[start : start + self.batch_size]
                for start in range(0, self._total, self.batch_size)
            )
            if self._texts is not None:
                batches = distinct_batches(order, self._texts, self.batch_size)
            # A text that is in very many rows makes more and shorter batches, which are left out.
            for batch in islice(batches, -(-self._total // self.batch_size)):
                if len(batch) == self.batch_size or not self.drop_last:
                    yield batch

    return Grouped


def mixing_sampler(weights: Sequence[float]) -> Callable[..., Any]:
    """What draws batches from several data sets, each read `weight` times over in an epoch."""
    from sentence_transformers.base.sampler import MultiDatasetDefaultBatchSampler

    class Mixed(MultiDatasetDefaultBatchSampler):
        """Batches of the data sets in a shuffled order of seed and epoch."""

        def _counts(self) -> list[int]:
            return [
                max(round(len(sampler) * weight), 1)
                for sampler, weight in zip(self.batch_samplers, weights, strict=True)
            ]

        def __iter__(self) -> Iterator[list[int]]:
            counts = self._counts()
            turns = np.repeat(np.arange(len(counts)), counts)
            np.random.default_rng([self.seed or 0, self.epoch]).shuffle(turns)
            sets: list[Any] = list(self.dataset.datasets)
            starts = np.cumsum([0, *map(len, sets)])
            sources = [self._again(sampler) for sampler in self.batch_samplers]
            for turn in turns:
                yield [int(starts[turn]) + row for row in next(sources[turn])]

        def _again(self, sampler: Any) -> Iterator[list[int]]:
            """Batches of a data set, from its next reading on when it is through."""
            reading = 0
            while True:
                sampler.set_epoch(self.epoch * 1_009 + reading)
                yield from sampler
                reading += 1

        def __len__(self) -> int:
            return sum(self._counts())

    return Mixed


def text_lengths(dataset: Any) -> list[int]:
    """The length in bytes of the longest text of each row: a cheap stand-in for tokens."""
    columns = [dataset[name] for name in dataset.column_names if name not in {"label", "score"}]
    texts = [column for column in columns if len(column) and isinstance(column[0], str)]
    return [max(len(text.encode()) for text in row) for row in zip(*texts, strict=True)]


def text_hashes(dataset: Any) -> list[frozenset[int]]:
    """Hashes of the texts of each row."""
    texts = [column for column in dataset.column_names if column not in {"label", "score"}]
    columns = [[hash(text) for text in dataset[name]] for name in texts]
    return [frozenset(row) for row in zip(*columns, strict=True)]
