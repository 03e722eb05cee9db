"""A compiled graph and the streams that compute it."""

from __future__ import annotations

import queue
from collections import deque
from typing import TYPE_CHECKING, Any

from embeddings.compiled.library import load_openvino

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np

    from embeddings.compiled.parity import Precision
    from embeddings.types import Vectors

_KEPT_SHAPES = 256
"""Kernels that a stream keeps for shapes of batches it has seen, some of them for each shape and a
third of a megabyte each. OpenVINO keeps 5,000 unless told: texts of all lengths, in batches of all
sizes, would make it grow for hours."""
_HINTS = {"int8": "bf16", "bfloat16": "bf16", "float32": "f32"}


class Streams:
    """One thread a stream; each computes a batch at a time.

    Calls may come from several threads: each waits for streams that others use.

    Args:
        graph: an openvino.Model, or the path of one on disk.
        precision: what products are computed in.
        threads: how many streams.
    """

    def __init__(self, graph: Path | object, precision: Precision, threads: int) -> None:
        library = load_openvino()
        core = library.Core()
        half = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        options = {
            "INFERENCE_PRECISION_HINT": _HINTS[precision] if half else "f32",
            "NUM_STREAMS": threads,
            "INFERENCE_NUM_THREADS": threads,
            "CPU_RUNTIME_CACHE_CAPACITY": _KEPT_SHAPES,
        }
        self.count = threads
        self._compiled = core.compile_model(graph, "CPU", options)
        self._free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        # A second request for each stream is filled while the first is computed.
        for _ in range(2 * threads):
            self._free.put(self._compiled.create_infer_request())

    def compute(
        self, batches: Iterable[tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]], into: Vectors
    ) -> None:
        """Write the vectors of batches to their rows.

        Args:
            batches: rows of `into` and their ids and mask, made when a stream is free.
            into: float32 (n, dim), written to.
        """
        running: deque[tuple[np.ndarray, Any]] = deque()
        try:
            for rows, (ids, mask) in batches:
                request = self._take(running, into)
                running.append((rows, request))
                request.start_async([ids, mask])
        finally:
            while running:
                self._finish(running, into)

    def _take(self, running: deque[tuple[np.ndarray, Any]], into: Vectors) -> Any:  # noqa: ANN401
        """A free request; whoever holds some finishes one of them rather than wait for others."""
        while running:
            try:
                return self._free.get_nowait()
            except queue.Empty:
                self._finish(running, into)
        return self._free.get()

    def _finish(self, running: deque[tuple[np.ndarray, Any]], into: Vectors) -> None:
        rows, request = running.popleft()
        try:
            request.wait()
            into[rows] = request.get_output_tensor(0).data
        finally:
            self._free.put(request)
