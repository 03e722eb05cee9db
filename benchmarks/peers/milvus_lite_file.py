"""Milvus Lite through pymilvus, as its documentation uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.peers.protocol import K, main, pad

if TYPE_CHECKING:
    from benchmarks.peers.protocol import Ids, Raw, Setting, Task, Vectors

BLOCK = 5000


class MilvusLiteSide:
    """HNSW, M=32, efConstruction=100, inner product; field `g`."""

    packages = ("milvus-lite", "pymilvus")
    filters = True
    durable = "in its write-ahead log"
    settings: tuple[Setting, ...] = tuple({"ef": ef} for ef in (32, 64, 128, 256))

    def __init__(self, task: Task) -> None:
        self._path = str(task.store / "bench.db")
        self._client: Any = None

    def _connect(self) -> None:
        from pymilvus import MilvusClient

        self._client = MilvusClient(self._path)

    def build(self, vectors: Vectors, labels: Ids) -> None:
        """Insert, flush, index."""
        from pymilvus import DataType

        self._connect()
        client = self._client
        schema = client.create_schema(auto_id=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=vectors.shape[1])
        schema.add_field("g", DataType.INT64)
        client.create_collection("bench", schema=schema)
        for start in range(0, len(vectors), BLOCK):
            rows = range(start, min(start + BLOCK, len(vectors)))
            part = slice(rows.start, rows.stop)
            self._insert(list(rows), vectors[part], labels[part])
        client.flush("bench")
        index = client.prepare_index_params()
        index.add_index(
            field_name="vector",
            index_type="HNSW",
            metric_type="IP",
            params={"M": 32, "efConstruction": 100},
        )
        index.add_index(field_name="g", index_type="INVERTED")
        client.create_index("bench", index)
        client.load_collection("bench")

    def _insert(self, ids: list[int], vectors: Vectors, labels: Ids) -> None:
        given = zip(ids, vectors, labels.tolist(), strict=True)
        rows = [{"id": row, "vector": vector.tolist(), "g": label} for row, vector, label in given]
        self._client.upsert("bench", rows)

    def open(self) -> None:
        """Open the file and load the collection."""
        self._connect()
        self._client.load_collection("bench")

    def many(self, queries: Vectors, setting: Setting, below: int | None) -> Raw:
        """One call."""
        return self._client.search(
            "bench",
            data=queries.tolist(),
            limit=K,
            filter="" if below is None else f"g < {below}",
            search_params={"metric_type": "IP", "params": {"ef": int(setting["ef"])}},
        )

    def one(self, query: Vectors, setting: Setting, below: int | None) -> Raw:
        """One call."""
        return self.many(query[None], setting, below)

    def ids(self, raw: Raw) -> Ids:
        """Ids of its hits."""
        return pad([[hit["id"] for hit in hits] for hits in raw])

    def upsert(self, ids: Ids, vectors: Vectors, labels: Ids) -> None:
        """One call."""
        self._insert(ids.tolist(), vectors, labels)

    def delete(self, ids: Ids) -> None:
        """One call."""
        self._client.delete("bench", ids=ids.tolist())

    def close(self) -> None:
        """Close the client."""
        self._client.close()


if __name__ == "__main__":
    main(MilvusLiteSide)
