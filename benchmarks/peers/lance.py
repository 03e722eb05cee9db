"""LanceDB: a table in a folder, an index of options `index`: HnswFlat, HnswSq or IvfPq."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from benchmarks.peers.protocol import K, main, pad, spread

if TYPE_CHECKING:
    from benchmarks.peers.protocol import Ids, Raw, Setting, Task, Vectors


class LanceSide:
    """m=32, ef_construction=100 or its defaults for PQ, dot; an index on `g`."""

    packages = ("lancedb",)
    filters = True
    durable = "written to its files"

    def __init__(self, task: Task) -> None:
        self._task = task
        self._index: str = task.options.get("index", "HnswSq")
        if self._index == "IvfPq":
            pairs = product((10, 20, 50, 100), (5, 20))
            self.settings: tuple[Setting, ...] = tuple(
                {"nprobes": probes, "refine_factor": factor} for probes, factor in pairs
            )
        else:
            factors = (2,) if self._index == "HnswSq" else (0,)
            pairs = product((32, 64, 128, 256), factors)
            self.settings = tuple({"ef": ef, "refine_factor": factor} for ef, factor in pairs)

    def build(self, vectors: Vectors, labels: Ids) -> None:
        """Write the table, build the index, and one on `g`."""
        import lancedb
        from lancedb.index import BTree, HnswFlat, HnswSq, IvfPq

        table = lancedb.connect(str(self._task.store)).create_table(
            "bench", _rows(range(len(vectors)), vectors, labels)
        )
        graph: dict[str, Any] = {"num_partitions": 1, "m": 32, "ef_construction": 100}
        kinds = {
            "HnswFlat": lambda: HnswFlat(distance_type="dot", **graph),
            "HnswSq": lambda: HnswSq(distance_type="dot", **graph),
            "IvfPq": lambda: IvfPq(distance_type="dot", num_sub_vectors=96),
        }
        table.create_index("vector", config=kinds[self._index]())
        table.create_index("g", config=BTree())

    def open(self) -> None:
        """Open the table; the index is read by the first query."""
        import lancedb

        self._table = lancedb.connect(str(self._task.store)).open_table("bench")
        self.one(self._task.load_queries()[0], self.settings[0], None)

    def many(self, queries: Vectors, setting: Setting, below: int | None) -> Raw:
        """One query a call, on all threads."""
        return [
            rows
            for answer in spread(
                lambda query: self.one(query, setting, below), queries, self._task.threads
            )
            for rows in answer
        ]

    def one(self, query: Vectors, setting: Setting, below: int | None) -> Raw:
        """One call."""
        asked = self._table.search(query).select(["id", "_distance"]).limit(K)
        asked = asked.distance_type("dot")
        if "ef" in setting:
            asked = asked.ef(int(setting["ef"]))
        if "nprobes" in setting:
            asked = asked.nprobes(int(setting["nprobes"]))
        if setting["refine_factor"]:
            asked = asked.refine_factor(int(setting["refine_factor"]))
        if below is not None:
            asked = asked.where(f"g < {below}", prefilter=True)
        return [asked.to_arrow()["id"]]

    def ids(self, raw: Raw) -> Ids:
        """Its columns as lists."""
        return pad([rows.to_pylist() for rows in raw])

    def upsert(self, ids: Ids, vectors: Vectors, labels: Ids) -> None:
        """One call."""
        merging = self._table.merge_insert("id").when_matched_update_all()
        every = dict(zip(ids.tolist(), labels.tolist(), strict=True))
        merging.when_not_matched_insert_all().execute(_rows(ids.tolist(), vectors, every))

    def delete(self, ids: Ids) -> None:
        """One call."""
        self._table.delete(f"id IN ({', '.join(str(row) for row in ids)})")

    def close(self) -> None:
        """Nothing more is to do."""


def _rows(rows: Any, vectors: Vectors, labels: Any) -> Any:  # noqa: ANN401
    """An Arrow table of the rows, whose labels are found under their numbers."""
    import pyarrow as pa

    flat = pa.array(vectors.reshape(-1))
    return pa.table(
        {
            "id": pa.array(rows, pa.int64()),
            "vector": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
            "g": pa.array([int(labels[row]) for row in rows], pa.int64()),
        }
    )


if __name__ == "__main__":
    main(LanceSide)
