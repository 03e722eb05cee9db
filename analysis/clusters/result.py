"""What was found: clusters, who is in them, and what became of those before."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from analysis.clusters.request import ClusterRequest
from analysis.results import Result
from indexing.types import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    import pyarrow as pa

    from embeddings.types import Vectors
    from indexing.types import Scores

    Labels = npt.NDArray[np.int32]
    EventKind = Literal["birth", "death", "merge", "split"]

KIND = "clusters"
OUTLIER = -1
"""The cluster id of documents that are in none."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A group of documents.

    Attributes:
        id: 0 or more; the same group keeps it when documents are grouped again.
        label: its foremost terms as words, joined by ` · `.
        terms: words that stand in it more often than elsewhere, the most telling first.
        size: documents.
        representatives: ids of documents near its middle that differ from each other.
        similarity: mean similarity of its documents to its centroid.
        least: similarity to the centroid that 95 % of its documents reach; a new document that
            does not is an outlier. None where every document belongs to a cluster.
    """

    id: int
    label: str
    terms: tuple[str, ...]
    size: int
    representatives: tuple[str, ...]
    similarity: float
    least: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Clusters seen from further off.

    Attributes:
        id: that of its largest cluster.
        label: as of a cluster.
        terms: as of a cluster.
        size: documents.
        clusters: ids of the clusters in it, the largest first.
        parent: id of the group one level further off that it is in; None at the furthest.
    """

    id: int
    label: str
    terms: tuple[str, ...]
    size: int
    clusters: tuple[int, ...]
    parent: int | None


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to clusters from one result to the next.

    Attributes:
        kind: `birth`: one without a forerunner; `death`: one without a successor; `split`: one
            whose documents are in several now; `merge`: one that holds those of several.
        before: ids of the clusters before, the one with most of the documents first.
        after: ids of the clusters now, likewise.
        documents: of a split or merge those concerned that both results know, of a birth or
            death all of the cluster's.
    """

    kind: EventKind
    before: tuple[int, ...]
    after: tuple[int, ...]
    documents: int


@dataclass(frozen=True, slots=True)
class ClusterReceipt:
    """What was really done.

    Attributes:
        method: how documents were grouped.
        k: clusters found.
        chosen: True if k was chosen by measure.
        tried: numbers of clusters tried and their simplified silhouettes, where it was chosen.
        min_size: fewest documents of a cluster.
        seed: of all that was drawn.
        metric: how vectors were compared.
        documents: how many were grouped.
        outliers: how many of them are in no cluster.
        found_with: documents the clusters were found with; the others were assigned.
        exact: True if those are all.
        iterations: of k-means; None of other methods.
        silhouette: simplified silhouette, -1 to 1, on a sample where there are many.
        described_with: documents whose words the labels are made of.
        matched: clusters that kept an id of the previous result; None without one.
        made_from: collection, version of its documents, encoder's fingerprint, filter.
        reassigned: outliers put into clusters afterwards.
        milliseconds: time by stage.
        warnings: what a reader should know.
    """

    method: str
    k: int
    chosen: bool
    tried: tuple[tuple[int, float], ...]
    min_size: int
    seed: int
    metric: str
    documents: int
    outliers: int
    found_with: int
    exact: bool
    iterations: int | None
    silhouette: float | None
    described_with: int
    matched: int | None
    made_from: Mapping[str, Any] = field(default_factory=dict)
    reassigned: int = 0
    milliseconds: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Documents in groups.

    Attributes:
        ids: StringDType (n,), of the documents.
        labels: int32 (n,), the cluster's id of each document, -1 for outliers.
        similarity: float32 (n,), to the centroid of its cluster (an outlier's: the nearest):
            cosine, or minus the distance for the Euclidean metric.
        clusters: the largest first, equal sizes by id.
        centroids: float32 (k, dim), row by row of `clusters`.
        levels: groups of clusters, each level further off than the one before; empty for one.
        events: what became of the previous result's clusters; empty without one.
        next_id: the first id that no cluster ever had.
        request: what was asked.
        receipt: what was done.
    """

    ids: npt.NDArray[np.str_]
    labels: Labels
    similarity: Scores
    clusters: tuple[Cluster, ...]
    centroids: Vectors
    levels: tuple[tuple[Group, ...], ...]
    events: tuple[Event, ...]
    next_id: int
    request: ClusterRequest
    receipt: ClusterReceipt

    @property
    def metric(self) -> Metric:
        """How vectors are compared."""
        return Metric(self.receipt.metric)

    def members(self, cluster: int) -> npt.NDArray[np.str_]:
        """Ids of a cluster's documents (-1: the outliers), the most typical first."""
        places = np.flatnonzero(self.labels == cluster)
        order = np.argsort(-self.similarity[places], kind="stable")
        return self.ids[places[order]]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values of all but the documents."""
        return {
            "clusters": [asdict(cluster) for cluster in self.clusters],
            "levels": [[asdict(group) for group in level] for level in self.levels],
            "events": [asdict(event) for event in self.events],
            "receipt": self.receipt.to_json(),
        }

    def to_result(self) -> Result:
        """What is kept of it."""
        import pyarrow as pa

        header = {
            **self.to_json(),
            "request": self.request.to_json(),
            "next_id": self.next_id,
        }
        dim = self.centroids.shape[1]
        flat = pa.array(np.ascontiguousarray(self.centroids).ravel())
        tables = {
            "documents": pa.table(
                {
                    "id": pa.array(self.ids.tolist(), pa.large_string()),
                    "cluster": pa.array(self.labels),
                    "similarity": pa.array(self.similarity),
                }
            ),
            "centroids": pa.table(
                {
                    "cluster": pa.array([c.id for c in self.clusters], pa.int32()),
                    "vector": pa.FixedSizeListArray.from_arrays(flat, dim),
                }
            ),
        }
        return Result(header, tables)

    @classmethod
    def from_result(cls, result: Result) -> Clusters:
        """What `to_result` gave, perhaps read from disk."""
        header, documents = result.header, result.tables["documents"]
        centroids = result.tables["centroids"]["vector"].combine_chunks()
        dim = centroids.type.list_size
        receipt = dict(header["receipt"])
        receipt["tried"] = tuple((k, value) for k, value in receipt["tried"])
        receipt["warnings"] = tuple(receipt["warnings"])
        return cls(
            ids=np.array(documents["id"].to_pylist(), dtype=np.dtypes.StringDType()),
            labels=_numbers(documents["cluster"]),
            similarity=_numbers(documents["similarity"]),
            clusters=tuple(Cluster(**_tuples(fields)) for fields in header["clusters"]),
            centroids=np.asarray(centroids.flatten()).reshape(-1, dim),
            levels=tuple(
                tuple(Group(**_tuples(fields)) for fields in level) for level in header["levels"]
            ),
            events=tuple(Event(**_tuples(fields)) for fields in header["events"]),
            next_id=header["next_id"],
            request=ClusterRequest.from_json(header["request"]),
            receipt=ClusterReceipt(**receipt),
        )


def _tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    """JSON's lists as tuples."""
    return {
        name: tuple(value) if isinstance(value, list | tuple) else value
        for name, value in fields.items()
    }


def _numbers(column: pa.ChunkedArray) -> Any:  # noqa: ANN401 - int32 or float32 (n,)
    return column.to_numpy()
