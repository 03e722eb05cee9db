"""Single steps of a trainer, taken by hand: losses and gradients as a run would have them."""
# ruff: noqa: ANN401 - batches and models are the libraries'

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from embeddings.training.subjects.subject import Subject
    from embeddings.training.trainer import Loop

_TEXTS = ("input_ids", "sentence_embedding")
"""What a text's columns end with in a batch of sentence-transformers' trainer."""


class Stepper:
    """A trainer whose steps are taken one by one, in fp32.

    Args:
        trainer: fresh.
    """

    def __init__(self, trainer: Loop) -> None:
        self.trainer = trainer
        self.model: Any = trainer.model
        self.optimiser = trainer.create_optimizer()
        # A head may learn at a multiple of the body's rate.
        top = trainer.setup.optimiser.learning_rate
        self._multiples = [group["lr"] / top for group in self.optimiser.param_groups]
        self._batches = self._endless()

    def batch(self) -> Any:
        """The next batch; the data are begun again at their end."""
        return next(self._batches)

    def loss(self, batch: Any) -> Any:
        """The loss of a batch as a tensor with its graph."""
        from accelerate.utils import send_to_device

        inputs = send_to_device(dict(batch), self.trainer.args.device)
        return self.trainer.compute_loss(self.model, inputs)

    def measure(self, batches: Sequence[Any]) -> list[float]:
        """The loss of each batch with nothing dropped out and nothing learned."""
        import torch

        was_training = self.model.training
        self.model.eval()
        with torch.no_grad():
            made = [float(self.loss(batch)) for batch in batches]
        self.model.train(was_training)
        return made

    def backward(self, batch: Any) -> float:
        """Leave the gradients of a batch on the weights; its loss."""
        self.model.train()
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.loss(batch)
        if loss.requires_grad:
            loss.backward()
        return float(loss.detach())

    def step(self, batch: Any, rate: float) -> float:
        """One optimiser step at a learning rate; the loss before it."""
        import torch

        loss = self.backward(batch)
        if not math.isfinite(loss):
            return loss
        clip = self.trainer.setup.optimiser.clip
        if clip:
            parameters = [p for group in self.optimiser.param_groups for p in group["params"]]
            torch.nn.utils.clip_grad_norm_(parameters, clip)
        for group, multiple in zip(self.optimiser.param_groups, self._multiples, strict=True):
            group["lr"] = rate * multiple
        self.optimiser.step()
        return loss

    def _endless(self) -> Iterator[Any]:
        loader = self.trainer.get_train_dataloader()
        epoch = 0
        while True:
            if hasattr(loader, "set_epoch"):
                loader.set_epoch(epoch)
            yield from loader
            epoch += 1


def batches_of(stepper: Stepper) -> list[Any]:
    """Every batch of the trainer's data, once."""
    return list(stepper.trainer.get_train_dataloader())


def mismatch(batch: Any) -> Any:
    """The batch with each answer given to another example: labels, or else first texts, rolled.

    Raises nothing: a batch of one example comes back as it is.
    """
    rolled = dict(batch)
    name = next((name for name in ("label", "labels") if batch.get(name) is not None), None)
    keys = [name] if name is not None else _first_text(batch)
    for key in keys:
        value = batch[key]
        if hasattr(value, "roll"):
            rolled[key] = value.roll(1, 0)
    return rolled


def spread_rows(
    subject: Subject, count: int, *, seed: int, within: range | None = None
) -> list[int]:
    """Rows drawn at random in which no text comes twice, so that nothing contradicts.

    Args:
        subject: the data.
        count: how many, if there are so many.
        seed: of the draw.
        within: rows to draw from; None draws from all.
    """
    import numpy as np

    order = np.random.default_rng(seed).permutation(within or range(subject.size))
    chosen: list[int] = []
    seen: set[str] = set()
    for row in map(int, order):
        texts = set(subject.example(row))
        if seen & texts:
            continue
        seen |= texts
        chosen.append(row)
        if len(chosen) == count:
            break
    return sorted(chosen)


def _first_text(batch: Any) -> list[str]:
    """Keys of a batch's first text column."""
    for key in batch:
        for ending in _TEXTS:
            if key.endswith(f"_{ending}"):
                prefix = key.removesuffix(ending)
                return [other for other in batch if other.startswith(prefix)]
    return []
