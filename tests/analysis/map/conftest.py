from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.corpus import Corpus, read_corpus
from analysis.map.finding import Map, find_map
from indexing.types import Document, Metric

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexing.data_folder import DataFolder

DIM = 16
GROUPS, EACH = 6, 25


@pytest.fixture(scope="session")
def vectors() -> np.ndarray:
    """float32 (150, 16): six groups of twenty-five, one after the other."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(GROUPS, DIM))
    spread = rng.normal(0, 0.15, (GROUPS * EACH, DIM))
    return (np.repeat(centres, EACH, axis=0) + spread).astype(np.float32)


@pytest.fixture
def corpus_of(data: DataFolder) -> Callable[..., Corpus]:
    def make(vectors: np.ndarray, name: str = "vectors", metric: str = "cosine") -> Corpus:
        collection = data.create(name, encoder=f"hash:{vectors.shape[1]}", metric=Metric(metric))
        documents = [Document(f"d{i:05}", f"text {i}") for i in range(len(vectors))]
        collection.add(documents, vectors=vectors)
        return read_corpus(collection)

    return make


@pytest.fixture
def corpus(corpus_of: Callable[..., Corpus], vectors: np.ndarray) -> Corpus:
    return corpus_of(vectors)


@pytest.fixture
def found(corpus: Corpus) -> Map:
    return find_map(corpus)
