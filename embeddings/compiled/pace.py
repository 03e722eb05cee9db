"""How fast precisions compute on this machine: 8 bits are quicker on some processors only."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from embeddings.compiled.encoder import CompiledEncoder
    from embeddings.compiled.parity import Precision

_ROUNDS = 5
_WORTH = 1.1
"""A less exact precision must be so many times as fast as a more exact one."""


def measure_paces(
    encoders: Mapping[Precision, CompiledEncoder], texts: Sequence[str]
) -> dict[Precision, float]:
    """Texts a second of each, in their quickest round; they take turns, so that all share noise.

    Args:
        encoders: by precision.
        texts: what each encodes once a round.
    """
    quickest = dict.fromkeys(encoders, float("inf"))
    for _ in range(_ROUNDS):
        for precision, encoder in encoders.items():
            started = time.perf_counter()
            encoder.encode(texts, role="document")
            quickest[precision] = min(quickest[precision], time.perf_counter() - started)
    return {each: round(len(texts) / seconds, 1) for each, seconds in quickest.items()}


def choose(paces: Mapping[Precision, float]) -> Precision:
    """The most exact precision than which no less exact one is clearly faster.

    Args:
        paces: texts a second, the least exact precision first; at least one.
    """
    exact_first: list[Precision] = list(reversed(list(paces)))
    chosen = exact_first[0]
    for precision in exact_first[1:]:
        if paces[precision] >= _WORTH * paces[chosen]:
            chosen = precision
    return chosen
