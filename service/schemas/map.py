"""Maps: how they shall be drawn, and what is on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field

from service.schemas.analysis import AnalysisBody, ResultAnswer, Shown
from service.schemas.fields import Answer, Body, Query, Within

if TYPE_CHECKING:
    from analysis.map.finding import MapRequest

MAX_POSITIONS = 5_000
MAX_POINTS = 10_000
"""Points on one page."""


class MapBody(AnalysisBody):
    """How a map shall be drawn."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"neighbours": 15}]})

    neighbours: Annotated[
        int,
        Field(
            description=(
                "Of each document that attract it, 2 to 200: more tell more of the whole, fewer of "
                "what is close."
            )
        ),
    ] = 15
    exaggeration: Annotated[
        float, Field(description="1 spreads clusters over the plane, up to 30 draws them together.")
    ] = 1.0
    seed: Annotated[int, Field(description="Of everything that is drawn by lot.")] = 0

    def to_request(self) -> MapRequest:
        """The request.

        Raises:
            InvalidAnalysisError: an impossible value.
        """
        from analysis.map.finding import MapRequest

        return self.request_of(MapRequest)


class TileFacts(Answer):
    """A tile that holds points."""

    level: Annotated[int, Field(description="0 is the whole square; each level halves the sides.")]
    column: int
    row: int
    points: Annotated[int, Field(description="In the tile itself.")]
    below: Annotated[int, Field(description="In the tiles under it.")]


class LabelAnswer(Answer):
    """The name of a cluster and where it stands."""

    cluster: int
    label: str
    x: float
    y: float
    level: Annotated[int, Field(description="Shown from this level of zoom on.")]
    size: Annotated[int, Field(description="Documents of the cluster on the map.")]


class MapAnswer(ResultAnswer):
    """A map without its points, which are in its tiles."""

    points: Annotated[int, Field(description="Documents on the map.")]
    bounds: Annotated[
        list[float], Field(description="Left, low, right and high edge of the square.")
    ]
    capacity: Annotated[int, Field(description="Most points of a tile.")]
    tiles: Annotated[list[TileFacts], Field(description="By level, column and row.")]
    labels: Annotated[list[LabelAnswer], Field(description="Names of clusters, largest first.")]
    coloured_by: Annotated[
        list[Literal["clusters", "outliers"]],
        Field(description="What tiles tell of their points beside their places."),
    ]
    tile_path: Annotated[str, Field(description="Where tiles are; braces stand for numbers.")]


class PointsQuery(Query):
    """Which points."""

    cursor: Annotated[str | None, Field(description="Of the page before.")] = None
    limit: Annotated[int, Within(1, MAX_POINTS), Field(description="Points on the page.")] = 1000


class PointAnswer(Answer):
    """A document's place on the map."""

    position: int
    id: str
    x: float
    y: float
    cluster: Annotated[
        int | None, Field(description="-1: in none; null where no clusters were found.")
    ]
    score: Annotated[float | None, Field(description="Of outliers; null where it was not scored.")]


class PointsAnswer(Answer):
    """Points of a map, in the order of their positions."""

    points: list[PointAnswer]
    cursor: Annotated[str | None, Field(description="For the next page; null on the last.")]


class PositionsBody(Body):
    """Which points of a map."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"positions": [0, 2]}]})

    positions: Annotated[
        list[int], Field(min_length=1, description="As tiles tell them.", max_length=MAX_POSITIONS)
    ]


class Placed(Shown):
    """A document on a map."""

    position: int
    x: float
    y: float
    metadata: dict[str, Any]


class PlacedAnswer(Answer):
    """Documents on a map, in the order asked for; those that were deleted since are left out."""

    documents: list[Placed]


class FieldQuery(Query):
    """Which field."""

    key: Annotated[
        str, Field(description="As filters write it.", examples=["category"], min_length=1)
    ]


class FieldAnswer(Answer):
    """What every document of a map says of one field, by position."""

    key: str
    kind: Annotated[
        Literal["values", "numbers", "times"],
        Field(description="What they say; `times` are RFC 3339 times or dates."),
    ]
    values: Annotated[
        list[str | bool | int | float],
        Field(description="Of the kind `values`: the different ones, most frequent first, 200."),
    ]
    codes: Annotated[
        list[int],
        Field(description="Each document's place in `values`; -1: nothing, or something rarer."),
    ]
    numbers: Annotated[
        list[float | None],
        Field(description="Of the other kinds: each document's number; times are Unix seconds."),
    ]
