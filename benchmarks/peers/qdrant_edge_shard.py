"""Qdrant's core without its server: a shard in a folder, with a payload and its index."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers.protocol import K, main, pad

if TYPE_CHECKING:
    import qdrant_edge

    from benchmarks.peers.protocol import Ids, Raw, Setting, Task, Vectors

BLOCK = 1000


class QdrantSide:
    """m=32, ef_construct=100, inner product; payload `g` with an integer index."""

    packages = ("qdrant-edge-py",)
    filters = True
    durable = "flushed to its files"
    settings: tuple[Setting, ...] = tuple(
        {"hnsw_ef": ef} for ef in (16, 32, 48, 64, 96, 128, 192, 256, 384)
    )

    def __init__(self, task: Task) -> None:
        self._task = task
        self._path = str(task.store)

    def build(self, vectors: Vectors, labels: Ids) -> None:
        """Insert, index the payload, then the vectors, as one segment if it likes."""
        import qdrant_edge as q

        graph = q.HnswIndexConfig(
            m=32,
            ef_construct=100,
            full_scan_threshold=10_000,
            max_indexing_threads=self._task.threads,
        )
        config = q.EdgeConfig(
            vectors=q.EdgeVectorParams(size=vectors.shape[1], distance=q.Distance.Dot),
            hnsw_config=graph,
            optimizers=q.EdgeOptimizersConfig(
                default_segment_number=1, indexing_threshold=1000, max_segment_size=100_000_000
            ),
            max_search_threads=self._task.threads,
        )
        shard = q.EdgeShard.create(self._path, config)
        shard.update(q.UpdateOperation.create_field_index("g", q.PayloadSchemaType.Integer))
        for start in range(0, len(vectors), BLOCK):
            rows = range(start, min(start + BLOCK, len(vectors)))
            shard.update(q.UpdateOperation.upsert_points(_points(rows, vectors[start:], labels)))
        shard.optimize()
        shard.flush()
        shard.close()

    def open(self) -> None:
        """Load the shard."""
        import qdrant_edge as q

        self._shard = q.EdgeShard.load(self._path)

    def many(self, queries: Vectors, setting: Setting, below: int | None) -> Raw:
        """One batch call a thread: the shard itself takes one for a batch on one segment."""
        import qdrant_edge as q

        def call(part: Vectors) -> list[Raw]:
            requests = [self._request(query, setting, below) for query in part]
            return self._shard.query_batch(q.QueryBatchRequest(requests))

        threads = self._task.threads
        with ThreadPoolExecutor(threads) as pool:
            parts = pool.map(call, np.array_split(queries, threads))
            return [points for part in parts for points in part]

    def one(self, query: Vectors, setting: Setting, below: int | None) -> Raw:
        """One call."""
        return [self._shard.query(self._request(query, setting, below))]

    def _request(
        self, query: Vectors, setting: Setting, below: int | None
    ) -> qdrant_edge.QueryRequest:
        import qdrant_edge as q

        kept = None
        if below is not None:
            kept = q.Filter(must=[q.FieldCondition(key="g", range=q.RangeFloat(lt=below))])
        return q.QueryRequest(
            limit=K,
            query=q.Query.Nearest(query.tolist()),
            filter=kept,
            params=q.SearchParams(hnsw_ef=int(setting["hnsw_ef"])),
        )

    def ids(self, raw: Raw) -> Ids:
        """Ids of its points."""
        return pad([[point.id for point in points] for points in raw])

    def upsert(self, ids: Ids, vectors: Vectors, labels: Ids) -> None:
        """Replace and flush."""
        import qdrant_edge as q

        points = [
            q.Point(row, vector.tolist(), {"g": label})
            for row, vector, label in zip(ids.tolist(), vectors, labels.tolist(), strict=True)
        ]
        self._shard.update(q.UpdateOperation.upsert_points(points))
        self._shard.flush()

    def delete(self, ids: Ids) -> None:
        """Delete and flush."""
        import qdrant_edge as q

        self._shard.update(q.UpdateOperation.delete_points(ids.tolist()))
        self._shard.flush()

    def close(self) -> None:
        """Close the shard."""
        if hasattr(self, "_shard"):
            self._shard.close()


def _points(rows: range, vectors: Vectors, labels: Ids) -> list[qdrant_edge.Point]:
    """Points of the rows, whose vectors come first in `vectors`."""
    import qdrant_edge as q

    return [
        q.Point(row, vector.tolist(), {"g": int(labels[row])})
        for row, vector in zip(rows, vectors, strict=False)
    ]


if __name__ == "__main__":
    main(QdrantSide)
