"""Documents of a map that are kept with their vectors, so that others can be placed by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexing.types import Metric

if TYPE_CHECKING:
    import pyarrow as pa

    from analysis.map.tiles import Tiles
    from embeddings.types import Vectors
    from indexing.types import Ids

MOST_ANCHORS = 20_000
"""15 MB of half-precision numbers at 384 dimensions."""


@dataclass(frozen=True, slots=True, eq=False)
class Anchors:
    """Some documents of a map, spread evenly over it.

    Attributes:
        positions: int64 (m,), ascending.
        vectors: float16 (m, dim), `comparable` under the metric.
        metric: COSINE or EUCLIDEAN.
    """

    positions: Ids
    vectors: np.ndarray[tuple[int, int], np.dtype[np.float16]]
    metric: Metric

    def to_table(self) -> pa.Table:
        """Columns `position` and `vector`; the metric in the schema's metadata."""
        import pyarrow as pa

        flat = pa.array(self.vectors.ravel())
        vectors = pa.FixedSizeListArray.from_arrays(flat, self.vectors.shape[1])
        table = pa.table({"position": pa.array(self.positions), "vector": vectors})
        return table.replace_schema_metadata({"metric": self.metric.value})

    @classmethod
    def from_table(cls, table: pa.Table) -> Anchors:
        """What `to_table` wrote."""
        column = table["vector"].combine_chunks()
        vectors = column.values.to_numpy().reshape(len(table), column.type.list_size)
        metric = Metric(table.schema.metadata[b"metric"].decode())
        return cls(table["position"].to_numpy(), vectors, metric)


def choose_anchors(vectors: Vectors, tiles: Tiles, metric: Metric) -> Anchors:
    """At most 20,000 documents: those that the overview of the map shows first."""
    positions = np.sort(tiles.order[:MOST_ANCHORS])
    return Anchors(positions, vectors[positions].astype(np.float16), metric)
