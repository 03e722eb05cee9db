"""A collection of this project, filled with ready vectors; option `memory`, its allowance."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from benchmarks.peers.protocol import K, main, pad
from embeddings.load import load_encoder
from indexing.card import CollectionCard
from indexing.filters import Filter
from indexing.local import LocalCollection
from indexing.planner import IndexWish
from indexing.types import Document, Metric, SearchRequest, SearchResult

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.peers.protocol import Ids, Raw, Setting, Task, Vectors

BLOCK = 5000
WISHES = (0.92, 0.94, 0.945, 0.95, 0.955, 0.96, 0.97, 0.98, 0.985, 0.99, 0.9925, 0.995)
"""Recalls to ask for: questions from elsewhere find less than documents, so the index aims higher
than it is asked to, and may find more than that."""
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class MeariSide:
    """Documents with a short text and `g`; batches without documents, single queries with them."""

    packages = ("faiss-cpu", "numpy")
    filters = True
    durable = "on the disk (fsync)"
    settings: tuple[Setting, ...] = tuple({"recall": target} for target in WISHES)

    def __init__(self, task: Task) -> None:
        self._task = task
        self._folder = task.store / "collection"
        self._collection: LocalCollection | None = None
        self._written = 0

    @property
    def collection(self) -> LocalCollection:
        """The open collection."""
        if self._collection is None:
            message = "the collection is not open"
            raise RuntimeError(message)
        return self._collection

    def build(self, vectors: Vectors, labels: Ids) -> dict[str, Any]:
        """Add the documents, then build the index; the seconds of both beside the whole."""
        wall = time.perf_counter()
        collection = create(self._folder, vectors.shape[1])
        add(collection, range(len(vectors)), vectors, labels)
        written, cpu = time.perf_counter(), time.process_time()
        optimize(collection, self._task)
        report = {
            "write_seconds": written - wall,
            "index_seconds": time.perf_counter() - written,
            "index_cpu_seconds": time.process_time() - cpu,
            "index": describe(collection),
        }
        collection.close()
        return report

    def open(self) -> dict[str, Any]:
        """Open the folder for writing."""
        self._collection = LocalCollection.open(self._folder)
        return {"index": describe(self._collection)}

    def many(self, queries: Vectors, setting: Setting, below: int | None) -> Raw:
        """One batch call: vectors in, ids and scores out."""
        return self.collection.nearest(
            queries, k=K, recall=setting["recall"], filter=_filter(below)
        ).ids

    def one(self, query: Vectors, setting: Setting, below: int | None) -> Raw:
        """One search: documents, scores and receipt."""
        request = SearchRequest(
            vector=query, limit=K, mode="dense", recall=setting["recall"], filter=_filter(below)
        )
        return self.collection.search(request)

    def ids(self, raw: Raw) -> Ids:
        """Its texts as numbers."""
        if isinstance(raw, SearchResult):
            return pad([[int(match.document.id) for match in raw.matches]])
        return pad([[int(text) for text in row if text] for row in raw.tolist()])

    def upsert(self, ids: Ids, vectors: Vectors, labels: Ids) -> None:
        """Replace documents, whose texts change with their vectors."""
        self._written += 1
        every = dict(zip(ids.tolist(), labels.tolist(), strict=True))
        add(self.collection, ids.tolist(), vectors, every, f" written {self._written}")

    def delete(self, ids: Ids) -> None:
        """Delete documents."""
        self.collection.delete([str(row) for row in ids.tolist()])

    def close(self) -> None:
        """Close the collection."""
        if self._collection is not None:
            self._collection.close()


def create(folder: Path, dim: int) -> LocalCollection:
    """An empty collection for vectors of that width."""
    encoder = load_encoder(f"hash:{dim}").card
    return LocalCollection.create(folder, CollectionCard.new("bench", encoder, Metric.COSINE))


def add(
    collection: LocalCollection,
    rows: Sequence[int],
    vectors: Vectors,
    labels: Any,  # noqa: ANN401 - an array of all rows, or a dictionary
    suffix: str = "",
) -> None:
    """Documents of the rows, with those vectors and the labels found under their numbers."""
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        documents = [Document(str(r), spell(r) + suffix, "", {"g": int(labels[r])}) for r in part]
        collection.add(documents, vectors=vectors[start : start + len(part)])


def spell(row: int) -> str:
    """`one zero two` of 102."""
    return " ".join(DIGITS[int(digit)] for digit in str(row))


def optimize(collection: LocalCollection, task: Task) -> None:
    """Build the index, within the memory allowance if the task has one."""
    if "memory" in task.options:
        collection.optimize(IndexWish(memory=task.options["memory"]))
    else:
        collection.optimize()


def describe(collection: LocalCollection) -> dict[str, Any]:
    """The sealed index's card, without what was tried to set it."""
    sealed = collection.storage.snapshot.sealed
    if sealed is None:
        return {"kind": "flat"}
    card = sealed.card.to_json()
    tuning = card.pop("tuning")
    return card | {
        "recall": sealed.card.recall,
        "bytes_per_vector": sealed.card.bytes_per_vector,
        "measuring_seconds": tuning["seconds"],
        "filtered": tuning["filtered"],
        "row_microseconds": tuning["row_microseconds"],
    }


def _filter(below: int | None) -> Filter | None:
    if below is None:
        return None
    return Filter.parse({"must": [{"key": "g", "range": {"lt": below}}]})


if __name__ == "__main__":
    main(MeariSide)
