"""Maps: drawn in a job, read tile by tile."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from analysis.corpus import read_corpus
from analysis.map.columns import to_bytes
from analysis.map.fields import read_field
from analysis.map.finding import Map, find_map
from analysis.map.tiles import tiles
from analysis.origin import made_from
from service.analyses.finding import Found
from service.errors import BadValueError
from service.schemas.analysis import Made, shortened
from service.schemas.map import FieldAnswer, MapAnswer, MapBody, Placed, PlacedAnswer, TileFacts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.map.tiles import Tiles
    from analysis.progress import Progress
    from analysis.results import Result
    from indexing.local import LocalCollection
    from service.analyses.finding import Opening
    from service.analyses.kept import Kept, Shelf

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


def answer_of(collection: LocalCollection, shelf: Shelf) -> MapAnswer:
    """The map without its points."""
    kept = take(collection, shelf)
    facts = kept.value.tiles.to_json()
    return MapAnswer(
        points=facts["points"],
        bounds=facts["bounds"],
        capacity=facts["capacity"],
        tiles=[TileFacts(**each) for each in facts["tiles"]],
        labels=[],
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
    drawn = kept.value
    positions = drawn.tiles.positions(level, column, row)
    return to_bytes(drawn.map.points, positions), f"{kept.stamp[0]:x}-{kept.stamp[1]:x}"


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
    numbers = [] if field.kind == "values" else field.numbers.astype(object)
    return FieldAnswer(
        key=key,
        kind=field.kind,
        values=list(field.values),
        codes=field.codes.tolist() if field.kind == "values" else [],
        numbers=[None if number != number else number for number in numbers],  # noqa: PLR0124
    )
