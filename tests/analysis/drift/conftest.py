from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.corpus import Corpus, read_corpus
from indexing.types import Document, Metric

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexing.data_folder import DataFolder


@pytest.fixture
def corpus_of(data: DataFolder) -> Callable[..., Corpus]:
    def make(vectors: np.ndarray, name: str, metric: str = "cosine") -> Corpus:
        collection = data.create(name, encoder=f"hash:{vectors.shape[1]}", metric=Metric(metric))
        documents = [Document(f"{name}{i:04}", f"text {i}") for i in range(len(vectors))]
        collection.add(documents, vectors=vectors.astype(np.float32))
        return read_corpus(collection)

    return make


@pytest.fixture(scope="session")
def topics() -> np.ndarray:
    """float64 (5, 12): middles of topics."""
    return np.random.default_rng(7).normal(size=(5, 12)) * 2


@pytest.fixture(scope="session")
def drawn(topics: np.ndarray) -> Callable[[tuple[int, ...], int], np.ndarray]:
    def draw(counts: tuple[int, ...], seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        middles = np.repeat(topics[: len(counts)], counts, axis=0)
        return middles + rng.normal(size=middles.shape)

    return draw
