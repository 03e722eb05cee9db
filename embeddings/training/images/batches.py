"""Which pictures make up a batch, and their pixels: functions of seed and epoch alone."""
# ruff: noqa: ANN401 - data sets and samplers are the libraries'

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.images.encoder import usable
from embeddings.training.images.augmentation import augment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import ThreadPoolExecutor

    import torch
    from PIL.Image import Image

    from embeddings.training.images.pictures import Labels, Split
    from embeddings.training.images.recipe import Augment

COLUMN = "image"
"""Of a data set: numbers of pictures."""


@dataclass(slots=True)
class Turn:
    """The epoch whose batches are made; the sampler says so, augmentation reads it."""

    epoch: int = 0


class Collating:
    """Numbers of pictures to their pixels, prepared by threads.

    What is drawn for a picture depends on seed, epoch and picture alone, so that a run that was
    stopped goes on as if it had not been.

    Args:
        split: the pictures.
        prepare: from a picture to the network's pixels, (3, height, width).
        options: what happens to pictures; None leaves them as they are.
        size: pixels a side.
        seed: of what is drawn.
        turn: whose epoch counts.
    """

    valid_label_columns = ("label",)

    def __init__(
        self,
        split: Split,
        prepare: Callable[[Image], torch.Tensor],
        options: Augment | None,
        *,
        size: int,
        seed: int,
        turn: Turn,
    ) -> None:
        self._split, self._prepare = split, prepare
        self._options, self._size = options, size
        self._seed, self._turn = seed, turn
        self._pool: ThreadPoolExecutor | None = None

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """`image_pixel_values` (n, 3, height, width) and `label` (n,)."""
        import torch

        numbers = [int(row[COLUMN]) for row in rows]
        epoch = self._turn.epoch
        pixels = list(self._threads().map(lambda number: self._one(number, epoch), numbers))
        labels = torch.tensor([int(row["label"]) for row in rows])
        return {f"{COLUMN}_pixel_values": torch.stack(pixels), "label": labels}

    def _one(self, number: int, epoch: int) -> torch.Tensor:
        image = self._split.images[number]
        if self._options is not None:
            random = np.random.default_rng([self._seed, epoch, number])
            image = augment(image, self._size, self._options, random)
        return self._prepare(image)

    def _threads(self) -> ThreadPoolExecutor:
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(usable(4), thread_name_prefix="pictures")
        return self._pool


def picture_sampler(turn: Turn, labels: Labels | None, together: int) -> Callable[..., Any]:
    """What sentence-transformers' trainer makes batches with.

    Args:
        turn: told the epoch.
        labels: of the pictures, where a batch is to hold several of a class; None shuffles.
        together: pictures of a class in a batch.
    """
    from sentence_transformers.base.sampler import DefaultBatchSampler

    class Shuffled(DefaultBatchSampler):
        """Batches in an order of seed and epoch."""

        def __init__(
            self, dataset: Any, batch_size: int, drop_last: bool, seed: int = 0, **_: object
        ) -> None:
            super().__init__(dataset, batch_size=batch_size, drop_last=drop_last, seed=seed)
            self._total, self._seed = len(dataset), seed or 0

        def __iter__(self) -> Iterator[list[int]]:
            turn.epoch = self.epoch
            random = np.random.default_rng([self._seed, self.epoch])
            if labels is None:
                order = random.permutation(self._total)
            else:
                order = class_order(labels, together, random)
            for start in range(0, self._total, self.batch_size):
                batch = order[start : start + self.batch_size].tolist()
                # A batch of one has nothing to be compared with, and no variance to normalise by.
                if len(batch) > 1 and (len(batch) == self.batch_size or not self.drop_last):
                    yield batch

        def __len__(self) -> int:
            whole, rest = divmod(self._total, self.batch_size)
            return whole + (rest > 1 and not self.drop_last)

    return Shuffled


def class_order(labels: Labels, together: int, random: np.random.Generator) -> Labels:
    """All rows, int64 (n,), shuffled so that `together` of a class stand beside each other."""
    groups: list[Labels] = []
    for number in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == number))
        groups += np.split(rows, range(together, len(rows), together))
    return np.concatenate([groups[place] for place in random.permutation(len(groups))])
