"""Chroma's persistent client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.peers.protocol import K, main, pad

if TYPE_CHECKING:
    from benchmarks.peers.protocol import Ids, Raw, Setting, Task, Vectors

BLOCK = 5000


class ChromaSide:
    """max_neighbors=32, ef_construction=100, inner product; metadata `g`."""

    packages = ("chromadb",)
    filters = True
    durable = "committed to SQLite"
    settings: tuple[Setting, ...] = tuple({"ef_search": ef} for ef in (16, 32, 64, 128, 256))

    def __init__(self, task: Task) -> None:
        self._task = task
        self._effort = 0

    def _client(self) -> Any:  # noqa: ANN401 - its types are known in its environment alone
        import chromadb
        from chromadb.config import Settings

        settings = Settings(anonymized_telemetry=False)
        return chromadb.PersistentClient(path=str(self._task.store), settings=settings)

    def build(self, vectors: Vectors, labels: Ids) -> None:
        """Add, without texts."""
        graph = {
            "space": "ip",
            "max_neighbors": 32,
            "ef_construction": 100,
            "num_threads": self._task.threads,
        }
        collection = self._client().create_collection(
            "bench", configuration={"hnsw": graph}, embedding_function=None
        )
        for start in range(0, len(vectors), BLOCK):
            rows = range(start, min(start + BLOCK, len(vectors)))
            collection.add(
                ids=[str(row) for row in rows],
                embeddings=vectors[rows.start : rows.stop],
                metadatas=[{"g": int(labels[row])} for row in rows],
            )

    def open(self) -> None:
        """Open the client; the graph is read by the first query."""
        self.many(self._task.load_queries()[:1], self.settings[0], None)

    def many(self, queries: Vectors, setting: Setting, below: int | None) -> Raw:
        """One call."""
        self._use(int(setting["ef_search"]))
        where = None if below is None else {"g": {"$lt": below}}
        return self._collection.query(
            query_embeddings=queries, n_results=K, where=where, include=["distances"]
        )["ids"]

    def _use(self, effort: int) -> None:
        """Open anew with another effort: the graph keeps that of the first query it answered."""
        from chromadb.api.shared_system_client import SharedSystemClient

        if effort != self._effort:
            SharedSystemClient.clear_system_cache()
            self._collection = self._client().get_collection("bench", embedding_function=None)
            self._collection.modify(configuration={"hnsw": {"ef_search": effort}})
            self._effort = effort

    def one(self, query: Vectors, setting: Setting, below: int | None) -> Raw:
        """One call."""
        return self.many(query[None], setting, below)

    def ids(self, raw: Raw) -> Ids:
        """Its texts as numbers."""
        return pad([[int(row) for row in rows] for rows in raw])

    def upsert(self, ids: Ids, vectors: Vectors, labels: Ids) -> None:
        """One call."""
        self._collection.upsert(
            ids=[str(row) for row in ids],
            embeddings=vectors,
            metadatas=[{"g": label} for label in labels.tolist()],
        )

    def delete(self, ids: Ids) -> None:
        """One call."""
        self._collection.delete(ids=[str(row) for row in ids])

    def close(self) -> None:
        """Nothing more is to do."""


if __name__ == "__main__":
    main(ChromaSide)
