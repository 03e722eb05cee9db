"""Scales for products in 8 bits, found on texts that come with the package.

Inputs are unsigned with one step for all, weights signed with one step a row. Before, every
input channel is divided by a factor that the weights are multiplied with, so that channels of
large values do not take the steps of the others: Xiao et al., "SmoothQuant: Accurate and
Efficient Post-Training Quantization for Large Language Models", 2023, arXiv:2211.10438, eq. 4;
its exponent is chosen product by product, by the error of the product's output.
Scales are fixed: a vector does not depend on the texts beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from embeddings.compiled.graph import GraphWriter, product_weights
from embeddings.compiled.library import load_openvino

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from embeddings.compiled.anatomy import Anatomy, State

_EXPONENTS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_SAMPLED_ROWS = 512
_ROWS_A_BATCH = 64
_BATCH = 16
_LEAST = np.float32(1e-5)


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """How a product's input is quantised.

    Attributes:
        low: the value of step 0, at most 0, after smoothing.
        high: the value of step 255, at least 0.
        smooth: float32 (inputs,), what each channel is divided by before.
    """

    low: float
    high: float
    smooth: np.ndarray

    def quantise_weights(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """int8 (outputs, inputs) and the float32 (outputs, 1) steps they are multiplied with."""
        smoothed = weights * self.smooth
        steps = np.maximum(np.abs(smoothed).max(axis=1, keepdims=True), _LEAST) / np.float32(127)
        return np.round(smoothed / steps).astype(np.int8), steps.astype(np.float32)

    def quantise(self, rows: np.ndarray) -> np.ndarray:
        """The values that float32 `rows` (n, inputs) have after quantisation, smoothed."""
        step = (self.high - self.low) / 255
        steps: np.ndarray = np.clip(np.round((rows / self.smooth - self.low) / step), 0, 255)
        values: np.ndarray = (steps * step + self.low).astype(np.float32)
        return values


@dataclass(slots=True, eq=False)
class Seen:
    """What was seen of one product's input.

    Attributes:
        low: least value of each channel.
        high: greatest value of each channel.
        rows: a sample of rows.
    """

    low: np.ndarray
    high: np.ndarray
    rows: list[np.ndarray]


def find_scales(
    anatomy: Anatomy,
    state: State,
    texts: Sequence[str],
    features: Callable[[Sequence[str]], tuple[np.ndarray, np.ndarray]],
) -> dict[str, Scale]:
    """The scale of every product, by its tap.

    Args:
        anatomy: of the body.
        state: its weights.
        texts: what its inputs are observed on.
        features: texts to ids and mask.
    """
    seen: dict[str, Seen] = {}
    for tap, rows, sample in _observe(anatomy, state, texts, features):
        low, high = rows.min(axis=0), rows.max(axis=0)
        if tap not in seen:
            seen[tap] = Seen(low, high, [])
        known = seen[tap]
        known.low, known.high = np.minimum(known.low, low), np.maximum(known.high, high)
        known.rows.append(sample)
    return {
        tap: choose_scale(known, product_weights(anatomy, state, tap))
        for tap, known in seen.items()
    }


def choose_scale(seen: Seen, weights: np.ndarray) -> Scale:
    """The scale whose exponent leaves the least squared error in the product's output."""
    rows = np.concatenate(seen.rows)
    rows = rows[np.linspace(0, len(rows) - 1, min(_SAMPLED_ROWS, len(rows))).astype(int)]
    wanted = rows @ weights.T
    largest = np.maximum(np.maximum(np.abs(seen.low), np.abs(seen.high)), _LEAST)
    heaviest = np.maximum(np.abs(weights).max(axis=0), _LEAST)
    tried: list[tuple[float, Scale]] = []
    for exponent in _EXPONENTS:
        smooth = largest**exponent / heaviest ** (1 - exponent) if exponent else largest**0
        scale = _span(seen, (smooth / np.exp(np.log(smooth).mean())).astype(np.float32))
        whole, steps = scale.quantise_weights(weights)
        found = scale.quantise(rows) @ (whole * steps).T
        tried.append((float(np.square(found - wanted).mean()), scale))
    return min(tried, key=lambda each: each[0])[1]


def _span(seen: Seen, smooth: np.ndarray) -> Scale:
    """All values seen, and 0 exactly on a step."""
    low = min(float((seen.low / smooth).min()), 0.0)
    high = max(float((seen.high / smooth).max()), float(_LEAST))
    step = (high - low) / 255
    zero = round(-low / step)
    return Scale(-zero * step, (255 - zero) * step, smooth)


def _observe(
    anatomy: Anatomy,
    state: State,
    texts: Sequence[str],
    features: Callable[[Sequence[str]], tuple[np.ndarray, np.ndarray]],
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Tap, rows of its input that are no padding, and a sample of them, batch by batch."""
    writer = GraphWriter(anatomy, state, tapped=True)
    # One thread: several wait for one another at every operation where the machine is busy.
    options = {"NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": 1}
    compiled = load_openvino().Core().compile_model(writer.write(), "CPU", options)
    request = compiled.create_infer_request()
    random = np.random.default_rng(0)
    ordered = sorted(texts, key=len)
    for start in range(0, len(ordered), _BATCH):
        ids, mask = features(ordered[start : start + _BATCH])
        request.infer([ids, mask])
        real = np.flatnonzero(mask.ravel())
        chosen = random.choice(real, min(_ROWS_A_BATCH, len(real)), replace=False)
        for number, tap in enumerate(writer.taps, start=1):
            rows = request.get_output_tensor(number).data
            yield tap, rows[real], rows[chosen]
