"""A head that learns alone, on vectors that do not change: seconds, not minutes."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.classifier import Head as TrainedHead
from embeddings.classifier import Rule
from embeddings.training.classifier.measures import (
    cross_entropy,
    exact,
    macro_f1,
    micro_f1,
)
from embeddings.training.classifier.objective import (
    Standard,
    make_layers,
    weights_of,
)
from embeddings.training.optimisation import make_optimiser, make_schedule

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from embeddings.classifier import Layer
    from embeddings.training.classifier.objective import Objective
    from embeddings.training.classifier.recipe import Head, Task
    from embeddings.training.trainer import Listener
    from embeddings.types import Vectors

    Flags = npt.NDArray[np.bool_]

_POINTS = 200
"""Points of the curve of training loss, about."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A head that learned, and how it went.

    Attributes:
        layers: weights for vectors as they are.
        history: like a trainer's log; see `Outcome.history`.
        seconds: of learning and measuring.
        samples: vectors that went through it.
        epochs: that were begun.
        best: the best value of the deciding measure; None without dev split.
        best_step: where it was reached.
    """

    layers: tuple[Layer, ...]
    history: list[dict[str, Any]]
    seconds: float
    samples: int
    epochs: int
    best: float | None
    best_step: int | None


@dataclass(slots=True, eq=False)
class _Best:
    """The best weights so far, and how long nothing was better."""

    higher_is_better: bool
    value: float | None = None
    step: int | None = None
    weights: list[Layer] = field(default_factory=list)
    waited: int = 0

    def take(self, value: float, step: int, weights: list[Layer]) -> None:
        """Look at weights that were measured."""
        better = self.value is None or (
            value > self.value if self.higher_is_better else value < self.value
        )
        self.waited = 0 if better else self.waited + 1
        if better:
            self.value, self.step, self.weights = value, step, weights


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Vectors and what is true of them: float32 (n, dim) and bool (n, C)."""

    vectors: Vectors
    truth: Flags


def fit_head(
    head: Head,
    objective: Objective,
    train: Labelled,
    dev: Labelled | None,
    *,
    measure: str,
    seed: int,
    device: str,
    listener: Listener,
) -> Fitted:
    """A head that learned to tell the classes of vectors.

    Args:
        head: its shape and how it learns.
        objective: what is made small.
        train: what it learns from.
        dev: measured after each epoch; its best weights are kept. None keeps the last.
        measure: the deciding one, see `dev_measures`.
        seed: of weights, order and dropout.
        device: where it learns.
        listener: told how many vectors went through, of those of all epochs.
    """
    from transformers import set_seed

    begun = time.perf_counter()
    set_seed(seed)
    lesson = _Lesson(head, objective, train, seed=seed, device=device)
    best = _Best(higher_is_better=measure != "loss")
    samples, epoch = len(train.truth), 0
    while True:
        if dev is not None:
            found = lesson.measure(dev)
            best.take(found[measure], lesson.step, lesson.weights())
            listener.measured(epoch, head.epochs, found[measure])
        stale = head.patience is not None and best.waited >= head.patience
        if epoch == head.epochs or stale:
            break
        with one_thread():
            lesson.read()
        epoch += 1
        listener.progress("head", epoch * samples, head.epochs * samples)
    return Fitted(
        layers=tuple(best.weights or lesson.weights()),
        history=lesson.log.entries,
        seconds=time.perf_counter() - begun,
        samples=epoch * samples,
        epochs=epoch,
        best=best.value,
        best_step=best.step,
    )


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in one thread inside the block.

    Steps of a head take tens of microseconds; threads that meet after each of its operations
    cost more than they bring, and on a busy machine twenty times as much.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Lesson:
    """A head, its optimiser and the vectors it reads over and over."""

    def __init__(
        self, head: Head, objective: Objective, train: Labelled, *, seed: int, device: str
    ) -> None:
        import torch
        from torch import nn

        width, classes = train.vectors.shape[1], train.truth.shape[1]
        self._standard = Standard.of(train.vectors) if head.standardise else Standard.nothing(width)
        self._head, self._objective = head, objective
        self._layers = make_layers(head, width, classes)
        self._model = nn.Sequential(*self._layers).to(device)
        self._inputs = torch.from_numpy(self._standard.apply(train.vectors)).to(device)
        self._targets = torch.from_numpy(objective.targets(train.truth)).to(device)
        self._optimiser = make_optimiser([self._model], head.optimiser)
        self._steps_an_epoch = -(-len(self._inputs) // head.batch)
        total = self._steps_an_epoch * head.epochs
        self._schedule = make_schedule(self._optimiser, head.schedule, total)
        self._order = torch.Generator().manual_seed(seed)
        self.step = 0
        self.log = _Log(every=max(total // _POINTS, 1))

    def read(self) -> None:
        """One epoch."""
        import torch
        from torch import nn

        self._model.train()
        order = torch.randperm(len(self._inputs), generator=self._order).to(self._inputs.device)
        for rows in torch.split(order, self._head.batch):
            logits = self._model({"sentence_embedding": self._inputs[rows]})["sentence_embedding"]
            loss = self._objective.loss(logits, self._targets[rows])
            self._optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            if self._head.optimiser.clip:
                nn.utils.clip_grad_norm_(self._model.parameters(), self._head.optimiser.clip)
            self._optimiser.step()
            self.step += 1
            self.log.learned(self.step, self._epoch, float(loss.detach()), self._rate)
            self._schedule.step()

    def measure(self, dev: Labelled) -> dict[str, float]:
        """Measures of the dev split, which go into the log."""
        logits = TrainedHead(tuple(self.weights())).logits(dev.vectors)
        found = dev_measures(logits, dev.truth, self._objective.task)
        self.log.measured(self.step, self._epoch, found)
        return found

    def weights(self) -> list[Layer]:
        """The weights so far, for vectors as they are."""
        return self._standard.fold(weights_of(self._layers))

    @property
    def _epoch(self) -> float:
        return self.step / self._steps_an_epoch

    @property
    def _rate(self) -> float:
        return float(self._schedule.get_last_lr()[0])


def dev_measures(logits: npt.NDArray[np.float32], truth: Flags, task: Task) -> dict[str, float]:
    """Measures while training goes on: temperature 1, thresholds 0.5, texts of no class left out.

    Args:
        logits: float32 (n, C).
        truth: bool (n, C).
        task: what decides.
    """
    rule = Rule(task)
    if task == "single":
        known = truth.any(axis=1)
        logits, truth = logits[known], truth[known]
    probabilities = rule.probabilities(logits)
    given = rule.decide(probabilities)
    made = {
        "loss": cross_entropy(truth, probabilities, is_multi=task == "multi"),
        "macro_f1": macro_f1(truth, given),
    }
    if task == "multi":
        return made | {"micro_f1": micro_f1(truth, given), "exact": exact(truth, given)}
    return made | {"accuracy": exact(truth, given)}


class _Log:
    """What a trainer would have logged."""

    def __init__(self, every: int) -> None:
        self.entries: list[dict[str, Any]] = []
        self._every = every
        self._losses: list[float] = []

    def learned(self, step: int, epoch: float, loss: float, rate: float) -> None:
        """Keep a loss; the mean of some becomes an entry, the very first stands alone."""
        self._losses.append(loss)
        if step == 1 or step % self._every == 0:
            mean = float(np.mean(self._losses))
            self.entries.append({"step": step, "epoch": epoch, "loss": mean, "learning_rate": rate})
            self._losses.clear()

    def measured(self, step: int, epoch: float, measures: dict[str, float]) -> None:
        """Keep measures of the dev split."""
        named = {f"eval_{name}": value for name, value in measures.items()}
        self.entries.append({"step": step, "epoch": epoch, **named})
