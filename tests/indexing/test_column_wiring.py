"""Filters by columns see every change of a collection that filters by SQL see."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from indexing.compaction import compact
from indexing.filters import Filter
from indexing.types import Document
from tests.indexing.conftest import CORPUS

if TYPE_CHECKING:
    from indexing.local import LocalCollection

FILTERS = [
    {"must": {"key": "lang", "match": {"value": "ko"}}},
    {"must": {"key": "n", "range": {"gte": 3}}},
    {"must_not": {"key": "lang", "match": {"value": "ko"}}, "must": {"has_id": ["a", "c", "f"]}},
    {"must": {"is_empty": {"key": "new"}}},
]


def ids(collection: LocalCollection, filter: dict[str, Any]) -> list[str]:
    """Ids of what the filter finds, by columns and by SQL alike."""
    storage, parsed = collection.storage, Filter.parse(filter)
    rows = np.flatnonzero(storage.columns.live_mask(parsed, storage.snapshot.live).allowed)
    assert rows.tolist() == storage.documents.rows(parsed).tolist()
    stored = storage.documents.by_rows(rows.tolist())
    return sorted(item.document.id for item in stored.values())


def all_ids(collection: LocalCollection) -> list[list[str]]:
    return [ids(collection, filter) for filter in FILTERS]


def test_columns_follow_writes(collection: LocalCollection) -> None:
    assert all_ids(collection) == [["b", "d"], ["c", "d", "e"], ["a", "c"], list("abcde")]
    collection.add([Document("f", "새 문서입니다", "", {"lang": "ko", "n": 6, "new": True})])
    assert all_ids(collection) == [["b", "d", "f"], ["c", "d", "e", "f"], ["a", "c"], list("abcde")]
    relabelled = replace(CORPUS[0], metadata={"lang": "ko", "n": 7, "new": [1]})
    assert collection.add([relabelled]).relabelled == 1
    assert all_ids(collection) == [["a", "b", "d", "f"], ["a", *"cdef"], ["c"], list("bcde")]
    assert collection.add([replace(CORPUS[2], text="parcels leave on Mondays")]).changed == 1
    assert all_ids(collection) == [["a", "b", "d", "f"], ["a", *"cdef"], ["c"], list("bcde")]
    collection.delete(["c", "d"])
    assert all_ids(collection) == [["a", "b", "f"], ["a", "e", "f"], [], ["b", "e"]]


def test_columns_are_read_once(collection: LocalCollection) -> None:
    all_ids(collection)
    keys, before = set(collection.storage.columns.columns), collection.storage.columns
    assert {str(key) for key in keys} == {"lang", "n", "new"}
    collection.add([Document("f", "새 문서입니다", "", {"lang": "ko"})])
    assert collection.storage.columns is before
    collection.verify(repair=True)
    all_ids(collection)
    assert set(collection.storage.columns.columns) == keys


def test_columns_survive_a_compaction(collection: LocalCollection) -> None:
    all_ids(collection)
    before = collection.storage.columns
    collection.delete(["a", "d"])
    compact(collection.storage)
    after = collection.storage.columns
    assert after is not before
    assert set(after.columns) == set(before.columns)
    assert all_ids(collection) == [["b"], ["c", "e"], ["c"], ["b", "c", "e"]]
    collection.add([Document("f", "새 문서입니다", "", {"lang": "ko", "n": 6})])
    assert all_ids(collection) == [["b", "f"], ["c", "e", "f"], ["c"], ["b", "c", "e", "f"]]
