"""A map of a corpus: every document a point, documents that are alike side by side."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.errors import InvalidAnalysisError, UnsuitableCorpusError
from analysis.map.affinities import affinities, principal_start
from analysis.map.anchors import Anchors, choose_anchors
from analysis.map.layout import lay_out
from analysis.map.tiles import tiles
from analysis.origin import made_from
from analysis.progress import unwatched
from analysis.results import Result
from analysis.similarity import similar
from indexing.index.graph import neighbour_graph

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from analysis.corpus import Corpus
    from analysis.map.layout import Points
    from analysis.progress import Progress
    from embeddings.types import Vectors
    from indexing.types import Metric

LEAST_DOCUMENTS = 4
_MOST_NEIGHBOURS = 200
_GATHERING, _SETTLING = 250, 500


@dataclass(frozen=True, slots=True)
class MapRequest:
    """How a map shall be drawn.

    Attributes:
        neighbours: of each document that attract it, 2 to 200; more tell more of the whole
            and less of what is close.
        exaggeration: of attraction, 1 to 30: more draws clusters together, 1 spreads them over
            the plane.
        seed: of the noise that parts equal documents, and of everything sampled.

    Raises:
        InvalidAnalysisError: an impossible value.
    """

    neighbours: int = 15
    exaggeration: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 2 <= self.neighbours <= _MOST_NEIGHBOURS:
            message = f"neighbours is {self.neighbours}; 2 to {_MOST_NEIGHBOURS} are possible"
            raise InvalidAnalysisError(message, "neighbours")
        if not 1 <= self.exaggeration <= 30:
            message = f"exaggeration is {self.exaggeration}; 1 to 30 is possible"
            raise InvalidAnalysisError(message, "exaggeration")
        if self.seed < 0:
            message = f"seed is {self.seed}; 0 or more is possible"
            raise InvalidAnalysisError(message, "seed")


@dataclass(frozen=True, slots=True)
class MapReceipt:
    """What was really done.

    Attributes:
        documents: on the map.
        method: `tsne`.
        neighbours: of each document; fewer than asked for where there are fewer documents.
        exact: every document was compared with every other to find neighbours.
        neighbour_recall: share of the true neighbours found; below 1 measured on a sample.
        exaggeration: as asked for.
        seed: as asked for.
        steps: of gradient descent.
        made_from: collection, version of its documents, fingerprint of the encoder, filter.
        milliseconds: by stage.
        warnings: what a reader of the map should know.
    """

    documents: int
    method: str
    neighbours: int
    exact: bool
    neighbour_recall: float
    exaggeration: float
    seed: int
    steps: int
    made_from: Mapping[str, Any]
    milliseconds: Mapping[str, float]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """Where every document lies.

    Attributes:
        ids: StringDType (n,), in the order of the corpus; a position on the map is one in it.
        points: float32 (n, 2), mean 0; the unit has no meaning of its own.
        anchors: documents kept with their vectors, by which others are placed.
        receipt: what was really done.
    """

    ids: npt.NDArray[np.str_]
    points: Points
    anchors: Anchors
    receipt: MapReceipt

    def __len__(self) -> int:
        return len(self.ids)

    def to_result(self) -> Result:
        """Tables `points` (id, x, y) and `anchors` (position, vector in half precision)."""
        import pyarrow as pa

        points = pa.table(
            {
                "id": pa.array(self.ids.tolist(), pa.string()),
                "x": pa.array(self.points[:, 0]),
                "y": pa.array(self.points[:, 1]),
            }
        )
        header = {"receipt": asdict(self.receipt)}
        return Result(header, {"points": points, "anchors": self.anchors.to_table()})

    @classmethod
    def from_result(cls, result: Result) -> Map:
        """The map that `to_result` wrote."""
        table = result.tables["points"]
        points = np.column_stack([table["x"].to_numpy(), table["y"].to_numpy()])
        receipt: dict[str, Any] = dict(result.header["receipt"])
        receipt["warnings"] = tuple(receipt["warnings"])
        return cls(
            ids=np.array(table["id"].to_pylist(), dtype=np.dtypes.StringDType()),
            points=np.ascontiguousarray(points, dtype=np.float32),
            anchors=Anchors.from_table(result.tables["anchors"]),
            receipt=MapReceipt(**receipt),
        )


def find_map(
    corpus: Corpus, request: MapRequest | None = None, *, progress: Progress = unwatched
) -> Map:
    """A point of the plane for every document of a corpus; the same for the same seed.

    Neighbours are found by the collection's metric (by cosine where that is `dot`, whose best
    match need not be what is most alike), joined to a graph, and laid out by t-SNE from the two
    principal components on. 200,000 documents take minutes on two processors.

    Args:
        corpus: at least 4 documents, not all alike.
        request: how; None: the defaults.
        progress: told of the stages `neighbours` and `layout`.

    Raises:
        UnsuitableCorpusError: fewer documents, or their vectors are all equal.
        CancelledError: `progress` stopped it.
    """
    request = MapRequest() if request is None else request
    vectors, metric = similar(corpus)
    _check(corpus, vectors)
    drawn = draw(vectors, metric, request, progress=progress)
    anchors = choose_anchors(vectors, tiles(drawn.points, seed=request.seed), metric)
    receipt = MapReceipt(
        documents=len(corpus),
        method="tsne",
        neighbours=drawn.neighbours,
        exact=drawn.exact,
        neighbour_recall=round(drawn.recall, 4),
        exaggeration=request.exaggeration,
        seed=request.seed,
        steps=_GATHERING + _SETTLING,
        made_from=made_from(corpus),
        milliseconds=drawn.milliseconds,
    )
    return Map(corpus.ids, drawn.points, anchors, receipt)


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """Points alone, and how they were found; fields as of `MapReceipt`."""

    points: Points
    neighbours: int
    exact: bool
    recall: float
    milliseconds: Mapping[str, float]


def draw(
    vectors: Vectors, metric: Metric, request: MapRequest, *, progress: Progress = unwatched
) -> Drawing:
    """A point of the plane for every vector; see `find_map`.

    Args:
        vectors: float32 (n, dim), `comparable`, not all equal, n of at least 4.
        metric: COSINE or EUCLIDEAN.
        request: how.
        progress: told of the stages `neighbours` and `layout`.
    """
    started = time.perf_counter()
    k = min(request.neighbours, len(vectors) - 1)
    graph = neighbour_graph(
        vectors,
        k,
        metric,
        seed=request.seed,
        told=lambda done, total: progress("neighbours", done, total),
    )
    found = time.perf_counter()
    points = lay_out(
        affinities(graph.ids),
        principal_start(vectors, request.seed),
        gathering=_GATHERING,
        settling=_SETTLING,
        exaggeration=request.exaggeration,
        watch=lambda done, total: progress("layout", done, total),
    )
    stages = {
        "neighbours": round(1e3 * (found - started), 1),
        "layout": round(1e3 * (time.perf_counter() - found), 1),
    }
    return Drawing(points, k, graph.exact, graph.recall, stages)


def _check(corpus: Corpus, vectors: Vectors) -> None:
    if len(corpus) < LEAST_DOCUMENTS:
        message = (
            f"collection {corpus.card.name!r}: a map of {len(corpus)} "
            f"{'document' if len(corpus) == 1 else 'documents'}; "
            f"at least {LEAST_DOCUMENTS} are needed"
        )
        raise UnsuitableCorpusError(message)
    if bool((vectors == vectors[0]).all()):
        message = (
            f"collection {corpus.card.name!r}: the vectors of all {len(corpus):,} documents are "
            "equal, so there is nothing to tell them apart by; look at them as duplicates"
        )
        raise UnsuitableCorpusError(message)
