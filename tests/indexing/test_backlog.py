"""Writes kept for later are followed as if each had been followed at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from embeddings.load import load_encoder
from indexing.backlog import Backlog
from indexing.card import CollectionCard
from indexing.lexical import LexicalIndex
from indexing.local import LocalCollection
from indexing.types import Document, Metric, SearchRequest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

    from embeddings.text.analyzer import Analyzer
    from indexing.terms import Analysis

VECTOR = np.ones((1, 64), dtype=np.float32)


def test_a_backlog_names_rows_of_writes_in_order():
    later = Backlog(4)
    later.defer(5, [10, 11], [-1, 3])
    later.defer(6, [12], [10])
    assert later.is_whole
    assert (later.version, later.came, later.gone) == (6, [10, 11, 12], [3, 10])


def test_a_backlog_that_missed_a_write_names_nothing():
    later = Backlog(4)
    later.defer(5, [10], [])
    later.defer(7, [12], [])
    assert later.deferred
    assert not later.is_whole
    assert (later.version, later.came, later.gone) == (-1, [], [])


def test_writes_with_vectors_are_found_by_words_without_reading_the_whole_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    card = CollectionCard.new("shelf", load_encoder("hash:64").card, Metric.COSINE)
    with LocalCollection.create(tmp_path / "shelf", card) as collection:
        for id_, text in (("a", "apple tree"), ("b", "pear tree"), ("c", "cherry stone")):
            collection.add([Document(id_, text)], vectors=VECTOR)
        collection.add([Document("a", "plum tree")], vectors=VECTOR)
        collection.delete(["b"])

        def refuse(_: LexicalIndex) -> None:
            message = "everything was compared"
            raise AssertionError(message)

        with monkeypatch.context() as patch:
            patch.setattr(LexicalIndex, "rows", refuse)
            found = collection.search(SearchRequest("tree", mode="lexical")).matches
        assert [match.document.text for match in found] == ["plum tree"]
        assert collection.storage.lexicon.verify() == []


def test_words_of_documents_that_came_meanwhile_are_found_before_writes_have_to_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    card = CollectionCard.new("shelf", load_encoder("hash:64").card, Metric.COSINE)
    with LocalCollection.create(tmp_path / "shelf", card, maintain=False) as collection:
        lexicon = collection.storage.lexicon
        analysed = lexicon._analysed
        while_waiting: list[int] = []

        def watched(analyzer: Analyzer, documents: Sequence[Document]) -> Analysis:
            if lexicon._following._is_owned():  # type: ignore[attr-defined]
                while_waiting.append(len(documents))
            return analysed(analyzer, documents)

        monkeypatch.setattr(lexicon, "_analysed", watched)

        def add(first: int, number: int) -> None:
            documents = [Document(f"d{i}", f"tree {i}") for i in range(first, first + number)]
            collection.add(documents, vectors=np.repeat(VECTOR, number, axis=0))

        add(0, 10)
        came = iter([700, 20])

        def between(_: float) -> None:
            number = next(came, 0)
            if number:
                add(collection.count(), number)

        lexicon.catch_up(between)
        assert collection.count() == 730
        assert sum(while_waiting) == 20
        found = collection.search(SearchRequest("729", mode="lexical")).matches
        assert [match.document.id for match in found] == ["d729"]
        assert lexicon.verify() == []
