from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.corpus import Corpus, read_corpus
from indexing.types import Document, Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from indexing.data_folder import DataFolder


@pytest.fixture
def corpus_of(data: DataFolder) -> Callable[..., Corpus]:
    def make(
        texts: Sequence[str],
        vectors: np.ndarray,
        name: str = "things",
        metric: str = "cosine",
        ids: Sequence[str] | None = None,
    ) -> Corpus:
        dim = vectors.shape[1]
        collection = data.create(name, encoder=f"hash:{dim}", metric=Metric(metric))
        names = ids or [f"d{i:04}" for i in range(len(texts))]
        documents = [Document(*pair) for pair in zip(names, texts, strict=True)]
        collection.add(documents, vectors=vectors.astype(np.float32))
        return read_corpus(collection)

    return make


@pytest.fixture(scope="session")
def scattered() -> np.ndarray:
    """float32 (300, 24), nothing near anything else but by chance."""
    return np.random.default_rng(0).normal(size=(300, 24)).astype(np.float32)


@pytest.fixture(scope="session")
def with_twins(scattered: np.ndarray) -> np.ndarray:
    """float32 (360, 24): the first 60 again, a little moved, at the end."""
    moved = scattered[:60] + np.random.default_rng(1).normal(0, 0.08, (60, 24))
    return np.concatenate([scattered, moved]).astype(np.float32)
