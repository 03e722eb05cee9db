from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.corpus import read_corpus
from analysis.errors import UnsuitableCorpusError
from indexing.filters import Filter
from indexing.types import Document

if TYPE_CHECKING:
    from indexing.local import LocalCollection


def _write(collection: LocalCollection, number: int) -> None:
    collection.add(
        [Document(f"d{i}", f"text {i}", f"title {i}", {"even": i % 2 == 0}) for i in range(number)]
    )


def test_every_live_document_is_in_it_by_position(collection: LocalCollection) -> None:
    _write(collection, 5)
    collection.delete(["d1"])
    corpus = read_corpus(collection)
    assert corpus.ids.tolist() == ["d0", "d2", "d3", "d4"]
    assert corpus.rows.tolist() == [0, 2, 3, 4]
    assert corpus.texts([3, 0]) == ["title 4 text 4", "title 0 text 0"]
    expected = collection.encoder.encode(["title 4 text 4"], role="document").vectors
    np.testing.assert_allclose(
        corpus.vectors[3], expected[0] / np.linalg.norm(expected[0]), atol=1e-6
    )


def test_a_filter_keeps_what_satisfies_it(collection: LocalCollection) -> None:
    _write(collection, 5)
    even = Filter.parse({"must": [{"key": "even", "match": {"value": True}}]})
    corpus = read_corpus(collection, filter=even)
    assert corpus.ids.tolist() == ["d0", "d2", "d4"]
    assert corpus.vectors.shape == (3, collection.card.encoder.dim)


def test_it_stays_what_it_was_while_others_write_and_compact(collection: LocalCollection) -> None:
    _write(collection, 50)
    corpus = read_corpus(collection)
    before = corpus.vectors.copy()
    collection.delete([f"d{i}" for i in range(40)])
    _write(collection, 3)
    collection.optimize()
    assert len(corpus) == 50
    np.testing.assert_array_equal(corpus.vectors, before)
    assert corpus.ids[49] == "d49"
    assert corpus.texts([49]) == ["title 49 text 49"]


def test_of_a_filter_only_the_vectors_asked_for_are_copied(collection: LocalCollection) -> None:
    _write(collection, 50)
    even = Filter.parse({"must": [{"key": "even", "match": {"value": True}}]})
    corpus, expected = read_corpus(collection, filter=even), read_corpus(collection).vectors[::2]
    expected = expected.copy()
    collection.delete([f"d{i}" for i in range(40)])
    collection.optimize()
    np.testing.assert_array_equal(corpus.vectors_at(np.array([24, 3])), expected[[24, 3]])
    assert "vectors" not in vars(corpus)
    np.testing.assert_array_equal(corpus.vectors, expected)
    assert corpus.vectors is corpus.vectors


def test_blocks_give_every_text_once(collection: LocalCollection) -> None:
    _write(collection, 5)
    blocks = list(read_corpus(collection).blocks(2))
    assert [first for first, _ in blocks] == [0, 2, 4]
    assert [text for _, texts in blocks for text in texts] == [
        f"title {i} text {i}" for i in range(5)
    ]


def test_too_few_documents_are_refused_by_number(collection: LocalCollection) -> None:
    _write(collection, 2)
    with pytest.raises(UnsuitableCorpusError, match=r"'things': 2 documents in it; at least 3 are"):
        read_corpus(collection, least=3)
