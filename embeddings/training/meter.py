"""Throughput of a run: samples, tokens and FLOPs a second, evaluation left out."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from embeddings.training.flops import Cost

_WARM_STEPS = 3
"""Steps left out of the figures where there are many: caches fill, kernels are compiled."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """What a run did, of this process alone.

    Attributes:
        seconds: of training steps.
        samples: texts or pictures that went through the encoder in them.
        tokens: without padding.
        padded: tokens with padding.
        flops: of the model, see `embeddings.training.flops.Cost`.
    """

    seconds: float
    samples: int
    tokens: int
    padded: int
    flops: float

    def to_json(self, peak: float | None = None) -> dict[str, float | int | None]:
        """Amounts and rates; `mfu` is the share of the peak FLOP/s reached."""
        seconds = max(self.seconds, 1e-9)
        rate = self.flops / seconds
        return {
            "seconds": round(self.seconds, 3),
            "samples": self.samples,
            "tokens": self.tokens,
            "samples_per_s": round(self.samples / seconds, 2),
            "tokens_per_s": round(self.tokens / seconds, 1),
            "padding_share": round(1 - self.tokens / self.padded, 4) if self.padded else 0.0,
            "model_flops_per_s": rate,
            "peak_flops_per_s": peak,
            "mfu": round(rate / peak, 4) if peak else None,
        }


class Meter:
    """Counts what goes through training steps, without waiting for the GPU.

    Args:
        cost: of a token.
    """

    def __init__(self, cost: Cost) -> None:
        self._cost = cost
        self._clear()
        self._steps = 0

    def _clear(self) -> None:
        self._begun: float | None = None
        self._seconds = 0.0
        self._samples = self._pictures = 0
        self._padded = 0
        self._tokens: Any = 0
        self._squares: Any = 0

    def count(self, inputs: Mapping[str, Any]) -> None:
        """Count the inputs of a step; called just before it is computed."""
        self._begun = time.perf_counter() if self._begun is None else self._begun
        masks = [value for key, value in inputs.items() if key.endswith("attention_mask")]
        for mask in masks:
            tokens = mask.sum(dim=-1)
            self._tokens = self._tokens + tokens.sum()
            self._squares = self._squares + (tokens * tokens).sum()
            self._samples += mask.shape[0]
            self._padded += mask.numel()
        bags = [key for key in inputs if key.endswith("offsets")]
        for key in bags:
            tokens = inputs[f"{key.removesuffix('offsets')}input_ids"].numel()
            self._tokens = self._tokens + tokens
            self._samples += inputs[key].shape[0]
            self._padded += tokens
        if not masks and not bags:
            pictures = [value for key, value in inputs.items() if key.endswith("pixel_values")]
            self._pictures += sum(value.shape[0] for value in pictures)
            self._samples += sum(
                value.shape[0]
                for key, value in inputs.items()
                if key.endswith(("_embedding", "pixel_values"))
            )

    def step(self) -> None:
        """Told after each optimiser step; forgets the first ones where more follow."""
        self._steps += 1
        if self._steps == _WARM_STEPS:
            self.pause()
            self._kept = self.read()
            self._clear()

    def pause(self) -> None:
        """Stop the clock: evaluation or a checkpoint follows."""
        if self._begun is not None:
            _wait()
            self._seconds += time.perf_counter() - self._begun
            self._begun = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The clock stands inside the block."""
        self.pause()
        yield

    def read(self) -> Throughput:
        """What was counted so far; a run of few steps is told with its first ones."""
        running = time.perf_counter() - self._begun if self._begun is not None else 0.0
        tokens, squares = int(self._tokens), int(self._squares)
        flops = self._cost.flops(tokens, squares) + self._cost.picture * self._pictures
        seconds = self._seconds + running
        if not self._samples and self._steps >= _WARM_STEPS:
            return self._kept
        return Throughput(seconds, self._samples, tokens, self._padded, flops)


def _wait() -> None:
    """Until the GPU has done what it was given; its calls return before that."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
