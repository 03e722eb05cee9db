"""Many vectors asked at once: ids and scores, filters, writes in between, and the receipt."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from indexing.data_folder import DataFolder
from indexing.errors import DimensionMismatchError, InvalidRequestError
from indexing.filters import Filter
from indexing.index.exact import unit
from indexing.planner import IndexWish
from indexing.types import Document, SearchRequest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexing.local import LocalCollection

ROWS = 1500
VECTORS = unit(np.random.default_rng(0).standard_normal((ROWS, 32)).astype(np.float32))
QUERIES = unit(np.random.default_rng(1).standard_normal((30, 32)).astype(np.float32))
ODD = Filter.parse({"must": [{"key": "odd", "match": {"value": True}}]})


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[LocalCollection]:
    with DataFolder.open(tmp_path / "data") as data:
        made = data.create("many", encoder="hash:32")
        documents = [
            Document(f"d{row:04}", f"text {row}", "", {"odd": row % 2 == 1}) for row in range(ROWS)
        ]
        made.add(documents, vectors=VECTORS)
        yield made


def truth(k: int, rows: np.ndarray) -> list[list[str]]:
    scores = QUERIES.astype(np.float64) @ VECTORS[rows].T.astype(np.float64)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return [[f"d{rows[place]:04}" for place in places] for places in best]


def test_ids_and_scores_are_the_true_ones(filled: LocalCollection) -> None:
    found = filled.nearest(QUERIES, 7)
    assert found.ids.tolist() == truth(7, np.arange(ROWS))
    np.testing.assert_allclose(
        found.scores, -np.sort(-(QUERIES @ VECTORS.T), axis=1)[:, :7], rtol=1e-5
    )
    receipt = found.receipt
    assert (receipt.exact, receipt.index, receipt.recall_estimate) == (True, "flat", 1.0)
    assert (receipt.searched, receipt.documents, receipt.visited) == (ROWS, ROWS, ROWS)
    assert {"search", "fetch", "total"} <= set(receipt.milliseconds)


def test_a_filter_is_obeyed(filled: LocalCollection) -> None:
    found = filled.nearest(QUERIES, 7, filter=ODD)
    assert found.ids.tolist() == truth(7, np.arange(1, ROWS, 2))
    assert found.receipt.matched_by_filter == ROWS // 2


def test_fewer_than_k_are_padded(filled: LocalCollection) -> None:
    few = Filter.parse({"must": [{"has_id": ["d0003", "d0005"]}]})
    found = filled.nearest(QUERIES[:2], 4, filter=few)
    assert [sorted(row) for row in found.ids.tolist()] == [["", "", "d0003", "d0005"]] * 2
    assert np.isneginf(found.scores[:, 2:]).all()


def test_an_index_answers_as_one_document_at_a_time(filled: LocalCollection) -> None:
    filled.optimize(IndexWish(kind="ivf-pq", recall=0.99))
    found = filled.nearest(QUERIES, 5)
    assert (found.receipt.index, found.receipt.exact) == ("ivf-pq", False)
    assert found.receipt.recall_estimate > 0.95
    assert found.receipt.visited < ROWS
    for place, query in enumerate(QUERIES):
        matches = filled.search(SearchRequest(vector=query, limit=5)).matches
        assert [match.document.id for match in matches] == found.ids[place].tolist()
    exact = filled.nearest(QUERIES, 5, exact=True)
    assert exact.ids.tolist() == truth(5, np.arange(ROWS))
    assert (exact.receipt.index, exact.receipt.exact) == ("flat", True)


def test_the_recall_asked_for_sets_the_effort(filled: LocalCollection) -> None:
    filled.optimize(IndexWish(kind="ivf-pq", recall=0.9))
    little, much = (filled.nearest(QUERIES, 10, recall=recall) for recall in (0.5, 0.99))
    assert little.receipt.recall_estimate < much.receipt.recall_estimate
    assert little.receipt.visited < much.receipt.visited
    assert filled.nearest(QUERIES, 10, recall=1.0).receipt.exact


def test_writes_show_at_once_in_an_index(filled: LocalCollection) -> None:
    filled.optimize(IndexWish(kind="ivf-pq", recall=0.99))
    filled.add([Document("new", "another")], vectors=QUERIES[:1])
    filled.delete(["d0000"])
    found = filled.nearest(np.concatenate([QUERIES[:1], VECTORS[:1]]), 3)
    assert found.ids[0, 0] == "new"
    assert found.scores[0, 0] == pytest.approx(1.0)
    assert "d0000" not in found.ids[1].tolist()
    assert found.receipt.index == "ivf-pq+flat"


def test_equal_scores_come_by_id(filled: LocalCollection) -> None:
    copies = [Document(name, name) for name in ("z", "b", "a", "y")]
    filled.add(copies, vectors=np.repeat(QUERIES[:1], 4, axis=0))
    assert filled.nearest(QUERIES[:1], 4).ids.tolist() == [["a", "b", "y", "z"]]


def test_ids_survive_compaction(filled: LocalCollection) -> None:
    assert filled.nearest(QUERIES, 3).ids.tolist() == truth(3, np.arange(ROWS))
    filled.delete([f"d{row:04}" for row in range(0, ROWS, 2)])
    filled.optimize()
    assert filled.nearest(QUERIES, 3).ids.tolist() == truth(3, np.arange(1, ROWS, 2))


def test_live_queries_are_sampled(filled: LocalCollection) -> None:
    filled.optimize(IndexWish(kind="ivf-pq", recall=0.99))
    filled.storage.sampler.one_in = 5
    filled.nearest(QUERIES, 10)
    filled.storage.sampler.settle()
    receipt = filled.nearest(QUERIES[:1], 10).receipt
    assert receipt.sampled_queries == 6
    assert 0.8 < (receipt.sampled_recall or 0) <= 1


def test_a_writer_between_rows_and_ids_loses_nothing(filled: LocalCollection) -> None:
    """Upserts move a document to another row while it is searched; it is never missing."""
    stop = threading.Event()

    def move() -> None:
        number = 0
        while not stop.is_set():
            filled.add([Document("d0001", f"moved {number}")], vectors=VECTORS[1:2])
            number += 1

    writer = threading.Thread(target=move)
    writer.start()
    try:
        for _ in range(60):
            found = filled.nearest(VECTORS[1:2], 3)
            assert found.ids[0, 0] == "d0001"
            assert "" not in found.ids[0].tolist()
    finally:
        stop.set()
        writer.join()


def test_impossible_requests_are_refused(filled: LocalCollection) -> None:
    with pytest.raises(InvalidRequestError, match="k is 0; 1 to 10,000"):
        filled.nearest(QUERIES, 0)
    with pytest.raises(InvalidRequestError, match=r"recall is 1\.5"):
        filled.nearest(QUERIES, 3, recall=1.5)
    with pytest.raises(DimensionMismatchError, match="31 dimensions"):
        filled.nearest(QUERIES[:, :31], 3)
    with pytest.raises(InvalidRequestError, match="NaN"):
        filled.nearest(np.full((1, 32), np.nan, dtype=np.float32), 3)
    with pytest.raises(
        InvalidRequestError, match=r"memory is 500 bytes; .* would do for an index of kind hnsw"
    ):
        filled.optimize(IndexWish(kind="hnsw", memory=500))


def test_a_wish_outlives_the_process(tmp_path: Path) -> None:
    """Also one that leads to no index."""
    with DataFolder.open(tmp_path / "data") as data:
        made = data.create("many", encoder="hash:32")
        made.add([Document(f"d{row}", f"t {row}") for row in range(200)], vectors=VECTORS[:200])
        made.optimize(IndexWish(kind="hnsw", recall=0.9))
        made.optimize(IndexWish(recall=1.0))
        assert made.describe().index == "flat"
    with DataFolder.open(tmp_path / "data") as data:
        assert data.collection("many").storage.sealer.wish == IndexWish(recall=1.0)


def test_a_hundred_hits_are_found_as_surely_as_ten(filled: LocalCollection) -> None:
    filled.optimize(IndexWish(kind="ivf-pq", recall=0.95))
    for k in (10, 100):
        found, exact = filled.nearest(QUERIES, k), filled.nearest(QUERIES, k, exact=True)
        pairs = zip(found.ids.tolist(), exact.ids.tolist(), strict=True)
        assert sum(len(set(a) & set(b)) for a, b in pairs) > 0.9 * k * len(QUERIES)
