"""A BERT, its pooling and its normalisation as an OpenVINO graph, written operation by operation.

Rows of tokens stand in one matrix (tokens, width) between attentions, which alone see texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.compiled.library import load_openvino

if TYPE_CHECKING:
    from collections.abc import Mapping

    from embeddings.compiled.anatomy import Anatomy, State
    from embeddings.compiled.quantisation import Scale

_LEVELS = 256
_FAR = 1e4
"""Taken from the score of a token that is padding; its share of attention is exactly 0."""
_EMBEDDINGS = "embeddings."


class GraphWriter:
    """Writes one graph.

    Args:
        anatomy: of the body.
        state: its weights.
        scales: of the inputs of products that are computed in 8 bits; the rest is not quantised.
        half: keep the table of tokens in float16.
        tapped: give the input of every product as a further output, in the order of `taps`.
    """

    def __init__(
        self,
        anatomy: Anatomy,
        state: State,
        *,
        scales: Mapping[str, Scale] | None = None,
        half: bool = True,
        tapped: bool = False,
    ) -> None:
        from openvino import opset13

        self._ops: Any = opset13
        self._anatomy = anatomy
        self._state = state
        self._scales = scales or {}
        self._half = half
        self._tapped = tapped
        self._outputs: list[Any] = []
        self.taps: list[str] = []

    def write(self) -> Any:  # noqa: ANN401 - an openvino.Model
        """The graph: int32 ids and float32 mask, both (n, longest), to float32 (n, width)."""
        library, ops = load_openvino(), self._ops
        shape = library.PartialShape([-1, -1])
        ids = ops.parameter(shape, library.Type.i32, name="ids")
        mask = ops.parameter(shape, library.Type.f32, name="mask")
        sizes = ops.shape_of(ids, "i64")
        states = self._embed(ids, sizes)
        gaps = ops.subtract(ops.unsqueeze(mask, _axes(1, 2)), np.float32(1))
        far = ops.multiply(gaps, np.float32(_FAR))
        for layer in range(self._anatomy.layers):
            states = self._attend(states, far, sizes, layer)
            states = self._feed_forward(states, layer)
        pooled = self._pool(states, mask, sizes)
        return library.Model([pooled, *self._outputs], [ids, mask], "encoder")

    def _embed(self, ids: Any, sizes: Any) -> Any:  # noqa: ANN401
        ops, width = self._ops, self._anatomy.width
        table = self._state[_EMBEDDINGS + "word_embeddings.weight"]
        rows = ops.constant(table.astype(np.float16) if self._half else table)
        rows = ops.convert(rows, "f32") if self._half else rows
        places = self._state[_EMBEDDINGS + "position_embeddings.weight"]
        places = places[self._anatomy.first_position :]
        # Texts are one segment each: the first row of that table is part of every position.
        places = places + self._state[_EMBEDDINGS + "token_type_embeddings.weight"][0]
        longest = ops.gather(sizes, _axes(1), np.int64(0))
        used = ops.slice(ops.constant(places), _axes(0), longest, _axes(1), _axes(0))
        states = ops.add(ops.gather(rows, ids, np.int64(0)), ops.unsqueeze(used, np.int64(0)))
        states = ops.reshape(states, _axes(-1, width), special_zero=False)
        return self._normalise(states, _EMBEDDINGS + "LayerNorm")

    def _attend(self, states: Any, far: Any, sizes: Any, layer: int) -> Any:  # noqa: ANN401
        ops, anatomy = self._ops, self._anatomy
        heads, size = anatomy.heads, anatomy.width // anatomy.heads
        name = f"encoder.layer.{layer}.attention."
        weights, biases = self._joined(layer)
        rows = self._product(states, weights, biases, f"{layer}.attention")
        split = ops.concat([sizes, ops.constant(_axes(3, heads, size))], 0)
        parts = ops.split(ops.reshape(rows, split, special_zero=False), np.int64(2), 3)
        query, key, value = (
            ops.transpose(ops.squeeze(part, _axes(2)), _axes(0, 2, 1, 3))
            for part in parts.outputs()
        )
        scores = ops.add(ops.matmul(query, key, False, True), far)
        context = ops.matmul(ops.softmax(scores, -1), value, False, False)
        rows = ops.transpose(context, _axes(0, 2, 1, 3))
        rows = ops.reshape(rows, _axes(-1, anatomy.width), special_zero=False)
        rows = self._linear(rows, name + "output.dense", f"{layer}.context")
        return self._normalise(ops.add(rows, states), name + "output.LayerNorm")

    def _feed_forward(self, states: Any, layer: int) -> Any:  # noqa: ANN401
        ops, name = self._ops, f"encoder.layer.{layer}."
        rows = self._linear(states, name + "intermediate.dense", f"{layer}.up")
        if self._anatomy.activation == "relu":
            rows = ops.relu(rows)
        else:
            form = "erf" if self._anatomy.activation == "gelu" else "tanh"
            rows = ops.gelu(rows, form)
        rows = self._linear(rows, name + "output.dense", f"{layer}.down")
        return self._normalise(ops.add(rows, states), name + "output.LayerNorm")

    def _pool(self, states: Any, mask: Any, sizes: Any) -> Any:  # noqa: ANN401
        ops, width = self._ops, self._anatomy.width
        whole = ops.concat([sizes, ops.constant(_axes(width))], 0)
        states = ops.reshape(states, whole, special_zero=False)
        if self._anatomy.pooling == "cls":
            pooled = ops.gather(states, np.int64(0), np.int64(1))
        else:
            counted = ops.unsqueeze(mask, np.int64(2))
            total = ops.reduce_sum(ops.multiply(states, counted), _axes(1), keep_dims=False)
            number = ops.reduce_sum(counted, _axes(1), keep_dims=False)
            pooled = ops.divide(total, ops.maximum(number, np.float32(1e-9)))
        return ops.normalize_l2(pooled, _axes(1), 1e-24, "max") if self._normalised else pooled

    @property
    def _normalised(self) -> bool:
        return self._anatomy.normalised

    def _joined(self, layer: int) -> tuple[np.ndarray, np.ndarray]:
        """The three products of attention as one; queries are scaled beforehand."""
        return joined_attention(self._anatomy, self._state, layer)

    def _linear(self, rows: Any, name: str, tap: str) -> Any:  # noqa: ANN401
        return self._product(rows, self._state[name + ".weight"], self._state[name + ".bias"], tap)

    def _product(self, rows: Any, weights: np.ndarray, biases: np.ndarray, tap: str) -> Any:  # noqa: ANN401
        """`rows @ weights.T + biases`, in 8 bits where its input has a scale."""
        ops = self._ops
        if self._tapped:
            self.taps.append(tap)
            self._outputs.append(rows)
        scale = self._scales.get(tap)
        if scale is None:
            product = ops.matmul(rows, ops.constant(np.ascontiguousarray(weights)), False, True)
        else:
            low, high = (np.full((1, 1), bound, np.float32) for bound in (scale.low, scale.high))
            smooth = scale.smooth[None]
            rows = ops.fake_quantize(rows, low * smooth, high * smooth, low, high, _LEVELS)
            whole, steps = scale.quantise_weights(weights)
            floats = ops.multiply(ops.convert(ops.constant(whole), "f32"), ops.constant(steps))
            product = ops.matmul(rows, floats, False, True)
        return ops.add(product, ops.constant(np.ascontiguousarray(biases[None])))

    def _normalise(self, rows: Any, name: str) -> Any:  # noqa: ANN401
        ops = self._ops
        rows = ops.mvn(rows, _axes(1), True, self._anatomy.epsilon, "inside_sqrt")
        gains, offsets = self._state[name + ".weight"][None], self._state[name + ".bias"][None]
        return ops.add(ops.multiply(rows, ops.constant(gains)), ops.constant(offsets))


def joined_attention(anatomy: Anatomy, state: State, layer: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (3 * width, width) and biases of queries, keys and values; queries scaled."""
    name = f"encoder.layer.{layer}.attention.self."
    scale = np.float32((anatomy.width // anatomy.heads) ** -0.5)
    factors = (("query", scale), ("key", np.float32(1)), ("value", np.float32(1)))
    weights = [state[f"{name}{part}.weight"] * factor for part, factor in factors]
    biases = [state[f"{name}{part}.bias"] * factor for part, factor in factors]
    return np.concatenate(weights), np.concatenate(biases)


def product_weights(anatomy: Anatomy, state: State, tap: str) -> np.ndarray:
    """The weights (outputs, inputs) that the input called `tap` is multiplied with."""
    layer, _, part = tap.partition(".")
    if part == "attention":
        return joined_attention(anatomy, state, int(layer))[0]
    names = {
        "context": "attention.output.dense",
        "up": "intermediate.dense",
        "down": "output.dense",
    }
    return state[f"encoder.layer.{layer}.{names[part]}.weight"]


def _axes(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)
