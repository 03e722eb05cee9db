from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from indexing.types import Document

if TYPE_CHECKING:
    from collections.abc import Callable

    from embeddings.types import Vectors
    from indexing.local import LocalCollection


@pytest.fixture
def vectors() -> Vectors:
    """float32 (63, 32): two groups, 30 each in turn, and behind them three strangers."""
    random = np.random.default_rng(0)
    inside = np.eye(32)[np.arange(60) % 2] + 0.05 * random.standard_normal((60, 32))
    return np.concatenate([inside, random.standard_normal((3, 32)) / 4]).astype(np.float32)


@pytest.fixture
def fill(collection: LocalCollection) -> Callable[[Vectors], LocalCollection]:
    """Puts vectors into a collection as d000, d001, ..."""

    def filled(vectors: Vectors) -> LocalCollection:
        documents = [Document(f"d{place:03}", f"text {place}") for place in range(len(vectors))]
        collection.add(documents, vectors=vectors)
        return collection

    return filled


@pytest.fixture
def crowded(fill: Callable[[Vectors], LocalCollection], vectors: Vectors) -> LocalCollection:
    """d000 to d059 belong together in two groups, d060 to d062 are strangers."""
    return fill(vectors)
