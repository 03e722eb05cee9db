"""Maps: drawn in a job, read tile by tile."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from math import isnan
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from analysis.clusters.places import places_of
from analysis.corpus import read_corpus
from analysis.errors import ResultNotFoundError
from analysis.map.columns import to_bytes
from analysis.map.fields import read_field
from analysis.map.finding import Map, find_map
from analysis.map.labels import place_labels
from analysis.map.tiles import tiles
from analysis.origin import made_from
from service.analyses.clusters import take as clusters_kept
from service.analyses.finding import Found
from service.analyses.outliers import take as outliers_kept
from service.analyses.paging import span_of
from service.errors import BadValueError
from service.schemas.analysis import Made, shortened
from service.schemas.map import (
    FieldAnswer,
    LabelAnswer,
    MapAnswer,
    MapBody,
    Placed,
    PlacedAnswer,
    PointAnswer,
    PointsAnswer,
    TileFacts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from analysis.clusters.result import Labels
    from analysis.map.labels import LabelPlace
    from analysis.map.tiles import Tiles
    from analysis.progress import Progress
    from analysis.results import Result
    from indexing.local import LocalCollection
    from service.analyses.finding import Opening
    from service.analyses.kept import Kept, Shelf
    from service.schemas.map import PointsQuery

T = TypeVar("T")

KIND = "map"


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A map and its tiles."""

    map: Map
    tiles: Tiles

    @classmethod
    def of(cls, result: Result) -> Drawn:
        """The map that was kept, cut into tiles."""
        drawn = Map.from_result(result)
        return cls(drawn, tiles(drawn.points, seed=drawn.receipt.seed))


@dataclass(frozen=True, slots=True, eq=False)
class Colours:
    """What the points of a map can be coloured by.

    Attributes:
        clusters: int32 (n,), each point's, -1: none; None where no clusters were found.
        scores: (n,), of outliers, NaN: not scored; None where no outliers were found.
        names: of clusters.
        tag: another one for each map, clusters and outliers.
    """

    clusters: Labels | None
    scores: npt.NDArray[np.floating] | None
    names: Mapping[int, str]
    tag: str


def find(
    collection: str, request: Mapping[str, Any], opening: Opening, progress: Progress
) -> Found:
    """A map of the collection; see `service.analyses.finding.Finder`."""
    body = MapBody.model_validate(request)
    target = opening(collection)
    corpus = read_corpus(target, filter=body.parsed_filter)
    found = find_map(corpus, body.to_request(), progress=progress)
    return Found(KIND, target, made_from(corpus), found.to_result(), asdict(found.receipt))


def take(collection: LocalCollection, shelf: Shelf) -> Kept[Drawn]:
    """The map that was drawn last.

    Raises:
        ResultNotFoundError: there is none.
    """
    return shelf.take(collection, KIND, Drawn.of)


def colours_of(collection: LocalCollection, shelf: Shelf, kept: Kept[Drawn]) -> Colours:
    """What points can be coloured by: clusters and outlier scores, where they were found."""
    clusters, outliers = (
        _found(clusters_kept, collection, shelf),
        _found(outliers_kept, collection, shelf),
    )
    stamp = (kept.stamp, clusters and clusters.stamp, outliers and outliers.stamp)
    ids = kept.value.map.ids

    def make() -> Colours:
        labels = scores = None
        if clusters is not None:
            places = places_of(ids, clusters.value.ids)
            labels = np.where(places >= 0, clusters.value.labels[places], -1).astype(np.int32)
        if outliers is not None:
            places = places_of(ids, outliers.value.ids)
            scores = np.where(places >= 0, outliers.value.scores[places], np.nan)
        names = {each.id: each.label for each in clusters.value.clusters} if clusters else {}
        tag = hashlib.sha256(repr(stamp).encode()).hexdigest()[:16]
        return Colours(labels, scores, names, tag)

    return shelf.derive(collection, "colours", stamp, make)


def _found(
    taking: Callable[[LocalCollection, Shelf], Kept[T]], collection: LocalCollection, shelf: Shelf
) -> Kept[T] | None:
    try:
        return taking(collection, shelf)
    except ResultNotFoundError:
        return None


def answer_of(collection: LocalCollection, shelf: Shelf) -> MapAnswer:
    """The map without its points."""
    kept = take(collection, shelf)
    drawn, colours = kept.value, colours_of(collection, shelf, kept)
    facts = drawn.tiles.to_json()
    labels: list[LabelPlace] = []
    coloured_by: list[Literal["clusters", "outliers"]] = []
    if colours.clusters is not None:
        coloured_by.append("clusters")
        labels = place_labels(drawn.map.points, drawn.tiles, colours.clusters, colours.names)
    if colours.scores is not None:
        coloured_by.append("outliers")
    return MapAnswer(
        points=facts["points"],
        bounds=facts["bounds"],
        capacity=facts["capacity"],
        tiles=[TileFacts(**each) for each in facts["tiles"]],
        labels=[LabelAnswer(**asdict(each)) for each in labels],
        coloured_by=coloured_by,
        tile_path=f"/v1/collections/{collection.card.name}/map/tiles/{{level}}/{{column}}/{{row}}",
        made=Made.of(kept),
        stale=kept.stale,
        receipt=asdict(kept.value.map.receipt),
    )


def tile_of(
    collection: LocalCollection, shelf: Shelf, level: int, column: int, row: int
) -> tuple[bytes, str]:
    """The points of one tile as bytes, and a word that another map's tile would have another of."""
    kept = take(collection, shelf)
    drawn, colours = kept.value, colours_of(collection, shelf, kept)
    content = to_bytes(
        drawn.map.points,
        drawn.tiles.positions(level, column, row),
        clusters=colours.clusters,
        scores=colours.scores,
    )
    return content, colours.tag


def points_of(collection: LocalCollection, shelf: Shelf, query: PointsQuery) -> PointsAnswer:
    """A page of the map's points, in the order of their positions."""
    kept = take(collection, shelf)
    drawn, colours = kept.value.map, colours_of(collection, shelf, kept)
    span = span_of(kept, query.cursor, query.limit, len(drawn))
    clusters, scores = colours.clusters, colours.scores
    return PointsAnswer(
        points=[
            PointAnswer(
                position=position,
                id=str(drawn.ids[position]),
                x=float(drawn.points[position, 0]),
                y=float(drawn.points[position, 1]),
                cluster=None if clusters is None else int(clusters[position]),
                score=None
                if scores is None or np.isnan(scores[position])
                else round(float(scores[position]), 6),
            )
            for position in range(span.first, span.last)
        ],
        cursor=span.cursor,
    )


def documents_at(
    collection: LocalCollection, shelf: Shelf, positions: Sequence[int]
) -> PlacedAnswer:
    """The documents at those positions of the map.

    Raises:
        BadValueError: a position that is not on the map.
    """
    drawn = take(collection, shelf).value.map
    for place, position in enumerate(positions):
        if not 0 <= position < len(drawn):
            message = f"positions[{place}] is {position:,}; 0 to {len(drawn) - 1:,} are on the map"
            raise BadValueError(message, f"positions[{place}]")
    ids = [str(drawn.ids[position]) for position in positions]
    found = collection.get(ids)
    return PlacedAnswer(
        documents=[
            Placed(
                position=position,
                id=stored.document.id,
                title=stored.document.title,
                text=shortened(stored.document.text),
                x=float(drawn.points[position, 0]),
                y=float(drawn.points[position, 1]),
                metadata=dict(stored.document.metadata),
            )
            for position, stored in zip(positions, found, strict=True)
            if stored is not None
        ]
    )


def field_of(collection: LocalCollection, shelf: Shelf, key: str) -> FieldAnswer:
    """What the documents of the map say of one field today.

    Raises:
        InvalidAnalysisError: a key that filters cannot say either.
    """
    drawn = take(collection, shelf).value.map
    field = read_field(collection, drawn.ids.tolist(), key)
    numbers: list[float] = [] if field.kind == "values" else field.numbers.tolist()
    return FieldAnswer(
        key=key,
        kind=field.kind,
        values=list(field.values),
        codes=field.codes.tolist() if field.kind == "values" else [],
        numbers=[None if isnan(number) else number for number in numbers],
    )
