"""The JSON objects that jobs and questions about a whole collection answer with, as types."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from service.jobs.types import Kind, State  # noqa: TC001 - who reads the hints needs them


class JobProgress(TypedDict):
    """How far a job is."""

    stage: str
    done: int
    total: int
    eta_s: float | None


class JobFault(TypedDict):
    """Why a job failed or was interrupted."""

    message: str
    type: str
    param: str | None
    code: str


class Job(TypedDict):
    """Long work, and where it stands."""

    id: str
    kind: Kind
    collection: str
    state: State
    progress: JobProgress
    error: JobFault | None
    result: dict[str, Any] | None
    request: dict[str, Any]
    created: str
    started: str | None
    finished: str | None


class JobsAnswer(TypedDict):
    """Jobs, newest first; `cursor` is for the next page."""

    jobs: list[Job]
    cursor: str | None


class Made(TypedDict):
    """What a result was made from."""

    at: str
    request: dict[str, Any]
    encoder: str
    version: int


class ResultAnswer(TypedDict):
    """What every kept result is told with."""

    made: Made
    stale: bool
    receipt: dict[str, Any]


class Shown(TypedDict):
    """A document, short."""

    id: str
    title: str
    text: str


class Cluster(TypedDict):
    """A group of documents."""

    id: int
    label: str
    terms: list[str]
    size: int
    new: int
    similarity: float
    representatives: list[str]
    examples: list[Shown]
    members: list[str] | None


class ClusterGroup(TypedDict):
    """Clusters seen from further off."""

    id: int
    label: str
    terms: list[str]
    size: int
    clusters: list[int]
    parent: int | None


class ClusterEvent(TypedDict):
    """What became of clusters from one result to the next."""

    kind: Literal["birth", "death", "merge", "split"]
    before: list[int]
    after: list[int]
    documents: int


class ClustersAnswer(ResultAnswer):
    """Clusters, the largest first; `cursor` is for the next page."""

    clusters: list[Cluster]
    levels: list[list[ClusterGroup]]
    events: list[ClusterEvent]
    outliers: int
    cursor: str | None


class ClusterMember(Shown):
    """A document of a cluster."""

    similarity: float


class MembersAnswer(TypedDict):
    """Documents of a cluster, the most typical first."""

    cluster: int
    documents: list[ClusterMember]
    cursor: str | None


class NearDocument(TypedDict):
    """A document that is near."""

    id: str
    score: float


class Verdict(TypedDict):
    """How little something belongs to a collection, and why."""

    score: float
    is_outlier: bool
    reason: str
    neighbours: list[NearDocument]
    detectors: dict[str, float]


class Outlier(Verdict, Shown):
    """A document and how little it belongs."""


class OutliersAnswer(ResultAnswer):
    """Documents, the most outlying first; `cursor` is for the next page."""

    outliers: list[Outlier]
    threshold: float
    count: int
    documents: int
    cursor: str | None


class ScoresAnswer(TypedDict):
    """How little texts would belong, in their order."""

    scores: list[Verdict]
    threshold: float
    truncated: list[int]
    receipt: dict[str, Any]


class Duplicate(Shown):
    """A document that repeats the representative of its group."""

    score: float
    exact: bool


class DuplicateGroup(TypedDict):
    """Documents that say the same."""

    representative: str
    title: str
    text: str
    kind: Literal["exact", "near", "translation"]
    size: int
    members: list[Duplicate]


class DuplicatesAnswer(ResultAnswer):
    """Groups of documents that say the same, the largest first, translations last."""

    groups: list[DuplicateGroup]
    count: int
    translations: int
    redundant: int
    threshold: float | None
    cursor: str | None


class Leaked(Shown):
    """A document that another collection has as well."""

    other: str
    score: float
    exact: bool


class LeakageAnswer(ResultAnswer):
    """Documents that both collections have, the most similar first."""

    pairs: list[Leaked]
    other: str
    count: int
    share: float
    threshold: float | None
    cursor: str | None


class MapTile(TypedDict):
    """A tile that holds points."""

    level: int
    column: int
    row: int
    points: int
    below: int


class MapLabel(TypedDict):
    """The name of a cluster and where it stands."""

    cluster: int
    label: str
    x: float
    y: float
    level: int
    size: int


class MapAnswer(ResultAnswer):
    """A map without its points."""

    points: int
    bounds: list[float]
    capacity: int
    tiles: list[MapTile]
    labels: list[MapLabel]
    coloured_by: list[Literal["clusters", "outliers"]]
    tile_path: str


class MapPoint(TypedDict):
    """A document's place on a map."""

    position: int
    id: str
    x: float
    y: float
    cluster: int | None
    score: float | None


class MapPointsAnswer(TypedDict):
    """Points of a map; `cursor` is for the next page."""

    points: list[MapPoint]
    cursor: str | None


class MapDocument(Shown):
    """A document on a map."""

    position: int
    x: float
    y: float
    metadata: dict[str, Any]


class MapDocumentsAnswer(TypedDict):
    """Documents on a map, in the order asked for."""

    documents: list[MapDocument]


class MapFieldAnswer(TypedDict):
    """What every document of a map says of one field, by position."""

    key: str
    kind: Literal["values", "numbers", "times"]
    values: list[str | bool | int | float]
    codes: list[int]
    numbers: list[float | None]


class ClusterShift(TypedDict):
    """How the share of a cluster changed."""

    cluster: int
    label: str
    before: int
    after: int
    share_before: float
    share_after: float
    p_value: float
    change: str


class NewDocument(Shown):
    """A later document that is unlike any earlier one."""

    score: float
    nearest: str


class PoorAnswer(TypedDict):
    """A question whose best answer is poor."""

    question: str
    score: float
    nearest: str
    title: str
    text: str


class QuestionsAnswer(TypedDict):
    """How well the documents answer questions."""

    asked: int
    least: float | None
    share: float | None
    poor: list[PoorAnswer]


class DriftAnswer(ResultAnswer):
    """Whether and how later documents differ from earlier ones."""

    changed: bool
    p_value: float
    statistic: float
    usual: float
    mmd_p_value: float
    auc: float
    auc_p_value: float
    clusters: list[ClusterShift]
    new_share: float
    new_line: float
    new: list[NewDocument]
    questions: QuestionsAnswer | None
