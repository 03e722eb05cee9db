"""Folders of word vectors made by hand, so that every answer can be worked out on paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.text.analyzer import load_analyzer
from embeddings.words.folder import WordFacts, WordTable, write_table
from embeddings.words.subwords import Subwords
from embeddings.words.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VECTORS = {
    "the": (2, 0, 0, 0),
    "왕": (0, 3, 1, 0),
    "여왕": (0, 3, 0, 1),
    "남자": (0, 1, 2, 0),
    "여자": (0, 1, 0, 2),
    "헌법": (1, 0, 1, 0),
    "재판소": (1, 0, 0, 1),
    "가다": (0, 0, 1, 1),
    "london": (1, 1, 1, 1),
}
"""Word to vector, most frequent first."""
COUNTS = (900, 40, 20, 15, 10, 5, 4, 3, 3)


def facts(**given: object) -> WordFacts:
    analyzer = load_analyzer("kiwi", stems=False)
    known = {
        "method": "skip-gram",
        "dim": 4,
        "analyzer": "kiwi",
        "analyzer_fingerprint": analyzer.fingerprint,
        "tokens": 1000,
        "pooling": "mean",
        "languages": ("ko",),
    }
    return WordFacts(**{**known, **given})


def table(**given: object) -> WordTable:
    vectors = np.array(list(VECTORS.values()), dtype=np.float32)
    return WordTable.of(facts(**given), Vocabulary(list(VECTORS), COUNTS), vectors)


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Writes a folder; keywords replace facts."""

    def write(name: str = "words", **given: object) -> Path:
        write_table(table(**given), tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture
def with_subwords(tmp_path: Path) -> Path:
    """The same vectors with n-grams of 2 and 3 letters in 50 buckets."""
    buckets = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)
    plain = table(method="fasttext", subwords=Subwords(2, 3, 50))
    vectors = plain.unit * plain.norms[:, None]
    made = WordTable.of(plain.facts, plain.vocabulary, vectors, buckets=buckets)
    write_table(made, tmp_path / "fasttext")
    return tmp_path / "fasttext"
