"""What a client may say of questions about a whole collection: the bodies as types."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - type hints can be resolved
from typing import Literal, NotRequired, TypedDict

from service.client.answers import JsonObject  # noqa: TC001 - type hints can be resolved


class ClusterOptions(TypedDict, total=False):
    """How documents shall be grouped; what is left out is the server's default."""

    method: Literal["kmeans", "hdbscan", "agglomerative"]
    k: int | None
    min_size: int | None
    levels: int
    seed: int
    filter: JsonObject | None


class OutlierOptions(TypedDict, total=False):
    """How outliers shall be found."""

    method: Literal["combined", "knn", "lof", "forest", "clusters", "centroid"]
    contamination: float | None
    k: int | None
    explained: int
    seed: int
    filter: JsonObject | None


class DuplicateOptions(TypedDict, total=False):
    """What counts as a duplicate."""

    threshold: float | None
    exact_only: bool
    wording: bool
    same_numbers: bool
    least_overlap: float | None
    translations: bool
    seed: int
    filter: JsonObject | None


class LeakageOptions(DuplicateOptions, total=False):
    """What counts as a duplicate, and of which documents of the other collection."""

    other_filter: JsonObject | None


class MapOptions(TypedDict, total=False):
    """How a map shall be drawn."""

    neighbours: int
    exaggeration: float
    seed: int
    filter: JsonObject | None


class Side(TypedDict, total=False):
    """Documents of one side of a comparison."""

    collection: str | None
    filter: JsonObject | None


class Questions(TypedDict):
    """Questions in the place of later documents."""

    texts: Sequence[str]
    usual: NotRequired[Sequence[str]]
    least: NotRequired[float]


class DriftOptions(TypedDict, total=False):
    """What shall be compared with what; `filter` holds for both sides."""

    questions: Questions
    before: Side
    after: Side
    test: Literal["mmd", "classifier"]
    level: float
    permutations: int
    sample: int
    examples: int
    seed: int
    filter: JsonObject | None


class JobsWanted(TypedDict, total=False):
    """Which jobs."""

    collection: str
    kind: str
    state: str
    cursor: str
    limit: int
